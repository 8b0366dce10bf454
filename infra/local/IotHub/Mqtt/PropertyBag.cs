using Serverless.Local.EventHubs;

namespace Serverless.Local.IotHub.Mqtt;

/// <summary>The properties at the end of a telemetry topic: <c>name=value&amp;…</c>, percent-encoded, system ones as <c>$.mid</c>.</summary>
/// <param name="System">Message id, correlation id, user id, content type and encoding.</param>
/// <param name="Application">The device's own, a name written twice being its last value.</param>
/// <param name="Subject"><c>$.sub</c>, which becomes the annotation <c>dt-subject</c>.</param>
/// <param name="WireBytes">Characters of names and values decoded: what counts towards the message size.</param>
internal sealed record PropertyBag(EventProperties System, Dictionary<string, object?> Application, string? Subject, int WireBytes)
{
    /// <summary>Reads a bag. Every value in it is the device's word: none of it may become a stamp.</summary>
    /// <param name="text">The rest of the topic, bounded by the packet.</param>
    /// <remarks>Lenient like the service: a name without <c>=</c> has the value "", an invalid escape stays as written, and system names
    /// that Event Hubs does not carry (<c>$.to</c>, <c>$.exp</c>, <c>$.ifid</c>) are dropped.</remarks>
    public static PropertyBag Parse(string text)
    {
        string? messageId = null, correlationId = null, userId = null, contentType = null, contentEncoding = null, subject = null;
        var application = new Dictionary<string, object?>(StringComparer.Ordinal);
        var size = 0;
        foreach (var field in text.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var cut = field.IndexOf('=', StringComparison.Ordinal);
            var name = Uri.UnescapeDataString(cut < 0 ? field : field[..cut]);
            var value = cut < 0 ? "" : Uri.UnescapeDataString(field[(cut + 1)..]);
            size += name.Length + value.Length;
            switch (name)
            {
                case "$.mid": messageId = value; break;
                case "$.cid": correlationId = value; break;
                case "$.uid": userId = value; break;
                case "$.ct": contentType = value; break;
                case "$.ce": contentEncoding = value; break;
                case "$.sub": subject = value; break;
                case "$.ctime": application["iothub-creation-time-utc"] = value; break;
                default:
                    if (!name.StartsWith("$.", StringComparison.Ordinal) && name.Length > 0) application[name] = value;
                    break;
            }
        }

        return new PropertyBag(new EventProperties(messageId, correlationId, userId, contentType, contentEncoding), application, subject, size);
    }
}
