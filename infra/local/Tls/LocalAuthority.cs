using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Serverless.Local.Tls;

/// <summary>The local cloud's certificate authority: made at start, held in memory, in nobody's trust store.</summary>
/// <remarks>Trusted: whoever holds it can speak for every local service, which is why it never leaves this process except as the
/// public certificate in <see cref="PemPath"/>. Children trust it through <c>SSL_CERT_FILE</c> (OpenSSL, .NET on Linux) or
/// <c>NODE_EXTRA_CA_CERTS</c> (Node). Thread-safe.</remarks>
public sealed class LocalAuthority : IDisposable
{
    private static readonly Oid ServerAuth = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private readonly X509Certificate2[] _above;

    /// <summary>Creates a fresh authority and writes its public certificate.</summary>
    /// <param name="folder">Existing folder that receives <c>local-ca.pem</c>.</param>
    /// <param name="now">Wall-clock time; certificates are valid from an hour before it for 30 days.</param>
    /// <param name="commonName">Subject CN of the authority.</param>
    public LocalAuthority(string folder, DateTimeOffset now, string commonName = "Serverless local cloud CA")
    {
        NotBefore = now.AddHours(-1);
        NotAfter = now.AddDays(30);
        _above = [];
        Certificate = Request(commonName).CreateSelfSigned(NotBefore, NotAfter);
        PemPath = Path.Combine(folder, "local-ca.pem");
        File.WriteAllText(PemPath, Certificate.ExportCertificatePem());
    }

    private LocalAuthority(LocalAuthority parent, string commonName, DateTimeOffset notAfter)
    {
        (NotBefore, NotAfter, PemPath) = (parent.NotBefore, notAfter, parent.PemPath);
        _above = [parent.Certificate, .. parent._above];
        var request = Request(commonName);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(parent.Certificate, true, false));
        using var issued = request.Create(parent.Certificate, NotBefore, notAfter, RandomNumberGenerator.GetBytes(16));
        Certificate = issued.CopyWithPrivateKey(_key);
    }

    /// <summary>The authority's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>What a device of this authority sends beside its leaf: this certificate and those above it, nearest first, without the root.
    /// Empty for a root. The certificates are the authorities' own.</summary>
    public IReadOnlyList<X509Certificate2> Intermediates => _above.Length == 0 ? [] : [Certificate, .. _above[..^1]];

    /// <summary>Path of the PEM file with the root's public certificate.</summary>
    public string PemPath { get; }

    /// <summary>Start of validity of everything issued here.</summary>
    public DateTimeOffset NotBefore { get; }

    /// <summary>End of validity of everything issued here.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>Issues a server certificate for 127.0.0.1, localhost and the given DNS names.</summary>
    /// <param name="dnsNames">Further subject alternative names.</param>
    /// <returns>A certificate with its private key; the caller owns it.</returns>
    public X509Certificate2 IssueServer(params string[] dnsNames)
    {
        ArgumentNullException.ThrowIfNull(dnsNames);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        foreach (var name in dnsNames) names.AddDnsName(name);
        return Issue(new X500DistinguishedName("CN=localhost"), ServerAuth, names.Build(), NotBefore, NotAfter, null);
    }

    /// <summary>Makes an authority below this one.</summary>
    /// <param name="commonName">Its subject CN.</param>
    /// <param name="notAfter">End of its validity, or this one's.</param>
    /// <returns>The authority, with a key of its own; the caller owns it, and it must not outlive this one.</returns>
    public LocalAuthority Subordinate(string commonName, DateTimeOffset? notAfter = null) => new(this, commonName, notAfter ?? NotAfter);

    /// <summary>Issues a device's leaf certificate with CN = <paramref name="deviceId"/> and extended key usage clientAuth.</summary>
    /// <param name="deviceId">The device id, any characters IoT Hub allows.</param>
    /// <param name="notBefore">Start of validity, or the authority's. No earlier than that.</param>
    /// <param name="notAfter">End of validity, or the authority's; in the past for an expired one.</param>
    /// <param name="key">The device's key pair, such as one that was copied from another device; a new P-256 one without it.</param>
    /// <returns>A certificate with its private key; the caller owns it.</returns>
    public X509Certificate2 IssueDevice(string deviceId, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null, ECDsa? key = null) =>
        Issue(Subject(deviceId), ClientAuth, null, notBefore ?? NotBefore, notAfter ?? NotAfter, key);

    /// <summary>Proves possession of this authority's key.</summary>
    /// <param name="verificationCode">What the service asked for.</param>
    /// <returns>A certificate signed by this authority with the code as common name, without private key; the caller owns it.</returns>
    public X509Certificate2 Prove(string verificationCode)
    {
        using var proof = Issue(Subject(verificationCode), ClientAuth, null, NotBefore, NotAfter, null);
        return X509CertificateLoader.LoadCertificate(proof.RawData);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private static X500DistinguishedName Subject(string commonName)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(commonName);
        return name.Build();
    }

    private CertificateRequest Request(string commonName)
    {
        var request = new CertificateRequest(Subject(commonName), _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private X509Certificate2 Issue(
        X500DistinguishedName subject, Oid usage, X509Extension? names, DateTimeOffset notBefore, DateTimeOffset notAfter, ECDsa? given)
    {
        using var fresh = given is null ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var key = given ?? fresh!;
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        if (names is not null) request.CertificateExtensions.Add(names);
        using var issued = request.Create(Certificate, notBefore, notAfter, RandomNumberGenerator.GetBytes(16));
        return issued.CopyWithPrivateKey(key);
    }
}
