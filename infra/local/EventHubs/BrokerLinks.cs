using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace Serverless.Local.EventHubs;

/// <summary>Closes and refuses links the way AMQPNetLite survives.</summary>
internal static class BrokerLinks
{
    /// <summary>An AMQP error.</summary>
    /// <param name="refusal">What it says.</param>
    public static Error Error(Refusal refusal) => new(new Symbol(refusal.Condition)) { Description = refusal.Description };

    /// <summary>Detaches a link with an error, without waiting for the peer.</summary>
    /// <param name="link">The link.</param>
    /// <param name="refusal">Why.</param>
    public static void Close(ListenerLink link, Refusal refusal)
    {
        try
        {
            link.Close(TimeSpan.Zero, Error(refusal));
        }
        catch (Exception gone) when (gone is AmqpException or ObjectDisposedException)
        {
            // The peer closes it in the same moment, or its connection is gone.
        }
    }
}
