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
    /// <returns>Null, or <c>certificate-subject</c>, <c>certificate-chain</c>, <c>certificate-expired</c>.</returns>
    public static Fault? CheckSigned(PeerCertificates shown, string deviceId, IReadOnlyList<X509Certificate2> authorities, DateTimeOffset now)
    {
        using var leaf = X509CertificateLoader.LoadCertificate(shown.Leaf);
        if (CommonName(leaf) != deviceId) return new Fault("certificate-subject", "certificate");
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // the hub has no CRL: only disabling stops a leaked key
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        // A registered authority may be an intermediate: an anchor is an anchor, whoever signed it.
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2")); // clientAuth
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities.ToArray());
        var others = shown.Others.Select(X509CertificateLoader.LoadCertificate).ToArray();
        try
        {
            chain.ChainPolicy.ExtraStore.AddRange(others);
            var built = chain.Build(leaf);
            if (chain.ChainStatus.Any(status => status.Status.HasFlag(X509ChainStatusFlags.NotTimeValid))) return new Fault("certificate-expired", "certificate");
            var anchored = chain.ChainElements.Skip(1).Any(element => authorities.Any(authority => authority.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)));
            return built && anchored ? null : new Fault("certificate-chain", "certificate");
        }
        finally
        {
            foreach (var other in others) other.Dispose();
            foreach (var element in chain.ChainElements) element.Certificate.Dispose();
        }
    }

    // The first CN of the subject; GetNameInfo would fall back to other names.
    private static string? CommonName(X509Certificate2 leaf) => leaf.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false)
        .Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == "2.5.4.3")
        .Select(name => name.GetSingleElementValue())
        .FirstOrDefault();

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
