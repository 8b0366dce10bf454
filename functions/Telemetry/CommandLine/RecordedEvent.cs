using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.CommandLine;

/// <summary>One event of recorded traffic. Trusted: whoever records says which device it was.</summary>
internal sealed class RecordedEvent
{
    private byte[] _body = [];
    private byte[] _contentType = "application/json"u8.ToArray();
    private byte[] _contentEncoding = [];

    public required int Line { get; init; }

    public string DeviceId { get; private set; } = "recorded";

    public DateTimeOffset EnqueuedAt { get; private set; }

    public ReadOnlyMemory<byte> Body => _body;

    /// <summary>The event as the hub would have delivered it, from a device with an identity of its own.</summary>
    public TelemetryEvent Event() => new()
    {
        Body = _body,
        ContentType = _contentType,
        ContentEncoding = _contentEncoding,
        DeviceId = Encoding.UTF8.GetBytes(DeviceId),
        AuthMethod = """{"scope":"device"}"""u8,
        EnqueuedAt = EnqueuedAt,
    };

    public static IEnumerable<RecordedEvent> Read(IEnumerable<string> lines)
    {
        var number = 0;
        foreach (var line in lines)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line)) yield return Read(line, number);
        }
    }

    private static RecordedEvent Read(string line, int number)
    {
        var recorded = new RecordedEvent { Line = number, _body = Encoding.UTF8.GetBytes(line) };
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(line);
        }
        catch (JsonException)
        {
            return recorded; // A bare message that is no JSON: for the judge to say.
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return recorded;
            var bare = !root.TryGetProperty("body", out var body) || root.TryGetProperty("metrics", out _);
            if (Text(root, "deviceId") is { Length: > 0 and <= 128 } device) recorded.DeviceId = device;
            if (DateTimeOffset.TryParse(Text(root, bare ? "sentAt" : "enqueuedAt"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)) recorded.EnqueuedAt = at;
            else if (!bare) throw new FormatException($"line {number}: enqueuedAt is missing or no date");
            if (bare) return recorded;
            recorded._body = body.ValueKind == JsonValueKind.String && body.TryGetBytesFromBase64(out var bytes) ? bytes
                : throw new FormatException($"line {number}: body is not base64");
            recorded._contentType = Encoding.UTF8.GetBytes(Text(root, "contentType") ?? "application/json");
            recorded._contentEncoding = Encoding.UTF8.GetBytes(Text(root, "contentEncoding") ?? "");
            return recorded;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
