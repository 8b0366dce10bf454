using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Serverless.Hosting.Tests;

/// <summary>One event as a test wants the host to hand it over. Property values are strings, longs, bools or null.</summary>
public sealed record SampleEvent(
    byte[] Body,
    long SequenceNumber,
    string Offset,
    DateTimeOffset EnqueuedAt,
    string? PartitionKey,
    (string Name, object? Value)[] System,
    (string Name, object? Value)[] Application);

/// <summary>How the JSON is spelled; the meaning is the same.</summary>
public enum Spelling
{
    /// <summary>As the recorded host: only quotes, backslashes and control characters are escaped.</summary>
    Host,

    /// <summary>As System.Text.Json by default: quotes, plus signs and all beyond ASCII as \u escapes.</summary>
    Escaped,

    /// <summary>White space wherever JSON allows it.</summary>
    Spaced,
}

/// <summary>Writes envelopes of the recorded shape.</summary>
public static class HostEnvelope
{
    public static byte[] Write(IReadOnlyList<SampleEvent> events, Spelling spelling = Spelling.Host)
    {
        var options = new JsonWriterOptions
        {
            Encoder = spelling == Spelling.Escaped ? JavaScriptEncoder.Default : JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Indented = spelling == Spelling.Spaced,
        };
        return Json(options, json =>
        {
            json.WriteStartObject();
            json.WriteStartObject("Data");
            json.WriteString("events", Array(options, events, (inner, one) => inner.WriteBase64StringValue(one.Body)));
            json.WriteEndObject();
            json.WriteStartObject("Metadata");
            json.WriteStartObject("PartitionContext");
            json.WriteBoolean("IsCheckpointingAfterInvocation", true);
            json.WriteString("FullyQualifiedNamespace", "ns.servicebus.windows.net");
            json.WriteString("EventHubName", "telemetry");
            json.WriteString("ConsumerGroup", "functions");
            json.WriteString("PartitionId", "3");
            json.WriteEndObject();
            json.WriteString("PartitionKeyArray", Array(options, events, (inner, one) => inner.WriteStringValue(one.PartitionKey)));
            json.WriteString("OffsetArray", Array(options, events, (inner, one) => inner.WriteStringValue(one.Offset)));
            json.WriteString("SequenceNumberArray", Array(options, events, (inner, one) => inner.WriteNumberValue(one.SequenceNumber)));
            json.WriteString("EnqueuedTimeUtcArray", Array(options, events, (inner, one) => inner.WriteStringValue(WithoutZ(one.EnqueuedAt))));
            json.WriteString("PropertiesArray", Array(options, events, (inner, one) => Properties(inner, one.Application)));
            json.WriteString("SystemPropertiesArray", Array(options, events, (inner, one) => Properties(inner, one.System)));
            json.WriteStartObject("sys");
            json.WriteString("MethodName", "IngestTelemetry");
            json.WriteString("UtcNow", "2026-11-23T02:54:29.8629924Z");
            json.WriteString("RandGuid", "3595ceb5-55d4-456c-bfa1-83c50907e01e");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    /// <summary>A device's message as IoT Hub routes it, with every stamp of the recordings.</summary>
    public static SampleEvent FromDevice(int index, byte[] body, string deviceId)
    {
        var (sequence, offset) = (41L + index, (1064 + 64 * index).ToString(CultureInfo.InvariantCulture));
        var at = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero).AddMilliseconds(index);
        return new SampleEvent(body, sequence, offset, at, deviceId,
        [
            ("x-opt-sequence-number", sequence), ("x-opt-offset", offset), ("x-opt-enqueued-time", WithoutZ(at) + "+00:00"), ("x-opt-partition-key", deviceId),
            ("iothub-connection-device-id", deviceId),
            ("iothub-connection-auth-method", """{"scope":"device","type":"x509Certificate","issuer":"external","acceptingIpFilterRule":null}"""),
            ("iothub-connection-auth-generation-id", "638000000000000000"), ("iothub-enqueuedtime", WithoutZ(at) + "Z"), ("iothub-message-source", "Telemetry"),
            ("content-type", "application/json"), ("content-encoding", "utf-8"),
            ("SequenceNumber", sequence), ("Offset", sequence * 64), ("PartitionKey", deviceId), ("EnqueuedTimeUtc", WithoutZ(at)),
        ],
        [("level", "info")]);
    }

    private static string WithoutZ(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);

    private static string Array<T>(JsonWriterOptions options, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write) => Encoding.UTF8.GetString(Json(options, json =>
    {
        json.WriteStartArray();
        foreach (var item in items) write(json, item);
        json.WriteEndArray();
    }));

    private static void Properties(Utf8JsonWriter json, (string Name, object? Value)[] properties)
    {
        json.WriteStartObject();
        foreach (var (name, value) in properties)
        {
            json.WritePropertyName(name);
            switch (value)
            {
                case null: json.WriteNullValue(); break;
                case bool flag: json.WriteBooleanValue(flag); break;
                case long number: json.WriteNumberValue(number); break;
                default: json.WriteStringValue((string)value); break;
            }
        }

        json.WriteEndObject();
    }

    private static byte[] Json(JsonWriterOptions options, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, options)) write(json);
        return buffer.WrittenSpan.ToArray();
    }
}
