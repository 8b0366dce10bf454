using Amqp;
using Amqp.Framing;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>What became of one transfer.</summary>
/// <param name="Accepted">Whether the hub has it.</param>
/// <param name="Condition">The error condition when it has not; empty for a lost link.</param>
/// <param name="Unknown">Whether it may be in the hub nevertheless: the link went before the outcome came.</param>
internal readonly record struct SendOutcome(bool Accepted, string Condition, bool Unknown);

/// <summary>One open sender link to a hub.</summary>
/// <remarks>Thread-safe. Transfers keep the order of their <see cref="Send"/> calls.</remarks>
internal sealed class HubSender
{
    private static readonly OutcomeCallback OnOutcome = Conclude;
    private readonly SenderLink _link;

    private HubSender(SenderLink link, HubConnection connection, int messageBytesMax)
    {
        _link = link;
        Connection = connection;
        MessageBytesMax = messageBytesMax;
    }

    /// <summary>The connection underneath.</summary>
    public HubConnection Connection { get; }

    /// <summary>The largest transfer the hub takes, in bytes.</summary>
    public int MessageBytesMax { get; }

    /// <summary>Whether it still carries transfers.</summary>
    public bool IsOpen => IsUp(_link);

    /// <summary>Opens the link.</summary>
    /// <param name="connection">On which connection.</param>
    /// <param name="hub">To which hub.</param>
    /// <param name="audience">The token audience.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public static async Task<HubSender> Open(HubConnection connection, string hub, string audience, CancellationToken cancel)
    {
        var (link, answer) = await connection.Tokens.Opening(
            audience,
            () => ClientLinks.Sender(connection.Amqp, $"send-{hub}-{Nonce.Next()}", new Attach { Source = new Source(), Target = new Target { Address = hub } }, cancel),
            cancel).ConfigureAwait(false);
        var limit = answer.MaxMessageSize is 0 or > int.MaxValue ? 1024 * 1024 : (int)answer.MaxMessageSize;
        return new HubSender(link, connection, limit);
    }

    /// <summary>Sends one batch and waits for its outcome.</summary>
    /// <param name="batch">AMQPNetLite copies it before this returns its task.</param>
    /// <param name="clock">For the timeout.</param>
    /// <param name="timeout">How long to wait; a late outcome counts as unknown and closes the link.</param>
    /// <param name="cancel">Cancels the wait; the batch may land.</param>
    public async Task<SendOutcome> Send(Message batch, TimeProvider clock, TimeSpan timeout, CancellationToken cancel)
    {
        var outcome = new TaskCompletionSource<SendOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            _link.Send(batch, null, OnOutcome, outcome);
        }
        catch (Exception closed) when (closed is AmqpException or ObjectDisposedException)
        {
            return new SendOutcome(false, ClientLinks.Condition(_link.Error), Unknown: false);
        }

        try
        {
            return await outcome.Task.WaitAsync(timeout, clock, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Close();
            return new SendOutcome(false, "", Unknown: true);
        }
    }

    /// <summary>Closes the link without waiting.</summary>
    public void Close() => ClientLinks.Close(_link);

    private static bool IsUp(ILink link) => link is SenderLink { IsClosed: false, LinkState: < LinkState.DetachPipe };

    // Runs on the connection's reading thread: it must neither block nor throw.
    private static void Conclude(ILink link, Message message, Outcome outcome, object state) =>
        ((TaskCompletionSource<SendOutcome>)state).TrySetResult(outcome switch
        {
            Accepted => new SendOutcome(true, "", false),
            // On a dying link AMQPNetLite reports its own end as if the peer had rejected what was in the air.
            _ when !IsUp(link) => new SendOutcome(false, ClientLinks.Condition((link as SenderLink)?.Error), Unknown: true),
            Rejected rejected => new SendOutcome(false, ClientLinks.Condition(rejected.Error), false),
            _ => new SendOutcome(false, "amqp:link:message-released", false),
        });
}
