using System.Text;
using Serverless.EventHubs;
using Serverless.EventHubs.Wire;

namespace Serverless.Local.EventHubs;

/// <summary>Turns what publishers send into events ready to be stamped.</summary>
internal static class Publishing
{
    // More events than bytes could hold a megabyte of; bounds the list before it is made.
    private const int EventsMax = 20_000;
    private static readonly byte[] KeyName = "x-opt-partition-key"u8.ToArray();

    /// <summary>Reads one transfer: a plain message, or a batch whose data sections are messages.</summary>
    /// <param name="transfer">The bytes, untrusted; copied.</param>
    /// <param name="isBatch">Whether the message format was Event Hubs' batch.</param>
    /// <param name="events">The events.</param>
    /// <param name="partitionKey">The envelope's key, else the first event's.</param>
    /// <returns>Whether it was well-formed.</returns>
    public static bool TryRead(ReadOnlySpan<byte> transfer, bool isBatch, out List<EncodedEvent> events, out string? partitionKey)
    {
        events = [];
        partitionKey = null;
        if (!MessageSections.TryFind(transfer, out var envelope)) return false;
        partitionKey = KeyOf(transfer[envelope.Annotations]);
        if (!isBatch)
        {
            events.Add(Encode(transfer, envelope, partitionKey));
            return true;
        }

        var body = transfer[envelope.Body];
        while (MessageSections.TryNextData(ref body, out var data))
        {
            if (events.Count == EventsMax || !MessageSections.TryFind(data, out var sections)) return false;
            partitionKey ??= KeyOf(data[sections.Annotations]);
            events.Add(Encode(data, sections, partitionKey));
        }

        return body.IsEmpty && events.Count > 0;
    }

    /// <summary>Encodes an event of this process.</summary>
    /// <param name="draft">The event.</param>
    public static EncodedEvent Encode(EventDraft draft)
    {
        using var writer = new AmqpWriter(draft.Body.Length + 512);
        var count = 0;
        if (draft.PartitionKey is { } key)
        {
            writer.Symbol("x-opt-partition-key");
            writer.Text(key);
            count++;
        }

        foreach (var (name, value) in draft.Annotations ?? new Dictionary<string, object?>())
        {
            if (name == "x-opt-partition-key" || EncodedEvent.IsStamp(Encoding.UTF8.GetBytes(name))) continue;
            writer.Symbol(name);
            writer.Value(value);
            count++;
        }

        var annotations = writer.Length;
        if (draft.Properties is { } fields)
        {
            PropertyFields.Write(writer, fields.MessageId, fields.UserId, fields.CorrelationId, fields.ContentType, fields.ContentEncoding);
        }

        BatchEncoder.Application(writer, draft.ApplicationProperties);
        writer.Descriptor(0x75);
        writer.Binary(draft.Body.Span);
        ReadOnlyMemory<byte> all = writer.Written.ToArray();
        return new EncodedEvent(all[..annotations], count, all[annotations..]);
    }

    private static EncodedEvent Encode(ReadOnlySpan<byte> message, in MessageSections sections, string? partitionKey)
    {
        using var writer = new AmqpWriter(message.Length + 256);
        var count = 0;
        if (partitionKey is not null)
        {
            writer.Symbol("x-opt-partition-key");
            writer.Text(partitionKey);
            count++;
        }

        var map = message[sections.Annotations];
        var items = map.IsEmpty ? [] : AmqpReader.Items(map, out _);
        while (!items.IsEmpty)
        {
            var key = AmqpScan.Measure(items);
            if (key == items.Length) break; // a key without value: an odd count, and nothing to keep
            var pair = key + AmqpScan.Measure(items[key..]);
            if (AmqpReader.TryText(items, out var name) && !name.SequenceEqual(KeyName) && !EncodedEvent.IsStamp(name))
            {
                writer.Raw(items[..pair]);
                count++;
            }

            items = items[pair..];
        }

        var annotations = writer.Length;
        writer.Raw(message[sections.Tail]);
        ReadOnlyMemory<byte> all = writer.Written.ToArray();
        return new EncodedEvent(all[..annotations], count, all[annotations..]);
    }

    private static string? KeyOf(ReadOnlySpan<byte> map)
    {
        var items = map.IsEmpty ? [] : AmqpReader.Items(map, out _);
        while (!items.IsEmpty)
        {
            var key = AmqpScan.Measure(items);
            if (key == items.Length) return null;
            var isKey = AmqpReader.TryText(items, out var name) && name.SequenceEqual(KeyName);
            items = items[key..];
            if (isKey) return AmqpReader.TryText(items, out var text) ? Encoding.UTF8.GetString(text) : null;
            items = items[AmqpScan.Measure(items)..];
        }

        return null;
    }
}
