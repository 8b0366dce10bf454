using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Rest;

/// <summary>Identities, one at a time: <c>argument-invalid</c>, <c>device-not-found</c>, and those of <see cref="DeviceRegistry"/>.</summary>
internal sealed class DevicesApi(Hub hub)
{
    /// <summary>GET /devices/{id}: keys included, for whoever may read devices, as on Azure.</summary>
    public Task<Parsed<HubReply>> Show(HttpContext http) => Task.FromResult(hub.Registry.TryFind(http.Id(), out var device)
        ? Reply(device)
        : (Parsed<HubReply>)new Fault("device-not-found", "deviceId"));

    /// <summary>PUT /devices/{id}: creates without If-Match, replaces with it.</summary>
    public async Task<Parsed<HubReply>> Put(HttpContext http)
    {
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("deviceId", out var named) || (named is not null && named != http.Id())) return new Fault("argument-invalid", "deviceId");
        if (!DeviceBody.Parse(body, http.Id()).TryGet(out var spec, out fault)) return fault;
        var done = http.IfMatch() is { } ifMatch ? hub.Registry.Update(spec, ifMatch) : hub.Registry.Create(spec);
        return done.Then<HubReply>(Reply);
    }

    /// <summary>DELETE /devices/{id}: without If-Match whatever its ETag.</summary>
    public Task<Parsed<HubReply>> Delete(HttpContext http) =>
        Task.FromResult(hub.Registry.Delete(http.Id(), http.IfMatch() ?? "*").Then<HubReply>(_ => HubReply.Empty));

    /// <summary>GET /devices?top=n: the first n by id, 1 to 1000.</summary>
    public Task<Parsed<HubReply>> List(HttpContext http)
    {
        var text = http.Request.Query["top"].ToString();
        var top = 1000;
        if (text.Length > 0 && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out top) && top is >= 1 and <= 1000))
        {
            return Task.FromResult<Parsed<HubReply>>(new Fault("argument-invalid", "top"));
        }

        var found = hub.Registry.Records.OrderBy(device => device.Identity.DeviceId, StringComparer.Ordinal).Take(top).Select(Document);
        return Task.FromResult<Parsed<HubReply>>(new HubReply(new JsonArray([.. found])));
    }

    /// <summary>GET /statistics/devices.</summary>
    public Task<Parsed<HubReply>> Statistics(HttpContext http)
    {
        var statuses = hub.Registry.Records.Select(device => { lock (device.Gate) return device.Identity.Status; }).ToArray();
        return Task.FromResult<Parsed<HubReply>>(new HubReply(new JsonObject
        {
            ["totalDeviceCount"] = statuses.Length,
            ["enabledDeviceCount"] = statuses.Count(status => status == DeviceStatus.Enabled),
            ["disabledDeviceCount"] = statuses.Count(status => status == DeviceStatus.Disabled),
        }));
    }

    private static Parsed<HubReply> Reply(DeviceRecord device)
    {
        lock (device.Gate) return new HubReply(device.DeviceDocument(), ETag: device.Identity.ETag);
    }

    private static JsonNode Document(DeviceRecord device)
    {
        lock (device.Gate) return device.DeviceDocument();
    }
}
