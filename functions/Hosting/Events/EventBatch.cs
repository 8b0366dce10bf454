using System.Buffers;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>One invocation's events, as the Functions host hands them to an Event Hubs trigger with <c>cardinality: many</c> and
/// <c>dataType: binary</c>.</summary>
/// <remarks>
/// <para>Read straight from the UTF-8 request: bodies are base64-decoded once, strings unescaped once, into one pooled buffer that the
/// batch owns. Everything an event gives out points into it: valid until <see cref="Dispose"/>, then never again.</para>
/// <para>Reading throws <see cref="EnvelopeException"/> where the host's envelope is broken: <c>envelope-size</c>,
/// <c>envelope-utf8</c>, <c>envelope-syntax</c>, <c>envelope-depth</c>, <c>envelope-type</c>, <c>envelope-missing</c>,
/// <c>envelope-duplicate</c>, <c>envelope-cardinality</c>, <c>envelope-count</c>, <c>envelope-length</c> (arrays that do not have one
/// element an event). What is wrong with one event only is that event's <see cref="HubEvent.Fault"/>.</para>
/// <para>Not thread-safe while being disposed; otherwise immutable.</para>
/// </remarks>
public sealed class EventBatch : IDisposable
{
    private readonly EventSlot[] _events;
    private readonly PropertySlot[] _properties;
    private readonly Fault?[]? _faults;
    private byte[]? _text;

    internal EventBatch(byte[] text, EventSlot[] events, int count, PropertySlot[] properties, Fault?[]? faults, EventBatchSource source)
    {
        (_text, _events, _properties, _faults) = (text, events, properties, faults);
        Count = count;
        Source = source;
    }

    /// <summary>How many events, in the order of the partition.</summary>
    public int Count { get; }

    /// <summary>Where the events come from, and which try this is.</summary>
    public EventBatchSource Source { get; }

    /// <summary>How many events carry a <see cref="HubEvent.Fault"/>.</summary>
    public int FaultCount => _faults?.Count(fault => fault is not null) ?? 0;

    /// <summary>One event.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    public HubEvent this[int index] => (uint)index < (uint)Count ? new(this, index) : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>Reads an envelope from one piece of memory.</summary>
    /// <param name="envelope">The request body. It is only read, and not needed afterwards.</param>
    /// <param name="limits">Bounds; <see cref="EventBatchLimits.Default"/> when null.</param>
    /// <exception cref="EnvelopeException">The envelope is not the host's.</exception>
    public static EventBatch Read(ReadOnlyMemory<byte> envelope, EventBatchLimits? limits = null) =>
        EventBatchReader.Read(envelope.Span, limits ?? EventBatchLimits.Default);

    /// <summary>Reads an envelope that arrived in pieces.</summary>
    /// <param name="envelope">The request body. It is only read, and not needed afterwards.</param>
    /// <param name="limits">Bounds; <see cref="EventBatchLimits.Default"/> when null.</param>
    /// <exception cref="EnvelopeException">The envelope is not the host's.</exception>
    public static EventBatch Read(in ReadOnlySequence<byte> envelope, EventBatchLimits? limits = null)
    {
        limits ??= EventBatchLimits.Default;
        if (envelope.IsSingleSegment) return EventBatchReader.Read(envelope.FirstSpan, limits);
        if (envelope.Length > limits.WireBytesMax) throw new EnvelopeException(new Fault("envelope-size", "envelope"));
        var joined = ArrayPool<byte>.Shared.Rent((int)envelope.Length);
        try
        {
            envelope.CopyTo(joined);
            return EventBatchReader.Read(joined.AsSpan(0, (int)envelope.Length), limits);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    /// <summary>The events in order, for <c>foreach</c>.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Gives the buffers back. Spans and memory taken from the events must no longer be used. Safe to call twice.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _text, null) is not { } text) return;
        ArrayPool<byte>.Shared.Return(text);
        ArrayPool<EventSlot>.Shared.Return(_events);
        ArrayPool<PropertySlot>.Shared.Return(_properties);
    }

    internal byte[] Text => _text ?? throw new ObjectDisposedException(nameof(EventBatch));

    internal ref readonly EventSlot Slot(int index) => ref _events[index];

    internal ReadOnlySpan<PropertySlot> Properties(int first, int count) => _properties.AsSpan(first, count);

    internal Fault? FaultOf(int index) => _faults?[index];

    /// <summary>Walks the events.</summary>
    public struct Enumerator
    {
        private readonly EventBatch _batch;
        private int _index;

        internal Enumerator(EventBatch batch) => (_batch, _index) = (batch, -1);

        /// <summary>The event at hand.</summary>
        public readonly HubEvent Current => new(_batch, _index);

        /// <summary>Goes on to the next event.</summary>
        public bool MoveNext() => ++_index < _batch.Count;
    }
}

/// <summary>Where a batch comes from.</summary>
/// <param name="Namespace">Fully qualified Event Hubs namespace.</param>
/// <param name="Hub">Event hub name.</param>
/// <param name="ConsumerGroup">Consumer group name.</param>
/// <param name="PartitionId">Partition id.</param>
/// <param name="RetryCount">How often this same batch was tried before and failed; 0 at first. A retry has the same invocation id.</param>
/// <param name="MaxRetryCount">Retries the policy allows, −1 for ever; <see langword="null"/> when the host gave no retry context.</param>
public sealed record EventBatchSource(string Namespace, string Hub, string ConsumerGroup, string PartitionId, int RetryCount, int? MaxRetryCount);

/// <summary>Where one event's parts stand in the batch's text.</summary>
internal struct EventSlot
{
    public int BodyStart, BodyLength, OffsetStart, OffsetLength, KeyStart, KeyLength;
    public int SystemFirst, SystemCount, ApplicationFirst, ApplicationCount;
    public long SequenceNumber, EnqueuedTicks;
}

/// <summary>Where one property's name and value stand in the batch's text.</summary>
internal struct PropertySlot
{
    public int NameStart, NameLength, ValueStart, ValueLength;
    public System.Text.Json.JsonValueKind Kind;
}
