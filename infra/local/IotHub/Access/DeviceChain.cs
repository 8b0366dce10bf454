using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Access;

/// <summary>The certificate chain of a device, from what its TLS client showed.</summary>
internal static class DeviceChain
{
    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");

    /// <summary>Builds a whole chain to a registered authority: signatures, CA flags, use and dates of every certificate.</summary>
    /// <param name="shown">The leaf and whatever else was sent; only what was sent or is registered can be part of the chain.</param>
    /// <param name="authorities">Roots or intermediates: an anchor is an anchor, whoever signed it.</param>
    /// <param name="now">Wall time.</param>
    /// <returns>DER from the leaf to the farthest registered authority, or <c>certificate-chain</c>, <c>certificate-expired</c>.</returns>
    public static Parsed<IReadOnlyList<byte[]>> Build(PeerCertificates shown, IReadOnlyList<X509Certificate2> authorities, DateTimeOffset now)
    {
        using var leaf = X509CertificateLoader.LoadCertificate(shown.Leaf);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // the service has no CRL: only disabling stops a leaked key
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority; // an anchor may be an intermediate
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuth);
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities.ToArray());
        var others = shown.Others.Select(X509CertificateLoader.LoadCertificate).ToArray();
        try
        {
            chain.ChainPolicy.ExtraStore.AddRange(others);
            var built = chain.Build(leaf);
            if (chain.ChainStatus.Any(status => status.Status.HasFlag(X509ChainStatusFlags.NotTimeValid))) return new Fault("certificate-expired", "certificate");
            var elements = chain.ChainElements.Select(element => element.Certificate.RawData).ToArray();
            var anchor = Array.FindLastIndex(elements, element => authorities.Any(authority => authority.RawDataMemory.Span.SequenceEqual(element)));
            return built && anchor > 0 ? elements[..(anchor + 1)] : new Fault("certificate-chain", "certificate");
        }
        finally
        {
            foreach (var other in others) other.Dispose();
            foreach (var element in chain.ChainElements) element.Certificate.Dispose();
        }
    }

    /// <summary>The first common name of the subject; <c>GetNameInfo</c> would fall back to other names.</summary>
    public static string? CommonName(X509Certificate2 leaf) => leaf.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false)
        .Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == "2.5.4.3")
        .Select(name => name.GetSingleElementValue())
        .FirstOrDefault();
}
