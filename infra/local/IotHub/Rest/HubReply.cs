using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Serverless.Local.IotHub.Rest;

/// <summary>A successful answer of the service API.</summary>
/// <param name="Body">JSON, or null for none.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="ETag">Without quotes, or null.</param>
/// <param name="Continuation">The <c>x-ms-continuation</c> header, or null.</param>
/// <param name="ItemType">The <c>x-ms-item-type</c> header, or null.</param>
internal sealed record HubReply(JsonNode? Body, int Status = 200, string? ETag = null, string? Continuation = null, string? ItemType = null)
{
    /// <summary>204.</summary>
    public static HubReply Empty { get; } = new(null, 204);

    /// <summary>Writes it.</summary>
    public Task Write(HttpContext http)
    {
        http.Response.StatusCode = Status;
        if (ETag is not null) http.Response.Headers.ETag = $"\"{ETag}\"";
        if (Continuation is not null) http.Response.Headers["x-ms-continuation"] = Continuation;
        if (ItemType is not null) http.Response.Headers["x-ms-item-type"] = ItemType;
        return Body is null ? Task.CompletedTask : WriteJson(http, Body);
    }

    /// <summary>Writes a JSON body with its length.</summary>
    public static Task WriteJson(HttpContext http, JsonNode body)
    {
        var bytes = HubJson.Bytes(body);
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = bytes.Length;
        return http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }
}
