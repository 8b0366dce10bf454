using System.Text.Json;
using Azure;

namespace Serverless.Rest;

/// <summary>Finds the service's code and tracking id in an error, wherever it put them: headers <c>x-ms-error-code</c> and
/// <c>iothub-errorcode</c>; members <c>errorCode</c>, <c>trackingId</c> (DPS); <c>Message</c>, <c>ExceptionMessage</c> (IoT Hub).</summary>
internal static class ServiceError
{
    /// <summary>As much of an error's body as is read.</summary>
    public const int BytesMax = 64 * 1024;

    /// <summary>Reads both; what is not there, or not in the expected alphabet, is empty.</summary>
    public static (string Code, string TrackingId) Read(Response response, ReadOnlyMemory<byte> body)
    {
        var (code, tracking) = Of(body);
        foreach (var name in (ReadOnlySpan<string>)["iothub-errorcode", "x-ms-error-code"])
        {
            if (code.Length == 0 && response.Headers.TryGetValue(name, out var named)) code = Code(named);
        }

        if (tracking.Length == 0 && response.Headers.TryGetValue("x-ms-request-id", out var request)) tracking = Tracking(request);
        return (code, tracking);
    }

    private static (string Code, string TrackingId) Of(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty) return ("", "");
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return ("", "");
            var (code, tracking) = ("", "");
            foreach (var member in document.RootElement.EnumerateObject())
            {
                var text = member.Value.ValueKind switch
                {
                    JsonValueKind.String => member.Value.GetString()!,
                    JsonValueKind.Number => member.Value.GetRawText(),
                    _ => "",
                };
                switch (member.Name.ToUpperInvariant())
                {
                    case "ERRORCODE":
                        code = Code(text);
                        break;
                    case "TRACKINGID":
                        tracking = Tracking(text);
                        break;
                    // {"Message":"ErrorCode:DeviceNotFound;...","ExceptionMessage":"Tracking ID:...-TimeStamp:..."}
                    case "MESSAGE" when code.Length == 0 && text.StartsWith("ErrorCode:", StringComparison.Ordinal):
                        code = Code(text["ErrorCode:".Length..].Split(';', 2)[0]);
                        break;
                    case "EXCEPTIONMESSAGE" when tracking.Length == 0 && text.StartsWith("Tracking ID:", StringComparison.Ordinal):
                        tracking = Tracking(text["Tracking ID:".Length..]);
                        break;
                }
            }

            return (code, tracking);
        }
        catch (JsonException)
        {
            return ("", ""); // an error page of something in between; the status says enough
        }
    }

    internal static string Code(string text) =>
        text.Length is >= 1 and <= 64 && text.All(character => char.IsAsciiLetterOrDigit(character) || character == '-') ? text : "";

    internal static string Tracking(string text) =>
        text.Length is >= 1 and <= 128 && text.All(character => character is > ' ' and < '\x7f' or ' ') ? text : "";
}
