using System.Runtime.InteropServices;
using Amqp.Listener;
using Serverless.EventHubs;

namespace Serverless.Local.EventHubs;

/// <summary>A fault to play on a publisher, for tests of its retries.</summary>
public enum PublishFault
{
    /// <summary>None: the publication is taken.</summary>
    None,

    /// <summary>Refused with <c>com.microsoft:server-busy</c>, as a throttled namespace does.</summary>
    ServerBusy,

    /// <summary>The connection drops before the events are appended.</summary>
    DropBeforeAppend,

    /// <summary>The events are appended, and the connection drops before the publisher hears of it.</summary>
    DropAfterAppend,
}

/// <summary>The broker's end of a publisher's link.</summary>
internal sealed class PublisherEndpoint(Peer peer, HubLog hub, PartitionLog? partition, int messageBytesMax, Func<string, PublishFault> fault) : LinkEndpoint
{
    /// <summary>Transfers a publisher may have in the air.</summary>
    public const int Credit = 300;

    /// <inheritdoc/>
    public override void OnMessage(MessageContext messageContext)
    {
        if (messageContext.Link.IsClosed) return; // detached for an ended token, while this was on its way: it is not taken
        var message = (RawMessage)messageContext.Message;
        var played = fault(hub.Name);
        var refusal = played switch
        {
            PublishFault.ServerBusy => new Refusal("com.microsoft:server-busy", "too many requests; wait 4 s"),
            PublishFault.DropBeforeAppend => Drop(),
            _ => Append(message),
        };
        if (played == PublishFault.DropAfterAppend) refusal = Drop();
        if (played is PublishFault.DropAfterAppend or PublishFault.DropBeforeAppend) return;
        if (refusal is null) messageContext.Complete();
        else messageContext.Complete(BrokerLinks.Error(refusal));
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

    private Refusal? Append(RawMessage message)
    {
        var bytes = message.Bytes;
        if (bytes.Length > messageBytesMax) return new Refusal("amqp:link:message-size-exceeded", $"the transfer has {bytes.Length} bytes, at most {messageBytesMax} are taken");
        return Publishing.TryRead(bytes, message.Format == BatchEncoder.Format, out var events, out var key)
            ? hub.Append(CollectionsMarshal.AsSpan(events), key, partition)
            : new Refusal("amqp:decode-error", "malformed message");
    }

    private Refusal? Drop()
    {
        peer.Abort();
        return null;
    }
}
