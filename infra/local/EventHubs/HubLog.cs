using Serverless.EventHubs;

namespace Serverless.Local.EventHubs;

/// <summary>Why a publication was not taken.</summary>
/// <param name="Condition">AMQP error condition.</param>
/// <param name="Description">For the publisher.</param>
internal sealed record Refusal(string Condition, string Description);

/// <summary>One event hub: its partitions, its consumer groups and who reads them. Thread-safe.</summary>
internal sealed class HubLog
{
    private readonly Dictionary<string, ReaderGroup[]> _groups;
    private long _appended;
    private uint _turn;

    public HubLog(HubOptions options, EventHubsOptions all, TimeProvider clock)
    {
        Name = options.Name;
        CreatedAt = clock.GetUtcNow();
        Partitions = [.. Enumerable.Range(0, options.Partitions).Select(number =>
            new PartitionLog(Name, number, all.Seeds.GetValueOrDefault((Name, number)), all.PartitionBytesMax, all.RetentionAge, clock))];
        _groups = options.Groups.Append("$Default").Distinct(StringComparer.OrdinalIgnoreCase).ToDictionary(
            group => group, _ => Partitions.Select(_ => new ReaderGroup()).ToArray(), StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The hub's name.</summary>
    public string Name { get; }

    /// <summary>When it was made, device time.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>The partitions.</summary>
    public PartitionLog[] Partitions { get; }

    /// <summary>Events appended since start.</summary>
    public long Appended => Volatile.Read(ref _appended);

    /// <summary>Finds a partition by id.</summary>
    /// <param name="id">The id.</param>
    public PartitionLog? Partition(string id) =>
        int.TryParse(id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number < Partitions.Length
            ? Partitions[number]
            : null;

    /// <summary>Finds the readers of a consumer group on a partition.</summary>
    /// <param name="group">The group.</param>
    /// <param name="partition">The partition.</param>
    public ReaderGroup? Readers(string group, PartitionLog partition) => _groups.TryGetValue(group, out var readers) ? readers[partition.Number] : null;

    /// <summary>Appends events to the partition of their key, or the given one, or the next in turn.</summary>
    /// <param name="events">The events; they stay together.</param>
    /// <param name="partitionKey">Their key, if any.</param>
    /// <param name="partition">A fixed partition, if any; excludes a key.</param>
    /// <param name="enqueuedAt">When they are to have come, or now.</param>
    /// <returns><see langword="null"/>, or why not.</returns>
    public Refusal? Append(ReadOnlySpan<EncodedEvent> events, string? partitionKey, PartitionLog? partition, DateTimeOffset? enqueuedAt = null)
    {
        if (partitionKey?.Length > OutgoingEvent.PartitionKeyLengthMax) return new Refusal("com.microsoft:argument-error", "partition key too long");
        if (partitionKey is not null && partition is not null) return new Refusal("amqp:not-allowed", "a partition key and a partition exclude each other");
        var target = partition ?? (partitionKey is null
            ? Partitions[Interlocked.Increment(ref _turn) % (uint)Partitions.Length]
            : Partitions[PartitionKeyHash.Partition(partitionKey, Partitions.Length)]);
        target.Append(events, enqueuedAt);
        Interlocked.Add(ref _appended, events.Length);
        return null;
    }
}
