using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>One incarnation of a receiver link: gathers what arrives, and gives credit back as it is taken.</summary>
internal sealed class ReceivingLink
{
    private readonly Lock _gate = new();
    private readonly Queue<ReceivedEvent> _waiting = new();
    private readonly int _prefetch;
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReceiverLink? _link;
    private int _taken; // credit owed to the broker
    private Exception? _broken;

    private ReceivingLink(int prefetch) => _prefetch = prefetch;

    /// <summary>Whether nothing more will come.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Why it is over, or empty.</summary>
    public string Condition { get; private set; } = "";

    /// <summary>Events that wait to be taken.</summary>
    public int Buffered
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    /// <summary>Opens the link and asks for the first events.</summary>
    /// <param name="connection">On which connection.</param>
    /// <param name="target">Whom to read.</param>
    /// <param name="position">From where.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public static async Task<ReceivingLink> Open(Connection connection, ReceiverTarget target, StartPosition position, CancellationToken cancel)
    {
        var receiving = new ReceivingLink(target.Prefetch);
        var filter = new Symbol("apache.org:selector-filter:string");
        var attach = new Attach
        {
            Source = new Source { Address = target.Address, FilterSet = new Map { [filter] = new DescribedValue(filter, position.Filter) } },
            Target = new Target { Address = target.Address },
            SndSettleMode = SenderSettleMode.Settled,
            Properties = new Fields(),
        };
        if (target.Epoch is { } epoch) attach.Properties[new Symbol("com.microsoft:epoch")] = epoch;
        var (link, _) = await ClientLinks.Receiver(connection, $"read-{Nonce.Next()}", attach, cancel).ConfigureAwait(false);
        receiving._link = link;
        link.AddClosedCallback(receiving.OnClosed);
        link.Start(0, receiving.OnMessage); // sets the callback; credit 0 asks for nothing yet
        link.SetCredit(target.Prefetch, CreditMode.Manual);
        return receiving;
    }

    /// <summary>Takes what has arrived, or waits for the first.</summary>
    /// <param name="max">At most this many.</param>
    /// <param name="wait">How long to wait.</param>
    /// <param name="clock">For the wait.</param>
    /// <param name="cancel">Cancels the wait.</param>
    public async Task<IReadOnlyList<ReceivedEvent>> Take(int max, TimeSpan wait, TimeProvider clock, CancellationToken cancel)
    {
        Task arrived;
        lock (_gate)
        {
            if (_waiting.Count > 0 && Condition != Conditions.LinkStolen) return Dequeue(max);
            if (IsOver) return [];
            arrived = _arrived.Task;
        }

        try
        {
            await arrived.WaitAsync(wait, clock, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return [];
        }

        lock (_gate)
        {
            if (_broken is not null) throw _broken;
            return Condition == Conditions.LinkStolen ? [] : Dequeue(max);
        }
    }

    /// <summary>Closes the link and waits for the broker, so that a successor's epoch need not steal.</summary>
    /// <param name="timeout">How long to wait.</param>
    public async Task Close(TimeSpan timeout)
    {
        if (_link is null || IsOver) return;
        try
        {
            await _link.CloseAsync(timeout, null).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is AmqpException or TimeoutException or ObjectDisposedException)
        {
            // The broker closed it first, or is gone.
        }

        ClientLinks.Close(_link);
    }

    private ReceivedEvent[] Dequeue(int max)
    {
        var events = new ReceivedEvent[Math.Min(max, _waiting.Count)];
        for (var i = 0; i < events.Length; i++) events[i] = _waiting.Dequeue();
        if (_waiting.Count == 0 && _arrived.Task.IsCompleted && !IsOver) _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _taken += events.Length;
        if (_taken * 2 < _prefetch || IsOver) return events;
        _link!.SetCredit(_taken, CreditMode.Manual);
        _taken = 0;
        return events;
    }

    // Both callbacks run on the connection's reading thread: they must neither block nor throw.
    private void OnMessage(IReceiverLink link, Message message)
    {
        ReceivedEvent? one = null;
        Exception? broken = null;
        try
        {
            one = ReceivedEvent.Read(OpaqueMessage.Take(message));
        }
        catch (InvalidDataException malformed)
        {
            broken = malformed;
        }

        lock (_gate)
        {
            if (one is not null) _waiting.Enqueue(one);
            _broken ??= broken;
            _arrived.TrySetResult();
        }
    }

    private void OnClosed(IAmqpObject sender, Error? error)
    {
        lock (_gate)
        {
            (IsOver, Condition) = (true, ClientLinks.Condition(error));
            _arrived.TrySetResult();
        }
    }
}
