using Serverless.EventHubs.Wire;
using Serverless.Faults;

namespace Serverless.EventHubs;

/// <summary>An event to publish.</summary>
/// <param name="Body">The payload, opaque; read until <see cref="EventHubsClient.Publish"/> returns.</param>
/// <param name="PartitionKey">Events of one key go to one partition in the order given, at most 128 characters (the service's
/// limit); <see langword="null"/> lets the hub spread them.</param>
/// <param name="ContentType">content-type of the AMQP properties section (OASIS AMQP 1.0 part 3, section 3.2.4).</param>
/// <param name="MessageId">message-id of the same section. The hub removes no duplicates: consumers do, by this.</param>
/// <param name="ApplicationProperties">Values are AMQP primitives: text, booleans, integers, floats, instants, GUIDs, bytes.</param>
public sealed record OutgoingEvent(
    ReadOnlyMemory<byte> Body,
    string? PartitionKey = null,
    string? ContentType = null,
    string? MessageId = null,
    IReadOnlyDictionary<string, object?>? ApplicationProperties = null)
{
    /// <summary>Longest partition key the service takes, in characters.</summary>
    public const int PartitionKeyLengthMax = 128;

    /// <summary>Checks an event against a hub's limits before anything is sent.</summary>
    /// <param name="messageBytesMax">The hub's largest message, in bytes: 262,144 in the Basic tier, 1,048,576 above.</param>
    /// <returns><see langword="null"/>, <c>event-too-large</c> or <c>partition-key-length</c>.</returns>
    public Fault? Check(int messageBytesMax)
    {
        if (PartitionKey?.Length is 0 or > PartitionKeyLengthMax) return new Fault("partition-key-length", "partitionKey");
        if (Body.Length > messageBytesMax) return new Fault("event-too-large", "body");
        using var writer = new AmqpWriter(Body.Length + 512);
        BatchEncoder.Envelope(writer, PartitionKey);
        BatchEncoder.Append(writer, this);
        return writer.Length + BatchEncoder.SectionBytesMax > messageBytesMax ? new Fault("event-too-large", "body") : null;
    }
}
