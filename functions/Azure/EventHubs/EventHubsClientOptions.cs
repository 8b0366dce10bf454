using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Serverless.EventHubs;

/// <summary>How long the client tries, how much it keeps in the air, and whom it trusts. The defaults suit a function app.</summary>
public sealed record EventHubsClientOptions
{
    /// <summary>Longest wait for one answer: a connection, a token's acceptance, a publication's outcome. Default 30 s.</summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long transient failures are retried before <see cref="EventHubsOutageException"/>. Default 60 s.</summary>
    public TimeSpan RetryBound { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>First wait between tries; doubles up to 5 s, each wait drawn between its half and its whole. Default 100 ms.</summary>
    public TimeSpan RetryWait { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Least wait after <c>com.microsoft:server-busy</c>. Default 4 s, which the service asks for.</summary>
    public TimeSpan ServerBusyWait { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Batches of one <see cref="EventHubsClient.Publish"/> in the air at once, 1 to 1024. Default 64.</summary>
    public int BatchesInFlightMax { get; init; } = 64;

    /// <summary>How long before its end a token is renewed, or a third of its life if that is shorter. Default 5 min.</summary>
    public TimeSpan TokenRenewal { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The only authority to trust for this connection, for a program that made the authority itself; otherwise the
    /// platform's trust store decides (on Linux also what <c>SSL_CERT_FILE</c> names). The certificate's name is checked either way.</summary>
    public X509Certificate2? TrustRoot { get; init; }

    internal SslClientAuthenticationOptions Tls(string host)
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = host };
        if (TrustRoot is null) return tls;
        tls.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // an authority that lives as long as its process publishes no list
        };
        tls.CertificateChainPolicy.CustomTrustStore.Add(TrustRoot);
        return tls;
    }
}
