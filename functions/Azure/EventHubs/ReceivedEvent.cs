using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>An event as a hub delivered it.</summary>
/// <remarks>Immutable and thread-safe. Sections are decoded when asked for: a reader that needs the body alone pays for nothing else.
/// What a publisher may have written (everything but the broker's stamps) is untrusted.</remarks>
public sealed class ReceivedEvent
{
    private readonly ReadOnlyMemory<byte> _message;
    private readonly MessageSections _sections;
    private Dictionary<string, object?>? _annotations;
    private Dictionary<string, object?>? _application;
    private Dictionary<string, object?>? _properties;

    private ReceivedEvent(ReadOnlyMemory<byte> message, in MessageSections sections)
    {
        _message = message;
        _sections = sections;
        SequenceNumber = Annotations.GetValueOrDefault("x-opt-sequence-number") as long? ?? -1;
        Offset = Annotations.GetValueOrDefault("x-opt-offset") as string ?? "";
        EnqueuedTime = Annotations.GetValueOrDefault("x-opt-enqueued-time") as DateTimeOffset? ?? default;
        Body = BodyBytes();
    }

    /// <summary>The payload: the concatenation of all data sections. A value or sequence body, which this pipeline never sends, is
    /// handed over as its AMQP encoding.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Position in the partition, rising by one an event; stamped by the broker.</summary>
    public long SequenceNumber { get; }

    /// <summary>Position in the partition, opaque: compare by nothing but equality; stamped by the broker.</summary>
    public string Offset { get; }

    /// <summary>When the hub took it, UTC, to the millisecond; stamped by the broker.</summary>
    public DateTimeOffset EnqueuedTime { get; }

    /// <summary>The key it was published with, if any.</summary>
    public string? PartitionKey => Annotations.GetValueOrDefault("x-opt-partition-key") as string;

    /// <summary>All message annotations: the broker's stamps (<c>x-opt-…</c>) and, on an IoT Hub's stream, <c>iothub-…</c>.</summary>
    public IReadOnlyDictionary<string, object?> Annotations => _annotations ??= Map(_sections.Annotations);

    /// <summary>The AMQP properties section by its field names (<c>message-id</c>, <c>content-type</c>, …); absent fields are absent.</summary>
    public IReadOnlyDictionary<string, object?> Properties => _properties ??= PropertyFields.Read(Slice(_sections.Properties).Span);

    /// <summary>The application properties.</summary>
    public IReadOnlyDictionary<string, object?> ApplicationProperties => _application ??= Map(_sections.ApplicationProperties);

    /// <summary>Reads an event from one encoded message.</summary>
    /// <param name="message">The bytes; owned by the event from here on.</param>
    /// <exception cref="InvalidDataException">No AMQP message: the broker's bug, not a publisher's.</exception>
    internal static ReceivedEvent Read(ReadOnlyMemory<byte> message) =>
        MessageSections.TryFind(message.Span, out var sections)
            ? new ReceivedEvent(message, sections)
            : throw new InvalidDataException("the broker delivered a malformed message");

    private ReadOnlyMemory<byte> Slice(Range range) => _message[range];

    private Dictionary<string, object?> Map(Range range)
    {
        var map = Slice(range).Span;
        return map.IsEmpty ? new Dictionary<string, object?>(StringComparer.Ordinal) : AmqpReader.ReadMap(map);
    }

    private ReadOnlyMemory<byte> BodyBytes()
    {
        var body = Slice(_sections.Body);
        var rest = body.Span;
        if (!MessageSections.TryNextData(ref rest, out var data)) return body.Length > 3 ? body[3..] : body;
        if (rest.IsEmpty) return body[(body.Length - data.Length)..];
        var bytes = new List<byte>(body.Length);
        do bytes.AddRange(data);
        while (MessageSections.TryNextData(ref rest, out data));
        return bytes.ToArray();
    }
}
