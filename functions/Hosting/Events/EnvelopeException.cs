using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>The host's request is not an envelope that this edge understands. That is a bug, of the host or of a function's
/// bindings, never a device's doing: devices choose only what stands inside single events.</summary>
/// <remarks>The invocation answers 500 (413 for <c>envelope-size</c>) and logs an error, so that the function's retry policy
/// applies and someone is paged. The message holds no text of the envelope.</remarks>
public sealed class EnvelopeException : Exception
{
    /// <summary>Says what is wrong with the envelope.</summary>
    /// <param name="fault">One of the <c>envelope-…</c> codes documented at <see cref="EventBatch"/> and <see cref="TimerTick"/>.</param>
    public EnvelopeException(Fault fault)
        : base(fault?.ToString())
    {
        ArgumentNullException.ThrowIfNull(fault);
        Fault = fault;
    }

    /// <summary>Code and place. The place is a path in the host's own names.</summary>
    public Fault Fault { get; }
}
