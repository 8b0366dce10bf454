using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>Encodes events as the parts of an Event Hubs batch (message format 0x80013700): an envelope whose annotations carry the
/// partition key, then one data section an event, each an encoded AMQP message.</summary>
internal static class BatchEncoder
{
    /// <summary>The message format of a batch.</summary>
    public const uint Format = 0x80013700;

    /// <summary>Descriptor, constructor and length of a data section, at most.</summary>
    public const int SectionBytesMax = 8;

    /// <summary>Writes the envelope's annotations.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="partitionKey">The key, if any.</param>
    public static void Envelope(AmqpWriter writer, string? partitionKey)
    {
        if (partitionKey is null) return;
        writer.Descriptor(0x72);
        var map = writer.Begin(0xd1);
        writer.Symbol("x-opt-partition-key");
        writer.Text(partitionKey);
        writer.End(map, 2);
    }

    /// <summary>Writes one event as an AMQP message; the partition key is repeated, since readers see the inner message's.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="one">The event.</param>
    /// <returns>Bytes written.</returns>
    public static int Append(AmqpWriter writer, OutgoingEvent one)
    {
        var start = writer.Length;
        Envelope(writer, one.PartitionKey);
        PropertyFields.Write(writer, one.MessageId, null, null, one.ContentType, null);
        Application(writer, one.ApplicationProperties);
        writer.Descriptor(0x75);
        writer.Binary(one.Body.Span);
        return writer.Length - start;
    }

    /// <summary>Writes an application-properties section, unless empty.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="properties">Names and primitives.</param>
    public static void Application(AmqpWriter writer, IReadOnlyDictionary<string, object?>? properties)
    {
        if (properties is null || properties.Count == 0) return;
        writer.Descriptor(0x74);
        var map = writer.Begin(0xd1);
        foreach (var (name, value) in properties)
        {
            writer.Text(name);
            writer.Value(value);
        }

        writer.End(map, properties.Count * 2);
    }
}
