using Amqp;
using Amqp.Framing;
using Amqp.Handler;
using Amqp.Listener;

namespace Serverless.Local.EventHubs;

/// <summary>A received message whose bytes nobody has decoded yet.</summary>
/// <param name="raw">The bytes, in AMQPNetLite's pooled buffer: valid until the message is disposed of.</param>
internal sealed class RawMessage(ByteBuffer raw) : Message
{
    /// <summary>The encoded message.</summary>
    public ReadOnlySpan<byte> Bytes => raw.Buffer.AsSpan(raw.Offset, raw.Length);
}

/// <summary>AMQPNetLite's container, told to leave messages encoded.</summary>
internal sealed class BrokerHost : ContainerHost, IContainer
{
    public BrokerHost(Address address)
        : base([address])
    {
    }

    // Decoding what a stranger sent, recursively, is what we do not want from the library: it overflows the stack.
    Message IContainer.CreateMessage(ByteBuffer buffer) => new RawMessage(buffer);
}

/// <summary>Gives each connection a container id of its own: AMQPNetLite refuses links of one name on two connections that say the
/// same id, and clients may say any.</summary>
internal sealed class UniqueContainer(long number) : IHandler
{
    public bool CanHandle(EventId id) => id == EventId.ConnectionRemoteOpen;

    public void Handle(Event protocolEvent) => ((Open)protocolEvent.Context).ContainerId = $"peer-{number}";
}
