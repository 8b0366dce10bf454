namespace Serverless.Local.EventHubs;

/// <summary>One partition: an append-only log that forgets its oldest events by size and age. Thread-safe.</summary>
internal sealed class PartitionLog
{
    // What an entry costs beside its bytes: the array's header, and its place in the ring.
    private const int EntryBytes = 24 + 24;
    private readonly Lock _gate = new();
    private readonly long _bytesMax;
    private readonly long _ageMaxMs;
    private readonly TimeProvider _clock;
    private StoredEvent[] _ring = new StoredEvent[64]; // length is a power of two; event n is at n & (length - 1)
    private long _begin;
    private long _next;
    private long _nextOffset;
    private long _bytes;
    private long _lastMs;

    public PartitionLog(string hub, int number, PartitionSeed? seed, long bytesMax, TimeSpan ageMax, TimeProvider clock)
    {
        (Hub, Number, _bytesMax, _ageMaxMs, _clock) = (hub, number, bytesMax, (long)ageMax.TotalMilliseconds, clock);
        (_begin, _next, _nextOffset) = (seed?.NextSequenceNumber ?? 0, seed?.NextSequenceNumber ?? 0, seed?.NextOffset ?? 0);
    }

    /// <summary>Raised after an append, outside the lock.</summary>
    public event Action? Appended;

    /// <summary>The hub's name.</summary>
    public string Hub { get; }

    /// <summary>The partition's number; its id is the number as text.</summary>
    public int Number { get; }

    /// <summary>The state now.</summary>
    public PartitionHead Head
    {
        get
        {
            lock (_gate)
            {
                var last = _next > _begin ? At(_next - 1).Offset : _nextOffset - 1;
                return new PartitionHead(Hub, Number, _begin, _next, _nextOffset, last, DateTimeOffset.FromUnixTimeMilliseconds(_lastMs), _bytes);
            }
        }
    }

    /// <summary>Appends events side by side: nobody's come between them.</summary>
    /// <param name="events">The events.</param>
    /// <param name="enqueuedAt">When they are to have come, or now.</param>
    public void Append(ReadOnlySpan<EncodedEvent> events, DateTimeOffset? enqueuedAt = null)
    {
        lock (_gate)
        {
            // Cut to the millisecond, and never backwards: readers that start by time search for it.
            _lastMs = Math.Max(_lastMs, (enqueuedAt ?? _clock.GetUtcNow()).ToUnixTimeMilliseconds());
            foreach (ref readonly var one in events) Add(new StoredEvent(one.Stamp(_next, _nextOffset, _lastMs), _nextOffset, _lastMs));
            Forget();
        }

        Appended?.Invoke();
    }

    /// <summary>Copies events from a position on.</summary>
    /// <param name="cursor">The next wanted sequence number; moved past what is returned, and past what was forgotten meanwhile.</param>
    /// <param name="into">Where to.</param>
    /// <param name="bytesMax">Stops after this many bytes, but returns at least one event.</param>
    /// <returns>How many.</returns>
    public int Read(ref long cursor, Span<StoredEvent> into, int bytesMax)
    {
        lock (_gate)
        {
            Forget();
            if (cursor < _begin) cursor = _begin;
            var count = 0;
            for (var bytes = 0; count < into.Length && cursor < _next && bytes < bytesMax; cursor++)
            {
                into[count] = At(cursor);
                bytes += into[count++].Message.Length;
            }

            return count;
        }
    }

    /// <summary>The first sequence number that a filter lets through; beyond the end, the first that can.</summary>
    /// <param name="filter">Where to begin.</param>
    public long Find(StartFilter filter)
    {
        lock (_gate)
        {
            Forget();
            return filter.Kind switch
            {
                StartKind.Earliest => _begin,
                StartKind.Latest => _next,
                StartKind.SequenceNumber => Math.Max(_begin, filter.First),
                StartKind.Offset => FirstWhere(static (one, first) => one.Offset >= first, filter.First),
                _ => FirstWhere(static (one, first) => one.EnqueuedMs >= first, filter.First),
            };
        }
    }

    private long FirstWhere(Func<StoredEvent, long, bool> reached, long first)
    {
        var (low, high) = (_begin, _next);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (reached(At(middle), first)) high = middle;
            else low = middle + 1;
        }

        return low;
    }

    private StoredEvent At(long sequenceNumber) => _ring[sequenceNumber & (_ring.Length - 1)];

    private void Add(StoredEvent one)
    {
        if (_next - _begin == _ring.Length) Grow();
        _ring[_next & (_ring.Length - 1)] = one;
        _next++;
        _nextOffset += one.Message.Length;
        _bytes += one.Message.Length + EntryBytes;
    }

    private void Forget()
    {
        var tooOld = _clock.GetUtcNow().ToUnixTimeMilliseconds() - _ageMaxMs;
        while (_begin < _next && (_bytes > _bytesMax || At(_begin).EnqueuedMs < tooOld))
        {
            _bytes -= At(_begin).Message.Length + EntryBytes;
            _ring[_begin & (_ring.Length - 1)] = default;
            _begin++;
        }
    }

    private void Grow()
    {
        var larger = new StoredEvent[_ring.Length * 2];
        for (var i = _begin; i < _next; i++) larger[i & (larger.Length - 1)] = At(i);
        _ring = larger;
    }
}

/// <summary>A partition's state at one moment.</summary>
/// <param name="Hub">The hub.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="BeginSequenceNumber">The oldest event retained.</param>
/// <param name="NextSequenceNumber">The number the next event gets; with <paramref name="NextOffset"/> the seed for a restart.</param>
/// <param name="NextOffset">The offset the next event gets.</param>
/// <param name="LastOffset">The newest event's offset.</param>
/// <param name="LastEnqueued">The newest event's time, device time.</param>
/// <param name="Bytes">Memory that its events hold, about.</param>
public sealed record PartitionHead(
    string Hub,
    int Partition,
    long BeginSequenceNumber,
    long NextSequenceNumber,
    long NextOffset,
    long LastOffset,
    DateTimeOffset LastEnqueued,
    long Bytes)
{
    /// <summary>Where the partition goes on after a restart.</summary>
    public PartitionSeed Seed => new(NextSequenceNumber, NextOffset);
}
