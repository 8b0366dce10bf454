using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Serverless.Local.FunctionsHost.Handler;

namespace Serverless.Local.FunctionsHost.Http;

/// <summary>Turns an http output (default mode) into an answer, with the real host's traps: it must be an object; an array as a header
/// value is a 500; a status code that cannot be read becomes 200; a body object is printed indented.</summary>
internal static class HttpOutput
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task Write(HttpResponse response, string? binding, HandlerAnswer answer)
    {
        response.StatusCode = StatusCodes.Status500InternalServerError;
        if (answer.Kind != AnswerKind.Completed) return;
        var given = binding switch
        {
            null => default(JsonElement?),
            "$return" => answer.ReturnValue,
            _ => answer.Outputs.TryGetValue(binding, out var named) ? named : null,
        };
        if (given is not { } output)
        {
            response.StatusCode = binding is null ? StatusCodes.Status204NoContent : StatusCodes.Status200OK;
            return;
        }

        if (output.ValueKind != JsonValueKind.Object || !WriteHeaders(response, output)) return;
        response.StatusCode = Status(output);
        if (Member(output, "body") is not { } body || body.ValueKind is JsonValueKind.Null) return;
        var text = body.ValueKind == JsonValueKind.String ? body.GetString()! : JsonSerializer.Serialize(body, Indented);
        response.ContentType ??= "text/plain; charset=utf-8";
        await response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), response.HttpContext.RequestAborted).ConfigureAwait(false);
    }

    private static int Status(JsonElement output)
    {
        var given = Member(output, "statusCode") ?? Member(output, "status");
        var text = given?.ToString();
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 100 and <= 999 ? code : StatusCodes.Status200OK;
    }

    private static bool WriteHeaders(HttpResponse response, JsonElement output)
    {
        if (Member(output, "headers") is not { ValueKind: JsonValueKind.Object } headers) return true;
        foreach (var header in headers.EnumerateObject())
        {
            if (header.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Object) return false;
            if (header.Name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)) continue; // ours to count
            response.Headers[header.Name] = header.Value.ToString();
        }

        return true;
    }

    private static JsonElement? Member(JsonElement element, string name)
    {
        foreach (var member in element.EnumerateObject())
        {
            if (member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) return member.Value;
        }

        return null;
    }
}
