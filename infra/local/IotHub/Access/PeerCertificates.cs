using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Serverless.Local.IotHub.Access;

/// <summary>What a TLS client showed, as bytes: the certificates themselves belong to the handshake.</summary>
/// <param name="Leaf">DER of the client's certificate; the handshake proved possession of its key.</param>
/// <param name="Others">DER of whatever else it sent, in no trusted order.</param>
internal sealed record PeerCertificates(byte[] Leaf, IReadOnlyList<byte[]> Others)
{
    private static readonly object ItemKey = new();

    /// <summary>What this connection showed, or null.</summary>
    public static PeerCertificates? Of(ConnectionContext connection) =>
        connection.Items.TryGetValue(ItemKey, out var shown) ? (PeerCertificates?)shown : null;

    /// <summary>What the connection of a request showed, or null.</summary>
    public static PeerCertificates? Of(HttpContext http) =>
        http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(ItemKey, out var shown) == true ? (PeerCertificates?)shown : null;

    /// <summary>TLS options that ask for a certificate and accept any: who it is, is decided at CONNECT, so that a refused device sees
    /// CONNACK 5 and not a broken handshake.</summary>
    /// <remarks>Deliberately not checked here: chain, dates, thumbprint; see <see cref="DeviceAuthenticator"/>. Nothing is downloaded.</remarks>
    public static SslServerAuthenticationOptions Ask(X509Certificate2 server, BaseConnectionContext connection) => new()
    {
        ServerCertificate = server,
        ClientCertificateRequired = true,
        AllowTlsResume = false, // a resumed session proves no possession of the key again
        EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13,
        CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
        RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            if (certificate is not null)
            {
                connection.Items[ItemKey] = new PeerCertificates(
                    certificate.GetRawCertData(),
                    chain?.ChainPolicy.ExtraStore.Select(other => other.RawData).ToArray() ?? []);
            }

            return true;
        },
    };
}
