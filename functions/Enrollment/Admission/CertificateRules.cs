using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>Which certificates a device may prove itself with. Pure: no store of the machine, no revocation list, no clock.</summary>
/// <remarks>Not checked here: whether the chain ends in an authority we know. An individual enrolment pins this one certificate, whoever
/// issued it; a group's authority proved possession to DPS.</remarks>
public static class CertificateRules
{
    private const string CommonName = "2.5.4.3";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2"; // RFC 5280 section 4.2.1.12
    private const string EllipticCurve = "1.2.840.10045.2.1";
    private const string Rsa = "1.2.840.113549.1.1.1";

    /// <summary>Judges a device's chain.</summary>
    /// <param name="chain">Leaf first.</param>
    /// <param name="id">The device.</param>
    /// <param name="policy">Its model's.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The device's key, or <c>certificate-name</c> (the subject has not exactly one common name, or another than the id),
    /// <c>certificate-authority</c> (a CA's certificate), <c>certificate-not-yet</c>, <c>certificate-expired</c>,
    /// <c>certificate-validity</c> (longer than the policy's), <c>key-type</c>, <c>key-size</c>, <c>certificate-use</c> (not for client
    /// authentication, or not for signatures), <c>signature-weak</c> (anywhere in the chain), <c>chain-broken</c> (one does not issue the
    /// one before it).</returns>
    public static Parsed<DeviceKey> Device(CertificateChain chain, DeviceId id, ModelPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(policy);
        var certificates = Load(chain);
        try
        {
            var leaf = certificates[0];
            if (Name(leaf) != id.Text) return new Fault("certificate-name", "certificateChain[0].subject");
            if (IsAuthority(leaf)) return new Fault("certificate-authority", "certificateChain[0]");
            if (Validity(leaf, "certificateChain[0]", now) is { } early) return early;
            if (To(leaf) - From(leaf) > policy.ValidityMax) return new Fault("certificate-validity", "certificateChain[0].validity");
            if (Key(leaf, policy) is { } weak) return weak;
            if (!IsForClients(leaf)) return new Fault("certificate-use", "certificateChain[0].extendedKeyUsage");
            return Links(certificates, now) is { } broken ? broken : ToKey(leaf);
        }
        finally
        {
            foreach (var certificate in certificates) certificate.Dispose();
        }
    }

    /// <summary>Judges a certificate that shall sign devices' certificates.</summary>
    /// <param name="certificate">DER.</param>
    /// <param name="where">Path of the field.</param>
    /// <param name="now">UTC.</param>
    /// <returns>Its key's thumbprint and last instant, or <c>signer-not-authority</c>, <c>certificate-not-yet</c>,
    /// <c>certificate-expired</c>, <c>key-type</c>, <c>key-size</c>, <c>signature-weak</c>.</returns>
    public static Parsed<SignerCertificate> Signer(ReadOnlySpan<byte> certificate, string where, DateTimeOffset now)
    {
        using var signer = X509CertificateLoader.LoadCertificate(certificate);
        if (!IsAuthority(signer)) return new Fault("signer-not-authority", where);
        if (Validity(signer, where, now) is { } fault) return fault;
        if (KeyOf(signer) is not { } kind) return new Fault("key-type", where + ".publicKey");
        if (kind.Weak) return new Fault("key-size", where + ".publicKey");
        if (Hash(signer.SignatureAlgorithm.Value) is null) return new Fault("signature-weak", where + ".signatureAlgorithm");
        return new SignerCertificate(KeyThumbprint.Of(signer.PublicKey.ExportSubjectPublicKeyInfo()), To(signer), Convert.ToBase64String(signer.RawData));
    }

    /// <summary>A certificate's key and validity, unjudged: for one that DPS has verified.</summary>
    /// <param name="der">The certificate.</param>
    /// <returns>The key, or <c>chain-malformed</c>.</returns>
    public static Parsed<DeviceKey> Read(ReadOnlySpan<byte> der)
    {
        try
        {
            using var leaf = X509CertificateLoader.LoadCertificate(der);
            return ToKey(leaf);
        }
        catch (CryptographicException)
        {
            return new Fault("chain-malformed", "certificate");
        }
    }

    private static DeviceKey ToKey(X509Certificate2 leaf) => new(
        KeyKind.X509, KeyThumbprint.Of(leaf.PublicKey.ExportSubjectPublicKeyInfo()), From(leaf), To(leaf),
        Convert.ToBase64String(leaf.RawData), Convert.ToHexStringLower(SHA256.HashData(leaf.RawData)));

    private static X509Certificate2[] Load(CertificateChain chain) => [.. chain.Certificates.Select(der => X509CertificateLoader.LoadCertificate(der.AsSpan()))];

    private static string? Name(X509Certificate2 leaf)
    {
        try
        {
            var names = leaf.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false).ToList();
            if (names.Any(name => name.HasMultipleElements)) return null; // which of them would count?
            var common = names.Where(name => name.GetSingleElementType().Value == CommonName).ToList();
            return common.Count == 1 ? common[0].GetSingleElementValue() : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static bool IsAuthority(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(basic => basic.CertificateAuthority)
        || certificate.Extensions.OfType<X509KeyUsageExtension>().Any(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign));

    private static bool IsForClients(X509Certificate2 leaf) =>
        leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(use => use.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == ClientAuthentication))
        && leaf.Extensions.OfType<X509KeyUsageExtension>().All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature));

    private static Fault? Validity(X509Certificate2 certificate, string where, DateTimeOffset now) =>
        now < From(certificate) ? new Fault("certificate-not-yet", where + ".validity")
        : now > To(certificate) ? new Fault("certificate-expired", where + ".validity")
        : null;

    private static Fault? Key(X509Certificate2 leaf, ModelPolicy policy)
    {
        if (KeyOf(leaf) is not { } key) return new Fault("key-type", "certificateChain[0].publicKey");
        if (!policy.Keys.Contains(key.Kind)) return new Fault("key-type", "certificateChain[0].publicKey");
        return key.Weak ? new Fault("key-size", "certificateChain[0].publicKey") : null;
    }

    /// <summary>The kind of a key, and whether it is too short; none for kinds we do not take.</summary>
    private static (CertifiedKey Kind, bool Weak)? KeyOf(X509Certificate2 certificate)
    {
        try
        {
            switch (certificate.PublicKey.Oid.Value)
            {
                case EllipticCurve:
                    using (var key = certificate.GetECDsaPublicKey())
                    {
                        return key?.ExportParameters(includePrivateParameters: false).Curve.Oid?.Value switch
                        {
                            "1.2.840.10045.3.1.7" => (CertifiedKey.P256, false),
                            "1.3.132.0.34" => (CertifiedKey.P384, false),
                            _ => null, // others, and curves that are spelled out
                        };
                    }

                case Rsa:
                    using (var key = certificate.GetRSAPublicKey()) return key is null ? null : (CertifiedKey.Rsa3072, key.KeySize < 3072);
                default:
                    return null;
            }
        }
        catch (CryptographicException)
        {
            return null; // a point that is not on its curve
        }
    }

    private static Fault? Links(X509Certificate2[] chain, DateTimeOffset now)
    {
        for (var at = 0; at < chain.Length; at++)
        {
            var selfSigned = at == chain.Length - 1 && at > 0 && chain[at].SubjectName.RawData.AsSpan().SequenceEqual(chain[at].IssuerName.RawData);
            // A root's signature proves nothing, so its hash does not matter; the leaf's own does even when it signed itself.
            if (!selfSigned && Hash(chain[at].SignatureAlgorithm.Value) is null) return new Fault("signature-weak", $"certificateChain[{at}].signatureAlgorithm");
        }

        for (var at = 1; at < chain.Length; at++)
        {
            if (!IsAuthority(chain[at]) || Validity(chain[at], "", now) is not null || !Issued(chain[at], chain[at - 1])) return new Fault("chain-broken", $"certificateChain[{at}]");
        }

        return null;
    }

    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }   RFC 5280 section 4.1
    private static bool Issued(X509Certificate2 issuer, X509Certificate2 subject)
    {
        if (!issuer.SubjectName.RawData.AsSpan().SequenceEqual(subject.IssuerName.RawData) || Hash(subject.SignatureAlgorithm.Value) is not { } hash) return false;
        try
        {
            var fields = new AsnReader(subject.RawData, AsnEncodingRules.DER).ReadSequence();
            var signed = fields.ReadEncodedValue();
            fields.ReadEncodedValue();
            var signature = fields.ReadBitString(out _);
            using var rsa = issuer.GetRSAPublicKey();
            if (rsa is not null) return rsa.VerifyData(signed.Span, signature, hash, RSASignaturePadding.Pkcs1);
            using var curve = issuer.GetECDsaPublicKey();
            return curve?.VerifyData(signed.Span, signature, hash, DSASignatureFormat.Rfc3279DerSequence) == true;
        }
        catch (Exception malformed) when (malformed is CryptographicException or AsnContentException)
        {
            return false;
        }
    }

    /// <summary>The hash of a signature algorithm we take; none for MD5, SHA-1, and RSASSA-PSS, whose hash is a parameter.</summary>
    private static HashAlgorithmName? Hash(string? algorithm) => algorithm switch
    {
        "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" => HashAlgorithmName.SHA256,
        "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => HashAlgorithmName.SHA384,
        "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => HashAlgorithmName.SHA512,
        _ => null,
    };

    private static DateTimeOffset From(X509Certificate2 certificate) => certificate.NotBefore.ToUniversalTime();

    private static DateTimeOffset To(X509Certificate2 certificate) => certificate.NotAfter.ToUniversalTime();
}

/// <summary>A certificate that signs devices' certificates.</summary>
/// <param name="Key">Its key.</param>
/// <param name="NotAfter">Its last instant, UTC.</param>
/// <param name="Certificate">DER in base64.</param>
public sealed record SignerCertificate(KeyThumbprint Key, DateTimeOffset NotAfter, string Certificate);
