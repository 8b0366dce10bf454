using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Access;

/// <summary>Whether a certificate is a device's (X.509 authentication guide).</summary>
/// <remarks>Possession of the private key was proven by the TLS handshake.</remarks>
internal static class CertificateRule
{
    /// <summary>A pinned certificate: the thumbprint alone decides, as on Azure; dates are the operator's business.</summary>
    /// <returns>The scope of authentication, or <c>certificate-thumbprint</c>.</returns>
    public static Fault? CheckPinned(PeerCertificates shown, DeviceCredentials credentials) =>
        Matches(shown.Leaf, credentials.PrimaryThumbprint) || Matches(shown.Leaf, credentials.SecondaryThumbprint)
            ? null
            : new Fault("certificate-thumbprint", "certificate");

    /// <summary>A CA-signed one: its common name is the device id and a whole chain leads to a registered authority.</summary>
    /// <returns>Null, or <c>certificate-subject</c>, and those of <see cref="DeviceChain.Build"/>.</returns>
    public static Fault? CheckSigned(PeerCertificates shown, string deviceId, IReadOnlyList<X509Certificate2> authorities, DateTimeOffset now)
    {
        using var leaf = X509CertificateLoader.LoadCertificate(shown.Leaf);
        if (DeviceChain.CommonName(leaf) != deviceId) return new Fault("certificate-subject", "certificate");
        return DeviceChain.Build(shown, authorities, now).Fault;
    }

    private static bool Matches(byte[] leaf, string? thumbprint) => thumbprint?.Length switch
    {
        // CA5350: SHA-1 thumbprints are the service's own format for pins. A second preimage is what an attacker would need.
#pragma warning disable CA5350
        40 => CryptographicOperations.FixedTimeEquals(Convert.FromHexString(thumbprint), SHA1.HashData(leaf)),
#pragma warning restore CA5350
        64 => CryptographicOperations.FixedTimeEquals(Convert.FromHexString(thumbprint), SHA256.HashData(leaf)),
        _ => false,
    };
}
