namespace Serverless.Local.FunctionsHost.Events;

/// <summary>An event hub as one consumer group reads it: the port between the trigger and a broker.</summary>
public interface IEventHubSource : IAsyncDisposable
{
    /// <summary>Namespace, for checkpoint paths and metadata; without a port, so that it stays the same from run to run.</summary>
    string FullyQualifiedNamespace { get; }

    /// <summary>Partition ids.</summary>
    /// <param name="cancel">Cancels.</param>
    Task<IReadOnlyList<string>> Partitions(CancellationToken cancel);

    /// <summary>Number of the last event in a partition, -1 if it is empty.</summary>
    /// <param name="partition">Partition id.</param>
    /// <param name="cancel">Cancels.</param>
    Task<long> LastSequenceNumber(string partition, CancellationToken cancel);

    /// <summary>Opens an exclusive reader (owner level 0): the newest one wins, the older gets <see cref="PartitionStolenException"/>.</summary>
    /// <param name="partition">Partition id.</param>
    /// <param name="from">Where to begin.</param>
    /// <param name="prefetch">Events kept ready, 1 or more.</param>
    /// <param name="cancel">Cancels the opening.</param>
    Task<IPartitionReader> Open(string partition, PartitionStart from, int prefetch, CancellationToken cancel);
}

/// <summary>Reads one partition. One caller at a time.</summary>
public interface IPartitionReader : IAsyncDisposable
{
    /// <summary>Waits for events.</summary>
    /// <param name="eventsMax">Most to return, 1 or more.</param>
    /// <param name="wait">Longest wait for the first one.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>What is there, oldest first; empty after <paramref name="wait"/>.</returns>
    /// <exception cref="PartitionStolenException">Another reader took the partition.</exception>
    Task<IReadOnlyList<HubEvent>> Receive(int eventsMax, TimeSpan wait, CancellationToken cancel);
}

/// <summary>Where reading begins: after a sequence number, at a time, at the start or at the end.</summary>
/// <param name="AfterSequenceNumber">Of the last event that is done.</param>
/// <param name="AtTime">Enqueued at or after.</param>
/// <param name="AtEnd">Only new events.</param>
public sealed record PartitionStart(long? AfterSequenceNumber = null, DateTimeOffset? AtTime = null, bool AtEnd = false)
{
    /// <summary>The oldest event that is kept.</summary>
    public static PartitionStart Oldest { get; } = new();
}

/// <summary>Another reader opened the partition after us (<c>amqp:link:stolen</c>).</summary>
public sealed class PartitionStolenException : Exception
{
    /// <summary>Names the partition.</summary>
    /// <param name="message">Which one.</param>
    public PartitionStolenException(string message)
        : base(message)
    {
    }

    /// <summary>Names the partition.</summary>
    /// <param name="message">Which one.</param>
    /// <param name="inner">The broker's word.</param>
    public PartitionStolenException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
