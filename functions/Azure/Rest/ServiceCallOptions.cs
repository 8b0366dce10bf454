using System.Security.Cryptography.X509Certificates;
using Azure.Core.Pipeline;

namespace Serverless.Rest;

/// <summary>How long a client tries, and whom it trusts. The defaults suit a function app. Trusted: whoever sets these picks the
/// authority that may pose as the service.</summary>
public sealed record ServiceCallOptions
{
    /// <summary>Longest wait for one answer. Default 30 s; a direct method adds its own response time.</summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long transient failures (408, 429, 5xx, lost connections) are retried before
    /// <see cref="ServiceOutageException"/>; zero never retries. Default 60 s.</summary>
    public TimeSpan RetryBound { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>First wait between tries; doubles up to 10 s, each drawn between its half and its whole, never shorter than the
    /// service's <c>Retry-After</c>. Default 200 ms.</summary>
    public TimeSpan RetryWait { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait for our own share of the quota before <c>share-spent</c>. Default 60 s: one whole window, so that only
    /// a queue longer than the share fails. A sweep that may wait longer sets more.</summary>
    public TimeSpan ShareWait { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The only authority to trust for this connection, for a program that made the authority itself; otherwise the
    /// platform's trust store decides (on Linux also what <c>SSL_CERT_FILE</c> names). The certificate's name is checked either way.</summary>
    public X509Certificate2? TrustRoot { get; init; }

    /// <summary>Where the service answers if not at its own name: <c>host:port</c>, as on a local cloud.</summary>
    public string? Address { get; init; }

    /// <summary>Replaces the network, for tests; <see cref="TrustRoot"/> then has no effect.</summary>
    public HttpPipelineTransport? Transport { get; init; }
}
