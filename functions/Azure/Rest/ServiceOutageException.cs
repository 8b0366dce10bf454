namespace Serverless.Rest;

/// <summary>The service could not be reached, was too busy, refused our identity, or answered what cannot be understood, for longer
/// than the client was told to keep trying; or our own share of its quota is spent.</summary>
/// <remarks>An outage: pass it through to the platform's retry.</remarks>
public sealed class ServiceOutageException : IOException
{
    /// <summary>Says what failed.</summary>
    /// <param name="service">Which service: its host name.</param>
    /// <param name="operation">Which operation, such as <c>device-update</c>; no id.</param>
    /// <param name="reason">Kebab-case: <c>throttled</c>, <c>unavailable</c>, <c>unreachable</c>, <c>timeout</c>, <c>unauthorized</c>,
    /// <c>no-token</c>, <c>answer-malformed</c>, <c>answer-too-large</c>, <c>share-spent</c>, <c>outcome-unknown</c>.</param>
    /// <param name="mayHaveLanded">Whether the write may have happened.</param>
    /// <param name="inner">The cause.</param>
    public ServiceOutageException(string service, string operation, string reason, bool mayHaveLanded, Exception? inner = null)
        : base($"{operation} at {service}: {reason}{(mayHaveLanded ? "; it may have landed" : "")}", inner)
    {
        (Service, Operation, Reason, MayHaveLanded) = (service, operation, reason, mayHaveLanded);
    }

    /// <summary>The service's host name.</summary>
    public string Service { get; }

    /// <summary>The operation's name; no id.</summary>
    public string Operation { get; }

    /// <summary>Kebab-case reason, for metrics.</summary>
    public string Reason { get; }

    /// <summary>Whether the write may have happened: read before deciding. <see langword="false"/> is a promise that it did not.
    /// Always <see langword="false"/> for reads.</summary>
    public bool MayHaveLanded { get; }

    /// <summary>The last answer's HTTP status; 0 when there was none.</summary>
    public int Status { get; init; }

    /// <summary>The service's error code, or empty.</summary>
    public string ServiceCode { get; init; } = "";

    /// <summary>The service's tracking id, or empty.</summary>
    public string TrackingId { get; init; } = "";

    /// <summary>How long the service asked us to wait, or our own budget needs; zero when neither said.</summary>
    public TimeSpan RetryAfter { get; init; }
}
