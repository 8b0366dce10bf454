using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Serverless.EventHubs.Wire;

/// <summary>Opens links and waits for the peer's answer, which AMQPNetLite gives by callbacks.</summary>
internal static class ClientLinks
{
    /// <summary>Opens a sender.</summary>
    /// <param name="connection">The connection; the link gets a session of its own, so that no other link can fill its window.</param>
    /// <param name="name">Link name.</param>
    /// <param name="attach">What to ask for.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    /// <returns>The link and the peer's answer.</returns>
    /// <exception cref="AmqpException">Refused; carries the condition.</exception>
    public static Task<(SenderLink Link, Attach Answer)> Sender(Connection connection, string name, Attach attach, CancellationToken cancel) =>
        Open(connection, (session, attached) => new SenderLink(session, name, attach, attached), answer => answer.Target is not null, cancel);

    /// <summary>Opens a receiver, without credit.</summary>
    /// <inheritdoc cref="Sender"/>
    public static Task<(ReceiverLink Link, Attach Answer)> Receiver(Connection connection, string name, Attach attach, CancellationToken cancel) =>
        Open(connection, (session, attached) => new ReceiverLink(session, name, attach, attached), answer => answer.Source is not null, cancel);

    /// <summary>The condition of an error, or empty.</summary>
    /// <param name="error">The error, if any.</param>
    public static string Condition(Error? error) => error?.Condition?.ToString() ?? "";

    /// <summary>Closes a link and its session without waiting for the peer.</summary>
    /// <param name="link">The link.</param>
    public static void Close(Link link)
    {
        try
        {
            link.Close(TimeSpan.Zero, null);
            link.Session.Close(TimeSpan.Zero, null);
        }
        catch (AmqpException)
        {
            // Closing what the peer closes in the same moment is "illegal" to AMQPNetLite; it is closed either way.
        }
        catch (ObjectDisposedException)
        {
            // The connection went first.
        }
    }

    private static async Task<(T Link, Attach Answer)> Open<T>(
        Connection connection, Func<Session, OnAttached, T> make, Func<Attach, bool> accepted, CancellationToken cancel)
        where T : Link
    {
        var answer = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var session = new Session(connection);
        T? link = null;
        try
        {
            // A refusal is an attach without terminus, and the reason comes with the detach behind it (part 2, section 2.6.3).
            link = make(session, (_, attach) =>
            {
                if (accepted(attach)) answer.TrySetResult(attach);
            });
            link.AddClosedCallback((_, error) => answer.TrySetException(new AmqpException(error ?? new Error(new Symbol("amqp:link:detach-forced")))));
            return (link, await answer.Task.WaitAsync(cancel).ConfigureAwait(false));
        }
        catch
        {
            if (link is not null) Close(link);
            throw;
        }
    }
}
