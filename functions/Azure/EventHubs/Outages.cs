namespace Serverless.EventHubs;

/// <summary>Event Hubs could not be reached, was too busy, or refused us, for longer than the client was told to keep trying.</summary>
/// <remarks>An outage: pass it through to the platform's retry.</remarks>
public sealed class EventHubsOutageException : IOException
{
    /// <summary>Says what failed.</summary>
    /// <param name="message">For operators; names the hub, no payload and no token.</param>
    /// <param name="condition">The AMQP error condition, such as <c>com.microsoft:server-busy</c>, or empty for a lost connection.</param>
    /// <param name="mayHaveLanded">Whether some of the events may be in the hub.</param>
    /// <param name="inner">The cause.</param>
    public EventHubsOutageException(string message, string condition, bool mayHaveLanded, Exception? inner = null)
        : base(message, inner)
    {
        Condition = condition;
        MayHaveLanded = mayHaveLanded;
    }

    /// <summary>The AMQP error condition, or empty.</summary>
    public string Condition { get; }

    /// <summary>Whether some of the events may be in the hub: publishing them again then makes duplicates, which consumers tell by
    /// their message-id. <see langword="false"/> is a promise that none is.</summary>
    public bool MayHaveLanded { get; internal set; }
}

/// <summary>Another reader with the same or a higher epoch took the partition; this receiver is over.</summary>
public sealed class ReceiverStolenException : Exception
{
    /// <summary>Says which partition went.</summary>
    /// <param name="message">For operators.</param>
    public ReceiverStolenException(string message)
        : base(message)
    {
    }
}

/// <summary>An event that no retry can publish; nothing of the call was sent.</summary>
public sealed class EventRefusedException : Exception
{
    /// <summary>Says which event, and why.</summary>
    /// <param name="fault">From <see cref="OutgoingEvent.Check"/>: <c>event-too-large</c> or <c>partition-key-length</c>.</param>
    /// <param name="index">Its place in the list that was passed.</param>
    public EventRefusedException(Serverless.Faults.Fault fault, int index)
        : base($"event {index} was refused before sending: {fault}")
    {
        Fault = fault;
        Index = index;
    }

    /// <summary>Why.</summary>
    public Serverless.Faults.Fault Fault { get; }

    /// <summary>Its place in the list that was passed.</summary>
    public int Index { get; }
}

/// <summary>Tells outages from bugs.</summary>
internal static class Outages
{
    /// <summary>Whether a failure of a network step is an outage; the caller's own cancellation is not.</summary>
    /// <param name="failure">What was thrown.</param>
    /// <param name="cancel">The caller's token.</param>
    public static bool IsOutage(Exception failure, CancellationToken cancel) => failure switch
    {
        OperationCanceledException => !cancel.IsCancellationRequested, // our own timeout, or AMQPNetLite's word for a closed transport
        ObjectDisposedException closed => closed.ObjectName != typeof(EventHubsClient).FullName,
        Amqp.AmqpException or IOException or TimeoutException or System.Net.Sockets.SocketException => true,
        System.Security.Authentication.AuthenticationException => true,
        _ => false,
    };

    /// <summary>The AMQP condition behind a failure, or empty.</summary>
    /// <param name="failure">What was thrown.</param>
    public static string Condition(Exception failure) => failure is Amqp.AmqpException amqp ? Wire.ClientLinks.Condition(amqp.Error) : "";
}
