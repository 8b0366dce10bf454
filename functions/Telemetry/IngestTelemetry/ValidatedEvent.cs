using System.Globalization;
using Serverless.EventHubs;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>An accepted event on its way to hub <c>validated</c>.</summary>
/// <param name="Sequence">Its sequence number in hub <c>telemetry</c>.</param>
/// <param name="DeviceId">The hub's stamp; the partition key, so that a device's events stay in order.</param>
/// <param name="GenerationId">The hub's stamp.</param>
/// <param name="Profile">The profile judged by.</param>
/// <param name="EnqueuedAt">When it reached hub <c>telemetry</c>.</param>
/// <param name="Notes">The verdict's notes.</param>
/// <param name="Missing">The device's sequence numbers missing before it.</param>
/// <param name="BodyStart">First byte of the normalised body.</param>
/// <param name="BodyLength">Its length.</param>
internal readonly record struct ValidatedEvent(
    long Sequence,
    string DeviceId,
    string GenerationId,
    string Profile,
    DateTimeOffset EnqueuedAt,
    VerdictNotes Notes,
    long Missing,
    int BodyStart,
    int BodyLength)
{
    /// <summary>Longest normalised body, in bytes: Event Hubs takes messages of 1 MiB, and 48 KB are left for their properties.</summary>
    public const int BodyBytesMax = 1_000_000;

    /// <summary>Message id of an event: <c>{partition}-{sequence}</c>, so a consumer can tell a repetition.</summary>
    public static string MessageId(string partition, long sequence) => string.Create(CultureInfo.InvariantCulture, $"{partition}-{sequence}");

    /// <summary>The event as it is published.</summary>
    /// <param name="partition">Partition of hub <c>telemetry</c>.</param>
    /// <param name="bodies">Where the body stands.</param>
    public OutgoingEvent ToEvent(string partition, ReadOnlyMemory<byte> bodies)
    {
        var properties = new Dictionary<string, object?>(8, StringComparer.Ordinal)
        {
            [PublishedProperty.SourcePartition] = partition,
            [PublishedProperty.SourceSequence] = Sequence,
            [PublishedProperty.DeviceId] = DeviceId,
            [PublishedProperty.GenerationId] = GenerationId,
            [PublishedProperty.Profile] = Profile,
            [PublishedProperty.EnqueuedAt] = EnqueuedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            [PublishedProperty.Notes] = (int)Notes,
        };
        if (Missing != 0) properties[PublishedProperty.Missing] = Missing;
        return new OutgoingEvent(bodies.Slice(BodyStart, BodyLength), DeviceId, "application/json", MessageId(partition, Sequence), properties);
    }
}
