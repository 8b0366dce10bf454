using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>A certificate as an enrolment keeps it: its bytes, and what the service tells of it. Immutable.</summary>
internal sealed record StoredCertificate
{
    private readonly byte[] _der;

    private StoredCertificate(X509Certificate2 certificate)
    {
        _der = certificate.RawData;
        Subject = certificate.Subject;
        Issuer = certificate.Issuer;
        Sha1 = certificate.GetCertHashString(HashAlgorithmName.SHA1);
        Sha256 = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        NotBefore = certificate.NotBefore.ToUniversalTime();
        NotAfter = certificate.NotAfter.ToUniversalTime();
        SerialNumber = certificate.SerialNumber;
        Version = certificate.Version;
        IsAuthority = certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(basic => basic.CertificateAuthority);
    }

    public string Subject { get; }

    public string Issuer { get; }

    /// <summary>Upper-case hex.</summary>
    public string Sha1 { get; }

    /// <summary>Upper-case hex.</summary>
    public string Sha256 { get; }

    public DateTimeOffset NotBefore { get; }

    public DateTimeOffset NotAfter { get; }

    public string SerialNumber { get; }

    public int Version { get; }

    /// <summary>Whether it may sign others.</summary>
    public bool IsAuthority { get; }

    /// <summary>Whether these are the same bytes.</summary>
    public bool Is(ReadOnlySpan<byte> der) => _der.AsSpan().SequenceEqual(der);

    /// <summary>Reads PEM, or base64 of DER.</summary>
    /// <returns>The certificate, or <c>attestation-certificate</c>.</returns>
    public static Parsed<StoredCertificate> Parse(string text)
    {
        try
        {
            using var certificate = text.Contains("-----BEGIN", StringComparison.Ordinal)
                ? X509Certificate2.CreateFromPem(text)
                : X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text));
            return new StoredCertificate(certificate);
        }
        catch (Exception malformed) when (malformed is CryptographicException or FormatException)
        {
            return new Fault("attestation-certificate", "certificate");
        }
    }

    /// <summary>From DER that a handshake or a start has verified to be a certificate.</summary>
    public static StoredCertificate From(byte[] der)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(der);
        return new StoredCertificate(certificate);
    }

    /// <summary>What the service shows: never the certificate itself, always its <c>info</c>.</summary>
    public JsonObject Document() => new() { ["info"] = Info() };

    /// <summary><c>X509CertificateInfo</c>.</summary>
    public JsonObject Info() => new()
    {
        ["subjectName"] = Subject,
        ["sha1Thumbprint"] = Sha1,
        ["sha256Thumbprint"] = Sha256,
        ["issuerName"] = Issuer,
        ["notBeforeUtc"] = HubTime.Text(NotBefore),
        ["notAfterUtc"] = HubTime.Text(NotAfter),
        ["serialNumber"] = SerialNumber,
        ["version"] = Version,
    };
}
