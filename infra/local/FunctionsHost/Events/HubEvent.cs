using System.Globalization;

namespace Serverless.Local.FunctionsHost.Events;

/// <summary>One event as a partition reader hands it to the trigger.</summary>
/// <param name="Body">The payload.</param>
/// <param name="SequenceNumber">The broker's stamp.</param>
/// <param name="Offset">The broker's stamp, opaque text.</param>
/// <param name="EnqueuedAt">The broker's stamp, UTC.</param>
/// <param name="PartitionKey">Key it was published with.</param>
/// <param name="Properties">Application properties, in order.</param>
/// <param name="SystemProperties">Message annotations, then the AMQP properties section under its field names, in order.</param>
public sealed record HubEvent(
    ReadOnlyMemory<byte> Body,
    long SequenceNumber,
    string Offset,
    DateTimeOffset EnqueuedAt,
    string? PartitionKey,
    IReadOnlyList<KeyValuePair<string, object?>> Properties,
    IReadOnlyList<KeyValuePair<string, object?>> SystemProperties)
{
    /// <summary>Annotations and properties with the four names that the trigger extension adds.</summary>
    internal IEnumerable<KeyValuePair<string, object?>> AllSystemProperties()
    {
        foreach (var (name, value) in SystemProperties)
        {
            // The client turns the broker's own stamp into an instant with offset and leaves every other timestamp a UTC time.
            yield return value is DateTimeOffset instant && name != "x-opt-enqueued-time" ? new(name, instant.UtcDateTime) : new(name, value);
        }

        yield return new("SequenceNumber", SequenceNumber);
        yield return new("Offset", long.TryParse(Offset, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : Offset);
        yield return new("PartitionKey", PartitionKey);
        yield return new("EnqueuedTimeUtc", DateTime.SpecifyKind(EnqueuedAt.UtcDateTime, DateTimeKind.Unspecified));
    }
}
