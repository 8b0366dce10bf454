using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Rest;

/// <summary>Twins of devices.</summary>
internal sealed class TwinsApi(Hub hub)
{
    /// <summary>GET /twins/{id}.</summary>
    public Task<Parsed<HubReply>> Show(HttpContext http)
    {
        if (!hub.Registry.TryFind(http.Id(), out var device)) return Task.FromResult<Parsed<HubReply>>(new Fault("device-not-found", "deviceId"));
        lock (device.Gate) return Task.FromResult<Parsed<HubReply>>(Reply(device.TwinDocument()));
    }

    /// <summary>PATCH /twins/{id}: merges; null deletes; without If-Match whatever the ETag.</summary>
    public Task<Parsed<HubReply>> Patch(HttpContext http) => Change(http, hub.Twins.Patch);

    /// <summary>PUT /twins/{id}: replaces tags and desired properties.</summary>
    public Task<Parsed<HubReply>> Replace(HttpContext http) => Change(http, hub.Twins.Replace);

    /// <summary>Reads the writable sections of a twin: <c>tags</c> and <c>properties.desired</c>.</summary>
    /// <returns>The sections that are there, or <c>argument-invalid</c>.</returns>
    public static Parsed<TwinSections> Sections(JsonObject body)
    {
        JsonObject? desired = null;
        return body.TryObject("tags", out var tags) && body.TryObject("properties", out var properties)
            && (properties is null || properties.TryObject("desired", out desired))
            ? new TwinSections(tags, desired)
            : new Fault("argument-invalid", "twin");
    }

    private static async Task<Parsed<HubReply>> Change(HttpContext http, Func<string, string, JsonObject?, JsonObject?, Parsed<JsonObject>> change)
    {
        var body = await http.BodyObject().ConfigureAwait(false);
        return body.Then(Sections).Then(twin => change(http.Id(), http.IfMatch() ?? "*", twin.Tags, twin.Desired)).Then<HubReply>(document => Reply(document));
    }

    private static HubReply Reply(JsonObject document) => new(document, ETag: document["etag"]!.GetValue<string>());
}

/// <summary>What a request says of a twin.</summary>
/// <param name="Tags">Or null.</param>
/// <param name="Desired">Or null.</param>
internal sealed record TwinSections(JsonObject? Tags, JsonObject? Desired);
