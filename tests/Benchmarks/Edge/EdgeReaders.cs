using System.Globalization;
using System.Text.Json;
using Serverless.Hosting;

namespace Serverless.Benchmarks.Edge;

/// <summary>The same work twice: every body's bytes, and of each event the numbers, times and stamps that ingestion looks at.</summary>
internal static class EdgeReaders
{
    public static long Ours(byte[] envelope)
    {
        using var batch = EventBatch.Read(envelope);
        long sum = batch.Source.PartitionId.Length;
        foreach (var one in batch)
        {
            if (one.Fault is not null) throw new InvalidOperationException(one.Fault.ToString());
            var system = one.System;
            system.TryGetTime(SystemProperty.EnqueuedTime, out var hubTime);
            sum += one.Body.Length + one.Body.Span[^1] + one.SequenceNumber + one.Offset.Length + (one.EnqueuedAt.Ticks ^ (hubTime.Ticks >> 1)) % 1_000_003 + one.PartitionKey.Length
                + system.Text(SystemProperty.DeviceId).Length + system.Text(SystemProperty.AuthGenerationId).Length + system.Text(SystemProperty.AuthMethod).Length
                + system.Text(SystemProperty.MessageSource).Length + system.Text(SystemProperty.ContentType).Length + one.Application.Text("level"u8).Length;
        }

        return sum;
    }

    public static long Document(byte[] envelope)
    {
        using var document = JsonDocument.Parse(envelope);
        var metadata = document.RootElement.GetProperty("Metadata");
        using var events = JsonDocument.Parse(document.RootElement.GetProperty("Data").GetProperty("events").GetString()!);
        using var sequences = Array(metadata, "SequenceNumberArray");
        using var offsets = Array(metadata, "OffsetArray");
        using var times = Array(metadata, "EnqueuedTimeUtcArray");
        using var keys = Array(metadata, "PartitionKeyArray");
        using var systems = Array(metadata, "SystemPropertiesArray");
        using var applications = Array(metadata, "PropertiesArray");
        long sum = metadata.GetProperty("PartitionContext").GetProperty("PartitionId").GetString()!.Length;
        for (var i = 0; i < events.RootElement.GetArrayLength(); i++)
        {
            var body = Convert.FromBase64String(events.RootElement[i].GetString()!);
            var system = systems.RootElement[i];
            sum += body.Length + body[^1] + sequences.RootElement[i].GetInt64() + Length(offsets.RootElement[i]) + (Time(times.RootElement[i]) ^ (Time(system.GetProperty("iothub-enqueuedtime")) >> 1)) % 1_000_003
                + Length(keys.RootElement[i]) + Length(system.GetProperty("iothub-connection-device-id")) + Length(system.GetProperty("iothub-connection-auth-generation-id"))
                + Length(system.GetProperty("iothub-connection-auth-method")) + Length(system.GetProperty("iothub-message-source")) + Length(system.GetProperty("content-type"))
                + Length(applications.RootElement[i].GetProperty("level"));
        }

        return sum;
    }

    private static JsonDocument Array(JsonElement metadata, string name) => JsonDocument.Parse(metadata.GetProperty(name).GetString()!);

    private static int Length(JsonElement text) => text.GetString()!.Length;

    private static long Time(JsonElement text) => DateTime.Parse(text.GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal).Ticks;
}
