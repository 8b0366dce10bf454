namespace Serverless.EventHubs;

/// <summary>Whom a receiver reads.</summary>
internal sealed record ReceiverTarget(string Hub, string Group, string Partition, long? Epoch, int Prefetch, string AudienceBase)
{
    /// <summary>The AMQP address.</summary>
    public string Address => $"{Hub}/ConsumerGroups/{Group}/Partitions/{Partition}";
}

/// <summary>Reads one partition. A lost connection is made anew behind the scenes, right after the last event handed out.</summary>
/// <remarks>One <see cref="Receive"/> at a time.</remarks>
public sealed class PartitionReceiver : IAsyncDisposable
{
    private readonly ReceiverTarget _target;
    private readonly Func<CancellationToken, Task<HubConnection>> _connect;
    private readonly EventHubsClientOptions _options;
    private readonly TimeProvider _clock;
    private StartPosition _position;
    private ReceivingLink? _link;

    internal PartitionReceiver(
        ReceiverTarget target, StartPosition position, Func<CancellationToken, Task<HubConnection>> connect, EventHubsClientOptions options, TimeProvider clock)
    {
        (_target, _position, _connect, _options, _clock) = (target, position, connect, options, clock);
    }

    /// <summary>The hub.</summary>
    public string Hub => _target.Hub;

    /// <summary>The consumer group.</summary>
    public string Group => _target.Group;

    /// <summary>The partition's id.</summary>
    public string Partition => _target.Partition;

    /// <summary>Events that wait in memory.</summary>
    internal int Buffered => _link?.Buffered ?? 0;

    /// <summary>Takes events, in order.</summary>
    /// <param name="max">At most this many, at least 1.</param>
    /// <param name="maxWait">How long to wait for the first one; what is there is returned at once. Making a lost connection anew
    /// does not count, and takes up to the retry bound.</param>
    /// <param name="cancel">Cancels the wait; no event is lost by it.</param>
    /// <returns>The events, or none when the time passed.</returns>
    /// <exception cref="ReceiverStolenException">Another reader took the partition; this receiver is over.</exception>
    /// <exception cref="EventHubsOutageException">No connection inside the retry bound, or no right; calling again tries again.</exception>
    public async Task<IReadOnlyList<ReceivedEvent>> Receive(int max, TimeSpan maxWait, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        var began = _clock.GetTimestamp();
        while (true)
        {
            if (_link is not { IsOver: false }) await Open(cancel).ConfigureAwait(false);
            var left = maxWait - _clock.GetElapsedTime(began);
            var events = await _link!.Take(max, left > TimeSpan.Zero ? left : TimeSpan.Zero, _clock, cancel).ConfigureAwait(false);
            if (events.Count > 0) _position = StartPosition.FromSequenceNumber(events[^1].SequenceNumber);
            if (events.Count > 0 || !_link.IsOver) return events;
            if (_link.Condition == Conditions.LinkStolen) throw Stolen();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_link is not null) await _link.Close(_options.TryTimeout).ConfigureAwait(false);
    }

    /// <summary>Opens the link, with retries.</summary>
    /// <param name="cancel">Cancels.</param>
    internal async Task Open(CancellationToken cancel)
    {
        if (_link?.Condition == Conditions.LinkStolen) throw Stolen();
        var backoff = new Backoff(_options, _clock);
        while (true)
        {
            string condition;
            Exception cause;
            try
            {
                using var limit = new CancellationTokenSource(_options.TryTimeout, _clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
                var connection = await _connect(either.Token).ConfigureAwait(false);
                _link = await connection.Tokens.Opening(
                    _target.AudienceBase + _target.Address, () => ReceivingLink.Open(connection.Amqp, _target, _position, either.Token), either.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (Outages.IsOutage(failure, cancel))
            {
                (condition, cause) = (Outages.Condition(failure), failure);
            }

            if (condition == Conditions.LinkStolen) throw Stolen();
            if (!Conditions.IsTransient(condition) || !await backoff.Wait(condition, cancel).ConfigureAwait(false))
            {
                throw new EventHubsOutageException($"reading {_target.Address} failed: {cause.Message}", condition, mayHaveLanded: false, cause);
            }
        }
    }

    private ReceiverStolenException Stolen() => new($"another reader owns {_target.Address}");
}
