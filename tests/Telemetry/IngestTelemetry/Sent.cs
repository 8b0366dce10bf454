using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Hosting;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>One event of hub <c>telemetry</c>; what a test does not set is right.</summary>
internal sealed record Sent
{
    public static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    public long Sequence { get; init; }

    public DateTimeOffset At { get; init; } = Noon;

    public string? Device { get; init; } = "d-1";

    public string? Source { get; init; } = "Telemetry";

    public string Generation { get; init; } = "1";

    public string AuthMethod { get; init; } = """{"scope":"device","type":"x509","issuer":"external"}""";

    public byte[] Body { get; init; } = [];

    public Dictionary<string, object> System { get; init; } = [];

    public Dictionary<string, object> Application { get; init; } = [];

    /// <summary>Stands where the host puts the base64 of the body.</summary>
    public string? RawBody { get; init; }

    public static byte[] Message(long sequence, string metrics, DateTimeOffset? sentAt = null, string? id = null, string? device = null) => Encoding.UTF8.GetBytes(
        $$$"""{"messageId":"{{{id ?? $"m{sequence}"}}}","sentAt":"{{{sentAt ?? Noon:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}}","sequence":{{{sequence}}},{{{(device is null ? "" : $"\"deviceId\":\"{device}\",")}}}"metrics":{ {{{metrics}}}}}""");

    /// <summary>What IoT Hub tells when a device is made, with its tags.</summary>
    public static Sent Created(string device, string? profile) => new()
    {
        Device = device,
        Source = "deviceLifecycleEvents",
        Application = new() { ["opType"] = "createDeviceIdentity", ["deviceId"] = device, ["hubName"] = "hub" },
        Body = Encoding.UTF8.GetBytes(profile is null ? """{"deviceId":"x","tags":{},"properties":{}}""" : $$$"""{"deviceId":"x","tags":{"model":"test","profile":"{{{profile}}}"},"properties":{}}"""),
    };

    public static Sent TwinChanged(string device, string patch, string operation = "updateTwin") => new()
    {
        Device = device,
        Source = "twinChangeEvents",
        Application = new() { ["opType"] = operation, ["deviceId"] = device, ["hubName"] = "hub" },
        Body = Encoding.UTF8.GetBytes(patch),
    };

    /// <summary>The request the Functions host makes of some events (as recorded in tests/vectors/functions-host).</summary>
    public static byte[] Request(IReadOnlyList<Sent> events, string partition = "3", string hub = "telemetry")
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject("Data");
            json.WriteString("events", Array(events, one => one.RawBody ?? $"\"{Convert.ToBase64String(one.Body)}\""));
            json.WriteEndObject();
            json.WriteStartObject("Metadata");
            json.WriteStartObject("PartitionContext");
            json.WriteBoolean("IsCheckpointingAfterInvocation", true);
            json.WriteString("FullyQualifiedNamespace", "ns.servicebus.windows.net");
            json.WriteString("EventHubName", hub);
            json.WriteString("ConsumerGroup", "functions");
            json.WriteString("PartitionId", partition);
            json.WriteEndObject();
            json.WriteString("PartitionKeyArray", Array(events, one => JsonEncodedText.Encode(one.Device ?? "").Value is var key && one.Device is null ? "null" : $"\"{key}\""));
            json.WriteString("OffsetArray", Array(events, one => $"\"{one.Sequence * 64}\""));
            json.WriteString("SequenceNumberArray", Array(events, one => one.Sequence.ToString(CultureInfo.InvariantCulture)));
            json.WriteString("EnqueuedTimeUtcArray", Array(events, one => $"\"{one.At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff}\""));
            json.WriteString("PropertiesArray", Array(events, one => Object(one.Application)));
            json.WriteString("SystemPropertiesArray", Array(events, one => Object(one.AllSystem())));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    public static EventBatch Batch(IReadOnlyList<Sent> events, string partition = "3", string hub = "telemetry") => EventBatch.Read(Request(events, partition, hub));

    private Dictionary<string, object> AllSystem()
    {
        var all = new Dictionary<string, object> { ["x-opt-sequence-number"] = Sequence, ["content-type"] = "application/json" };
        if (Device is not null) all["iothub-connection-device-id"] = Device;
        if (Source is not null) all["iothub-message-source"] = Source;
        all["iothub-connection-auth-generation-id"] = Generation;
        all["iothub-connection-auth-method"] = AuthMethod;
        foreach (var (name, value) in System) all[name] = value;
        return all;
    }

    private static string Array(IReadOnlyList<Sent> events, Func<Sent, string> element) => $"[{string.Join(',', events.Select(element))}]";

    private static string Object(Dictionary<string, object> members) => $"{{{string.Join(',', members.Select(member =>
        $"\"{JsonEncodedText.Encode(member.Key)}\":{(member.Value is string text ? $"\"{JsonEncodedText.Encode(text)}\"" : Convert.ToString(member.Value, CultureInfo.InvariantCulture))}"))}}}";
}
