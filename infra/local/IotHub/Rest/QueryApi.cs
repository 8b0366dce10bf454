using System.Globalization;
using System.Text;
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
    private const int PageMax = 1000;
    private const int PageDefault = 100;

    /// <summary>Runs a query from the start or from a continuation token.</summary>
    public async Task<Parsed<HubReply>> Run(HttpContext http)
    {
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("query", out var text) || text is null) return new Fault("argument-invalid", "query");
        if (!DeviceQuery.Parse(text).TryGet(out var query, out fault)) return fault;
        if (PageSize(http) is not { } size) return new Fault("argument-invalid", "x-ms-max-item-count");
        if (!TryAfter(http, out var after)) return new Fault("argument-invalid", "x-ms-continuation");
        var page = new JsonArray();
        string? last = null;
        foreach (var device in hub.Registry.Records.OrderBy(device => device.Identity.DeviceId, StringComparer.Ordinal))
        {
            if (after is not null && string.CompareOrdinal(device.Identity.DeviceId, after) <= 0) continue;
            var twin = Twin(device);
            if (!query.Matches(twin)) continue;
            if (page.Count == size) return Reply(page, Convert.ToBase64String(Encoding.UTF8.GetBytes(last!))); // there is more
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

    private static int? PageSize(HttpContext http)
    {
        var text = http.Request.Headers["x-ms-max-item-count"].ToString();
        return text.Length == 0 ? PageDefault
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is >= 1 and <= PageMax ? size
            : null;
    }

    // The token is the last id of the page before: stable while devices come and go.
    private static bool TryAfter(HttpContext http, out string? after)
    {
        after = null;
        var token = http.Request.Headers["x-ms-continuation"].ToString();
        if (token.Length == 0) return true;
        var bytes = new byte[token.Length];
        if (!Convert.TryFromBase64String(token, bytes, out var written)) return false;
        after = Encoding.UTF8.GetString(bytes, 0, written);
        return true;
    }
}
