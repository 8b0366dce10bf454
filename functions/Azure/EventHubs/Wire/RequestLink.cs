using System.Collections.Concurrent;
using System.Globalization;
using Amqp;
using Amqp.Framing;

namespace Serverless.EventHubs.Wire;

/// <summary>An answer on a request link.</summary>
/// <param name="Status">HTTP-like status code.</param>
/// <param name="Description">For operators.</param>
/// <param name="Body">The decoded value body, if any.</param>
internal sealed record RequestAnswer(int Status, string Description, object? Body);

/// <summary>A pair of links to a node that answers requests: <c>$cbs</c> or <c>$management</c>. Thread-safe.</summary>
internal sealed class RequestLink
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<RequestAnswer>> _waiting = new(StringComparer.Ordinal);
    private readonly string _replyTo;
    private SenderLink? _sender;
    private ReceiverLink? _receiver;
    private long _lastId;

    private RequestLink(string replyTo) => _replyTo = replyTo;

    /// <summary>Whether both links live.</summary>
    public bool IsOpen => _sender is { IsClosed: false } && _receiver is { IsClosed: false };

    /// <summary>Opens the pair.</summary>
    /// <param name="connection">On which connection.</param>
    /// <param name="node">The node.</param>
    /// <param name="name">A name that no other pair of the connection has.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public static async Task<RequestLink> Open(Connection connection, string node, string name, CancellationToken cancel)
    {
        var pair = new RequestLink(name);
        var inbound = new Attach { Source = new Source { Address = node }, Target = new Target { Address = name }, SndSettleMode = SenderSettleMode.Settled };
        (pair._receiver, _) = await ClientLinks.Receiver(connection, name + "-in", inbound, cancel).ConfigureAwait(false);
        pair._receiver.AddClosedCallback((_, error) => pair.Fail(error));
        pair._receiver.Start(50, pair.OnAnswer);
        var outbound = new Attach { Source = new Source { Address = name }, Target = new Target { Address = node } };
        (pair._sender, _) = await ClientLinks.Sender(connection, name + "-out", outbound, cancel).ConfigureAwait(false);
        pair._sender.AddClosedCallback((_, error) => pair.Fail(error));
        return pair;
    }

    /// <summary>Asks, and waits for the answer.</summary>
    /// <param name="request">The message; its properties are set here.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    /// <exception cref="AmqpException">The link closed meanwhile.</exception>
    public async Task<RequestAnswer> Ask(Message request, CancellationToken cancel)
    {
        var id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        request.Properties = new Properties { MessageId = id, ReplyTo = _replyTo };
        var answer = new TaskCompletionSource<RequestAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answer;
        try
        {
            if (!IsOpen) throw new AmqpException(new Error(new Amqp.Types.Symbol("amqp:link:detach-forced")));
            _sender!.Send(request, null, null, null); // settled: the answer is the outcome
            return await answer.Task.WaitAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    private void OnAnswer(IReceiverLink link, Message message)
    {
        var delivery = message.GetDelivery();
        var bytes = OpaqueMessage.Take(message);
        ((ReceiverLink)link).Complete(delivery, new Accepted()); // gives the credit back; the peer sent it settled
        if (!MessageSections.TryFind(bytes, out var sections)) return;
        var properties = PropertyFields.Read(bytes.AsSpan(sections.Properties));
        if (properties.GetValueOrDefault("correlation-id") is not string id || !_waiting.TryGetValue(id, out var waiting)) return;
        var application = AmqpReader.ReadMap(bytes.AsSpan(sections.ApplicationProperties));
        var body = bytes.AsSpan(sections.Body);
        ReadOnlySpan<byte> value = body.Length > 3 && body[2] == 0x77 ? body[3..] : [];
        waiting.TrySetResult(new RequestAnswer(
            application.GetValueOrDefault("status-code") as int? ?? 500,
            application.GetValueOrDefault("status-description") as string ?? "",
            value.IsEmpty ? null : AmqpReader.Read(ref value)));
    }

    private void Fail(Error? error)
    {
        foreach (var waiting in _waiting.Values) waiting.TrySetException(new AmqpException(error ?? new Error(new Amqp.Types.Symbol("amqp:link:detach-forced"))));
    }
}
