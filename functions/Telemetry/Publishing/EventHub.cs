using Serverless.EventHubs;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Publishing;

/// <summary>A hub of Event Hubs.</summary>
/// <remarks>Two clients on purpose. The publishing one must not retry by itself: a batch whose answer was lost may be in the hub,
/// and only reading back tells; its failure goes up, and the host's retry begins with reading back. Reading may retry freely.</remarks>
/// <param name="hub">The hub's name.</param>
/// <param name="publisher">A client that does not retry (<see cref="WithoutRetry"/>).</param>
/// <param name="reader">A client for questions and reading.</param>
/// <param name="group">Consumer group to read back in. Not one that a trigger reads: its readers own their partitions, and others
/// are refused there.</param>
internal sealed class EventHub(string hub, EventHubsClient publisher, EventHubsClient reader, string group) : IHub, ISourceHub
{
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    /// <summary>Options of a client that gives up at the first failure.</summary>
    public static EventHubsClientOptions WithoutRetry { get; } = new() { RetryBound = TimeSpan.Zero };

    /// <inheritdoc/>
    public Task Publish(IReadOnlyList<OutgoingEvent> events, CancellationToken cancel) => publisher.Publish(hub, events, cancel);

    /// <inheritdoc/>
    public Task<HubPositions> Positions(CancellationToken cancel) => Ask(partition => partition.LastSequenceNumber, cancel);

    /// <inheritdoc/>
    public Task<HubPositions> Forgotten(CancellationToken cancel) =>
        Ask(partition => partition.IsEmpty ? partition.LastSequenceNumber : Math.Max(partition.BeginSequenceNumber, 0) - 1, cancel);

    /// <inheritdoc/>
    public async Task<long> LastSequence(string partition, CancellationToken cancel) =>
        (await reader.GetPartition(hub, partition, cancel).ConfigureAwait(false)).LastSequenceNumber;

    /// <inheritdoc/>
    public async Task ReadBack(HubPositions after, HubPositions until, Action<Published> found, CancellationToken cancel)
    {
        var turn = new Lock();
        await Task.WhenAll(until.Select(partition => ReadPartition(partition.Key, after.Of(partition.Key), partition.Value, Report, cancel))).ConfigureAwait(false);

        void Report(Published published)
        {
            lock (turn) found(published);
        }
    }

    private async Task<HubPositions> Ask(Func<PartitionDescription, long> position, CancellationToken cancel)
    {
        var description = await reader.GetHub(hub, cancel).ConfigureAwait(false);
        var partitions = await Task.WhenAll(description.PartitionIds.Select(id => reader.GetPartition(hub, id, cancel))).ConfigureAwait(false);
        var positions = new HubPositions();
        foreach (var partition in partitions) positions[partition.Partition] = position(partition);
        return positions;
    }

    private async Task ReadPartition(string partition, long after, long until, Action<Published> found, CancellationToken cancel)
    {
        var now = await reader.GetPartition(hub, partition, cancel).ConfigureAwait(false);
        // A hub that was made anew counts from the start, so a position beyond its end means nothing.
        if (after > now.LastSequenceNumber) after = -1;
        if (now.IsEmpty || after >= until || now.BeginSequenceNumber > until) return;

        var receiver = await reader.OpenReceiver(hub, group, partition, StartPosition.FromSequenceNumber(after), epoch: null, prefetch: 1000, cancel).ConfigureAwait(false);
        await using (receiver.ConfigureAwait(false))
        {
            for (var read = after; read < until;)
            {
                var events = await receiver.Receive(1000, SilenceMax, cancel).ConfigureAwait(false);
                if (events.Count == 0) throw new IOException($"hub '{hub}' partition {partition} has events up to {until} but gave none after {read} for {SilenceMax.TotalSeconds} s");
                foreach (var one in events) Report(one, found);
                read = events[^1].SequenceNumber;
            }
        }
    }

    private static void Report(ReceivedEvent one, Action<Published> found)
    {
        if (one.Properties.GetValueOrDefault("message-id") is string id
            && one.ApplicationProperties.GetValueOrDefault(PublishedProperty.SourcePartition) is string partition
            && one.ApplicationProperties.GetValueOrDefault(PublishedProperty.SourceSequence) is long sequence)
        {
            found(new Published(id, partition, sequence));
        }
    }
}
