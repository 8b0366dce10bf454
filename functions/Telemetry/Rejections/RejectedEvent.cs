using System.Buffers;
using System.Text.Json;
using Serverless.Faults;
using Serverless.Hosting;

namespace Serverless.Telemetry.Rejections;

/// <summary>A refused event as one line of JSON, whole: what arrived can be put through again after a profile was mended.</summary>
/// <remarks>
/// <code>
/// {"partition":"3","sequence":41,"enqueuedAt":"2026-01-02T03:04:05.678Z","device":"d-1","fault":"range","where":"metrics.t",
///  "profile":"env-sensor@1","system":{…},"application":{…},"body":"base64"}
/// </code>
/// <c>partition</c> and <c>sequence</c> come first: reading back after a crash looks no further. <c>device</c> is the hub's stamp and
/// absent without one; <c>profile</c> is absent when none is known. <c>system</c> and <c>application</c> hold the event's
/// properties, strings as strings and everything else as JSON text in a string.
/// </remarks>
internal static class RejectedEvent
{
    /// <summary>Writes one line, the newline included.</summary>
    public static void Write(Utf8JsonWriter json, IBufferWriter<byte> into, string partition, long sequence, HubEvent refused, Fault fault, string profile)
    {
        json.Reset(into);
        json.WriteStartObject();
        json.WriteString("partition"u8, partition);
        json.WriteNumber("sequence"u8, sequence);
        json.WriteString("enqueuedAt"u8, refused.EnqueuedAt);
        var device = refused.System.Text(SystemProperty.DeviceId);
        if (!device.IsEmpty) json.WriteString("device"u8, device);
        json.WriteString("fault"u8, fault.Code);
        json.WriteString("where"u8, fault.Where);
        if (profile.Length != 0) json.WriteString("profile"u8, profile);
        Properties(json, "system"u8, refused.System);
        Properties(json, "application"u8, refused.Application);
        json.WriteBase64String("body"u8, refused.Body.Span);
        json.WriteEndObject();
        json.Flush();
        into.Write("\n"u8);
    }

    /// <summary>Reads the sequence number of a line that <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is not such a line.</exception>
    public static long ReadSequence(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                if (reader.CurrentDepth != 1 || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("sequence"u8)) continue;
                reader.Read();
                return reader.GetInt64();
            }
        }
        catch (Exception notJson) when (notJson is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException("a line of container rejected is not one of ours", notJson);
        }

        throw new InvalidDataException("a line of container rejected has no sequence number");
    }

    private static void Properties(Utf8JsonWriter json, ReadOnlySpan<byte> name, EventProperties properties)
    {
        json.WriteStartObject(name);
        for (var i = 0; i < properties.Count; i++)
        {
            var property = properties[i];
            json.WriteString(property.Name, property.Value);
        }

        json.WriteEndObject();
    }
}
