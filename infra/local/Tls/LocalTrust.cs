using System.Security.Cryptography.X509Certificates;

namespace Serverless.Local.Tls;

/// <summary>HTTPS clients that trust the local authority and nobody else, for code inside the local cloud's own process.</summary>
public static class LocalTrust
{
    /// <summary>A handler for one client; the caller owns it.</summary>
    /// <param name="authority">Whom to trust; the machine's roots without one.</param>
    public static SocketsHttpHandler Handler(LocalAuthority? authority)
    {
        var handler = new SocketsHttpHandler { UseProxy = authority is null, UseCookies = false };
        if (authority is null) return handler;
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority.Certificate);
        handler.SslOptions.CertificateChainPolicy = policy;
        return handler;
    }
}
