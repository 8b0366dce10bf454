using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Query;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Rest;

/// <summary>POST /devices/query: twins that match, by id, a page at a time.</summary>
/// <remarks>On Azure results lag the registry by seconds; here they do not. Do not learn to rely on it.</remarks>
internal sealed class QueryApi(Hub hub)
{
    /// <summary>Runs a query from the start or from a continuation token.</summary>
    public async Task<Parsed<HubReply>> Run(HttpContext http)
    {
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("query", out var text) || text is null) return new Fault("argument-invalid", "query");
        if (!DeviceQuery.Parse(text).TryGet(out var query, out fault)) return fault;
        if (!PageRequest.Read(http).TryGet(out var asked, out fault)) return fault;
        var page = new JsonArray();
        string? last = null;
        foreach (var device in hub.Registry.Records.OrderBy(device => device.Identity.DeviceId, StringComparer.Ordinal))
        {
            if (asked.After is { } after && string.CompareOrdinal(device.Identity.DeviceId, after) <= 0) continue;
            var twin = Twin(device);
            if (!query.Matches(twin)) continue;
            if (page.Count == asked.Size) return Reply(page, PageRequest.Token(last!)); // there is more
            page.Add(twin);
            last = device.Identity.DeviceId;
        }

        return Reply(page, null);
    }

    private static HubReply Reply(JsonArray page, string? continuation) => new(page, Continuation: continuation, ItemType: "Twin");

    private static JsonObject Twin(DeviceRecord device)
    {
        lock (device.Gate) return device.TwinDocument();
    }
}
