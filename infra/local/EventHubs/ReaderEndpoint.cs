using Amqp;
using Amqp.Framing;
using Amqp.Listener;

namespace Serverless.Local.EventHubs;

/// <summary>The broker's end of a reader's link: sends what the partition holds, as far as credit reaches and the peer drains its
/// socket.</summary>
/// <remarks>AMQPNetLite's callbacks run on the connection's reading thread and must return at once; sending is a pump on the pool.</remarks>
internal sealed class ReaderEndpoint(Connection connection, ListenerLink link, PartitionLog log, ReaderGroup readers, long cursor) : LinkEndpoint
{
    // Two bounds on what one reader holds in memory: a slow one costs this much, whatever its credit.
    private const int EventsPerTurn = 256;
    private const int BytesPerTurn = 256 * 1024;
    private static readonly TimeSpan WindowPoll = TimeSpan.FromMilliseconds(20);
    private readonly Lock _gate = new();
    private long _cursor = cursor;
    private long _credit;
    private bool _pumping;
    private bool _woken;
    private bool _closed;

    /// <summary>Begins to follow the partition.</summary>
    public void Start() => log.Appended += Wake;

    /// <summary>Closes the link with an error.</summary>
    /// <param name="error">Why.</param>
    public void Close(Refusal error) => BrokerLinks.Close(link, error);

    /// <inheritdoc/>
    public override void OnFlow(FlowContext flowContext)
    {
        lock (_gate)
        {
            // AMQPNetLite reports by how much the limit moved, and forgets all credit when it did not move up. Its word counts,
            // since it is AMQPNetLite that keeps the delivery count.
            _credit = flowContext.Messages <= 0 ? 0 : _credit + flowContext.Messages;
        }

        Wake();
    }

    /// <inheritdoc/>
    public override void OnMessage(MessageContext messageContext) => throw new InvalidOperationException("a reader's link carries no messages to the broker");

    /// <inheritdoc/>
    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // Everything is sent settled: there is nothing to settle.
    }

    /// <inheritdoc/>
    public override void OnLinkClosed(ListenerLink link, Error error) => Leave();

    /// <summary>Stops, also when the link never came to be.</summary>
    public void Leave()
    {
        lock (_gate) _closed = true;
        log.Appended -= Wake;
        readers.Leave(this);
    }

    private void Wake()
    {
        lock (_gate)
        {
            _woken = true;
            if (_pumping || _closed) return;
            _pumping = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static reader => _ = reader.Pump(), this, preferLocal: false);
    }

    private async Task Pump()
    {
        var events = new StoredEvent[EventsPerTurn];
        while (true)
        {
            long credit;
            lock (_gate)
            {
                (credit, _woken) = (_credit, false);
                if (_closed)
                {
                    _pumping = false;
                    return;
                }
            }

            var count = credit > 0 ? log.Read(ref _cursor, events.AsSpan(0, (int)Math.Min(credit, EventsPerTurn)), BytesPerTurn) : 0;
            if (count > 0)
            {
                if (!await Send(events.AsMemory(0, count)).ConfigureAwait(false)) Leave();
                continue;
            }

            if (link.IsDraining) Drain();
            lock (_gate)
            {
                if (_woken && !_closed) continue;
                _pumping = false;
                return;
            }
        }
    }

    private async ValueTask<bool> Send(ReadOnlyMemory<StoredEvent> events)
    {
        try
        {
            ByteBuffer? last = null;
            for (var i = 0; i < events.Length; i++)
            {
                lock (_gate)
                {
                    // Credit may have been taken back meanwhile; what is not sent is read again.
                    if (_credit <= 0)
                    {
                        _cursor -= events.Length - i;
                        break;
                    }

                    _credit--;
                }

                var bytes = events.Span[i].Message;
                last = new ByteBuffer(bytes, 0, bytes.Length, bytes.Length);
                link.SendMessage(new Message(), last);
            }

            await connection.FlushAsync().ConfigureAwait(false);
            await Task.Yield(); // off the connection's writer
            while (last is { Length: > 0 } && !link.IsClosed) await Task.Delay(WindowPoll).ConfigureAwait(false); // the session's window is shut
            return !link.IsClosed;
        }
        catch (Exception gone) when (gone is AmqpException or ObjectDisposedException or InvalidOperationException)
        {
            return false; // the link or its connection closed under us; its readers ask again by sequence number
        }
    }

    private void Drain()
    {
        lock (_gate) _credit = 0;
        try
        {
            link.CompleteDrain();
        }
        catch (Exception gone) when (gone is AmqpException or ObjectDisposedException)
        {
            Leave();
        }
    }
}
