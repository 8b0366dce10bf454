using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Serverless.EventHubs.Wire;

namespace Serverless.Local.EventHubs;

/// <summary>A request as <c>$cbs</c> and <c>$management</c> get it.</summary>
/// <param name="MessageId">Comes back as correlation-id.</param>
/// <param name="ReplyTo">Names the link for the answer.</param>
/// <param name="Application">The application properties: the question.</param>
/// <param name="Body">A value body, decoded.</param>
internal sealed record NodeRequest(object? MessageId, string? ReplyTo, IReadOnlyDictionary<string, object?> Application, object? Body)
{
    /// <summary>An application property that is text.</summary>
    /// <param name="name">Its name.</param>
    public string? Text(string name) => Application.GetValueOrDefault(name) as string;

    /// <summary>Reads a request.</summary>
    /// <param name="bytes">One encoded message, untrusted.</param>
    public static NodeRequest? Read(ReadOnlySpan<byte> bytes)
    {
        if (!MessageSections.TryFind(bytes, out var sections)) return null;
        var properties = PropertyFields.Read(bytes[sections.Properties]);
        var application = bytes[sections.ApplicationProperties];
        var body = bytes[sections.Body];
        var value = body.Length > 3 && body[1] == 0x53 && body[2] == 0x77 ? body[3..] : [];
        return new NodeRequest(
            properties.GetValueOrDefault("message-id"),
            properties.GetValueOrDefault("reply-to") as string,
            application.IsEmpty ? new Dictionary<string, object?>() : AmqpReader.ReadMap(application),
            value.IsEmpty ? null : AmqpReader.Read(ref value));
    }
}

/// <summary>The requesting end of a node that answers: takes requests, has them answered off the connection's reading thread.</summary>
/// <param name="peer">Who asks.</param>
/// <param name="answer">Makes the answer: status, description, and a value body or nothing.</param>
internal sealed class RequestEndpoint(Peer peer, Func<NodeRequest, Task<(int Status, string Description, Amqp.Types.Map? Body)>> answer) : LinkEndpoint
{
    /// <summary>Requests a peer may have open.</summary>
    public const int Credit = 50;

    /// <inheritdoc/>
    public override void OnMessage(MessageContext messageContext)
    {
        var request = NodeRequest.Read(((RawMessage)messageContext.Message).Bytes);
        if (request is null)
        {
            messageContext.Complete(BrokerLinks.Error(new Refusal("amqp:decode-error", "malformed request")));
            return;
        }

        if (peer.ReplyLink(request.ReplyTo) is not { } reply)
        {
            messageContext.Complete(BrokerLinks.Error(new Refusal("amqp:not-found", "no link for reply-to")));
            return;
        }

        messageContext.Complete();
        _ = Answer(request, reply);
    }

    /// <inheritdoc/>
    public override void OnFlow(FlowContext flowContext)
    {
        // We receive here; the peer's flow says nothing new.
    }

    /// <inheritdoc/>
    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // We send nothing on this link.
    }

    private async Task Answer(NodeRequest request, ListenerLink reply)
    {
        try
        {
            await Task.Yield();
            var (status, description, body) = await answer(request).ConfigureAwait(false);
            var message = new Message
            {
                Properties = new Properties(),
                ApplicationProperties = new ApplicationProperties
                {
                    ["status-code"] = status,
                    ["status-description"] = description,
                    ["statusCode"] = status,
                    ["statusDescription"] = description,
                },
                BodySection = new AmqpValue { Value = body },
            };
            if (request.MessageId is string or ulong or Guid or byte[]) message.Properties.SetCorrelationId(request.MessageId); // what the standard allows
            reply.SendMessage(message);
        }
        catch (Exception gone) when (gone is AmqpException or ObjectDisposedException or InvalidOperationException)
        {
            // The asker left.
        }
    }
}

/// <summary>The end of a link that carries answers to a peer.</summary>
internal sealed class ReplyEndpoint : LinkEndpoint
{
    /// <inheritdoc/>
    public override void OnMessage(MessageContext messageContext) => throw new InvalidOperationException("answers go out only");

    /// <inheritdoc/>
    public override void OnFlow(FlowContext flowContext)
    {
        // Clients give more credit than they have questions.
        if (flowContext.Link.IsDraining) flowContext.Link.CompleteDrain();
    }

    /// <inheritdoc/>
    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // Answers are sent settled.
    }
}
