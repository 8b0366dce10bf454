using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>RFC 9457 problem answers: <c>type</c>, <c>title</c>, <c>status</c> and our <c>code</c>, <c>where</c>, <c>trace</c>.</summary>
/// <remarks>Everything in it is ours: no input, no exception text, no stack.</remarks>
internal static class Problem
{
    /// <summary>Writes the answer, unless one has begun: then the connection is cut, which the caller sees as a failure too.</summary>
    public static Task Write(HttpContext context, int status, Fault fault)
    {
        var response = context.Response;
        if (response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        var retryAfter = response.Headers.RetryAfter;
        var challenge = response.Headers.WWWAuthenticate;
        var allow = response.Headers.Allow;
        response.Clear();
        response.Headers.RetryAfter = retryAfter;
        response.Headers.Allow = allow;
        response.Headers.WWWAuthenticate = challenge;
        var json = Json(status, fault, Activity.Current);
        response.StatusCode = status;
        response.ContentType = "application/problem+json";
        response.ContentLength = json.Length;
        response.Headers.CacheControl = "no-store";
        return response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }

    private static byte[] Json(int status, Fault fault, Activity? activity)
    {
        using var buffer = new MemoryStream(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "about:blank"); // RFC 9457 section 4.2.1: the title is the status phrase, the code says the rest
            json.WriteString("title", ReasonPhrases.GetReasonPhrase(status));
            json.WriteNumber("status", status);
            json.WriteString("code", fault.Code);
            json.WriteString("where", fault.Where);
            if (activity is { IdFormat: ActivityIdFormat.W3C }) json.WriteString("trace", activity.TraceId.ToHexString());
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
