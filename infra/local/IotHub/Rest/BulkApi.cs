using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Rest;

/// <summary>POST /devices: up to 100 changes, each by itself; the answer is 200 with <c>isSuccessful</c> and what failed.</summary>
/// <remarks>Counted as one registry operation: how Azure meters it is not documented.</remarks>
internal sealed class BulkApi(Hub hub)
{
    /// <summary>Runs the changes in order.</summary>
    /// <returns>What failed; or <c>argument-invalid</c>, <c>bulk-size</c> for the whole. One element fails with those of
    /// <see cref="DeviceRegistry"/> and <see cref="Twins"/>, <c>argument-invalid</c> or <c>bulk-mode</c>.</returns>
    public async Task<Parsed<HubReply>> Run(HttpContext http)
    {
        if (!HubJson.Parse(await http.Body().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (body is not JsonArray elements || elements.Any(element => element is not JsonObject)) return new Fault("argument-invalid", "body");
        if (elements.Count > HubLimits.BulkMax) return new Fault("bulk-size", "body");
        var errors = new JsonArray();
        foreach (var element in elements.Cast<JsonObject>())
        {
            if (Apply(element) is not { } failed) continue;
            var (code, name, text) = HubErrors.Of(failed);
            errors.Add(new JsonObject { ["deviceId"] = element["id"]?.DeepClone(), ["errorCode"] = code, ["errorStatus"] = $"{name}: {text}" });
        }

        return new HubReply(new JsonObject { ["isSuccessful"] = errors.Count == 0, ["errors"] = errors, ["warnings"] = new JsonArray() });
    }

    private Fault? Apply(JsonObject element)
    {
        var fault = new Fault("argument-invalid", "device");
        if (!element.TryText("id", out var id) || id is null || !element.TryText("importMode", out var mode)) return fault;
        if (!(element.TryText("eTag", out var etag) && (etag is not null || element.TryText("etag", out etag)))) return fault; // SDKs differ in case
        if (!element.TryText("twinETag", out var twinEtag)) return fault;
        if (!TwinsApi.Sections(element).TryGet(out var twin, out var refused)) return refused;
        // The casing of importMode is mixed on the wire: "create", "Update", "UpdateIfMatchETag".
        var known = mode?.ToUpperInvariant() ?? "CREATE";
        switch (known)
        {
            case "DELETE":
                return hub.Registry.Delete(id, "*").Fault;
            case "DELETEIFMATCHETAG":
                return hub.Registry.Delete(id, Unquoted(etag)).Fault;
            case "UPDATETWIN":
                return hub.Twins.Patch(id, "*", twin.Tags, twin.Desired).Fault;
            case "UPDATETWINIFMATCHETAG":
                return hub.Twins.Patch(id, Unquoted(twinEtag), twin.Tags, twin.Desired).Fault;
            case "CREATE" or "UPDATE" or "UPDATEIFMATCHETAG" or "CREATEORUPDATE" or "CREATEORUPDATEIFMATCHETAG":
                return DeviceBody.Parse(element, id).TryGet(out var spec, out var shape) ? Put(known, spec with { Tags = twin.Tags, Desired = twin.Desired }, Unquoted(etag)) : shape;
            default:
                return new Fault("bulk-mode", "importMode");
        }
    }

    private Fault? Put(string mode, DeviceSpec spec, string etag)
    {
        var exists = hub.Registry.TryFind(spec.DeviceId, out _);
        if (mode == "CREATE" || (!exists && mode.StartsWith("CREATEORUPDATE", StringComparison.Ordinal))) return hub.Registry.Create(spec).Fault;
        var ifMatch = mode.EndsWith("IFMATCHETAG", StringComparison.Ordinal) ? etag : "*";
        // Tags and desired properties of an update belong to the twin modes; the identity modes change the identity.
        return hub.Registry.Update(spec, ifMatch).Fault;
    }

    // A mode that demands an ETag matches nothing when it is missing.
    private static string Unquoted(string? etag) => etag?.Trim('"') ?? "";
}
