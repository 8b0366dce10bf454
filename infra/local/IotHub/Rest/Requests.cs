using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Rest;

/// <summary>What the operations read from requests.</summary>
internal static class Requests
{
    /// <summary>The device id of the path, decoded once.</summary>
    public static string Id(this HttpContext http) => (string)http.Request.RouteValues["id"]!;

    /// <summary>The If-Match header: an ETag without quotes, <c>*</c>, or null when absent. SDKs send it quoted and unquoted.</summary>
    public static string? IfMatch(this HttpContext http)
    {
        var text = http.Request.Headers.IfMatch.ToString();
        return text.Length == 0 ? null : text.Length > 1 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;
    }

    /// <summary>The whole body, bounded by the server.</summary>
    public static async Task<byte[]> Body(this HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted).ConfigureAwait(false);
        return body.ToArray();
    }

    /// <summary>Lets the server read on, for the 5 s that Kestrel gives it, what a refused caller is still sending: it then reads the
    /// answer, and not that its connection was reset.</summary>
    /// <remarks>Called on Kestrel's own refusal of a Content-Length, which comes before a byte was read.</remarks>
    public static void Drain(this HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
    }

    /// <returns>The body as an object, or <c>argument-invalid</c>.</returns>
    public static async Task<Parsed<JsonObject>> BodyObject(this HttpContext http) => HubJson.ParseObject(await http.Body().ConfigureAwait(false));

    /// <summary>A member that is text, or null when absent or null.</summary>
    /// <returns>False when it is anything else.</returns>
    public static bool TryText(this JsonObject from, string name, out string? text)
    {
        text = null;
        if (from[name] is not { } node) return true;
        if (node.GetValueKind() != JsonValueKind.String) return false;
        text = node.GetValue<string>();
        return true;
    }

    /// <summary>A member that is an object, or null when absent or null.</summary>
    /// <returns>False when it is anything else.</returns>
    public static bool TryObject(this JsonObject from, string name, out JsonObject? found)
    {
        found = from[name] as JsonObject;
        return from[name] is null or JsonObject;
    }
}
