using Serverless.EventHubs;

namespace Serverless.Local.Run;

/// <summary>Reads one hub whole, from its beginning and on, as any other consumer would: through AMQP, with a token of its own.</summary>
/// <remarks>One reader a partition on consumer group <c>ops</c>. Stops when disposed; what a reader failed with surfaces in
/// <see cref="Failure"/>.</remarks>
public sealed class HubObserver : IAsyncDisposable
{
    private const int Prefetch = 1000;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;

    private HubObserver(EventHubsClient client, string hub, IReadOnlyList<string> partitions, Action<string, ReceivedEvent> see)
    {
        var readers = partitions.Select(partition => Read(client, hub, partition, see, _stop.Token)).ToList();
        _reading = Task.WhenAll(readers);
        Failure = Task.WhenAny(readers.Select(Fails)).Unwrap();
    }

    /// <summary>Completes only if a reader fails, with its exception.</summary>
    public Task Failure { get; }

    /// <summary>Begins to read.</summary>
    /// <param name="client">Of an identity that may receive from the hub.</param>
    /// <param name="hub">Its name.</param>
    /// <param name="see">Told each event with its partition; by one thread at a time a partition.</param>
    /// <param name="cancel">Cancels the start.</param>
    public static async Task<HubObserver> Start(EventHubsClient client, string hub, Action<string, ReceivedEvent> see, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(client);
        var description = await client.GetHub(hub, cancel).ConfigureAwait(false);
        return new HubObserver(client, hub, description.PartitionIds, see);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private static async Task Read(EventHubsClient client, string hub, string partition, Action<string, ReceivedEvent> see, CancellationToken stop)
    {
        var receiver = await client.OpenReceiver(hub, "ops", partition, StartPosition.Earliest, epoch: null, Prefetch, stop).ConfigureAwait(false);
        await using (receiver.ConfigureAwait(false))
        {
            while (true)
            {
                foreach (var one in await receiver.Receive(Prefetch, Poll, stop).ConfigureAwait(false)) see(partition, one);
            }
        }
    }

    private static async Task Fails(Task reader)
    {
        try
        {
            await reader.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped on purpose: no failure, so never complete.
            await Task.Delay(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        }
    }
}
