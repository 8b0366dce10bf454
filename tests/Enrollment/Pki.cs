using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Devices;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests;

/// <summary>Certificates to test with. Keys are made once a name, so that tests are quick and a copied key is easily had.</summary>
internal static class Pki
{
    public static readonly DateTimeOffset Now = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);
    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, ECDsa> Keys = [];
    private static readonly Dictionary<int, RSA> Rsas = [];

    /// <summary>An RSA key of some length: one a length, since making them takes long.</summary>
    public static RSA Rsa(int bits)
    {
        lock (Gate)
        {
            if (!Rsas.TryGetValue(bits, out var key)) Rsas[bits] = key = RSA.Create(bits);
            return key;
        }
    }

    public static ECDsa Key(string name)
    {
        lock (Gate)
        {
            if (!Keys.TryGetValue(name, out var key)) Keys[name] = key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            return key;
        }
    }

    /// <summary>A good leaf, unless told otherwise.</summary>
    public static Leaf Leaf(string name) => new() { Name = name };

    public static X509Certificate2 Authority(string name, DateTimeOffset? to = null) => Make(new Leaf { Name = name, KeyName = "ca " + name, Authority = true, To = to ?? Now.AddYears(5) });

    public static X509Certificate2 Make(Leaf leaf)
    {
        var subject = new X500DistinguishedName(leaf.Subject ?? $"CN={leaf.Name}");
        var hash = leaf.Hash ?? HashAlgorithmName.SHA256;
        var request = leaf.Rsa is { } rsa ? new CertificateRequest(subject, rsa, hash, leaf.Padding ?? RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, leaf.Ec ?? Key(leaf.KeyName ?? "key of " + leaf.Name), hash);
        if (leaf.Authority) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        if (leaf.Usage is { } usage) request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        if (leaf.Purposes.Length > 0) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. leaf.Purposes.Select(oid => new Oid(oid))], false));
        if (leaf.Issuer is not { } issuer)
        {
            return leaf.Hash == HashAlgorithmName.SHA1
                ? request.Create(subject, new Sha1(leaf.Rsa!), leaf.From, leaf.To, RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(leaf.Rsa!)
                : request.CreateSelfSigned(leaf.From, leaf.To);
        }

        var generator = leaf.Hash == HashAlgorithmName.SHA1 ? new Sha1(issuer.GetRSAPrivateKey()!) : issuer.GetRSAPrivateKey() is { } rsaKey ? X509SignatureGenerator.CreateForRSA(rsaKey, RSASignaturePadding.Pkcs1) : X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!);
        return request.Create(issuer.SubjectName, generator, leaf.From, leaf.To, RandomNumberGenerator.GetBytes(8));
    }

    public static string Pem(params X509Certificate2[] chain) => string.Join('\n', chain.Select(one => one.ExportCertificatePem()));

    public static CertificateChain Chain(params X509Certificate2[] chain) => new([.. chain.Select(one => System.Collections.Immutable.ImmutableArray.Create(one.RawData))]);

    public static KeyThumbprint Thumbprint(string keyName) => KeyThumbprint.Of(Key(keyName).ExportSubjectPublicKeyInfo());
}

/// <summary>Signs with sha1WithRSAEncryption, which the base library no longer does by itself.</summary>
internal sealed class Sha1(RSA key) : X509SignatureGenerator
{
    // SEQUENCE { OID 1.2.840.113549.1.1.5, NULL }
    public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => Convert.FromHexString("300d06092a864886f70d0101050500");

    public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);

    protected override PublicKey BuildPublicKey() => new(key);
}

internal sealed record Leaf
{
    public required string Name { get; init; }

    public string? Subject { get; init; }

    public string? KeyName { get; init; }

    public ECDsa? Ec { get; init; }

    public RSA? Rsa { get; init; }

    public HashAlgorithmName? Hash { get; init; }

    public RSASignaturePadding? Padding { get; init; }

    public bool Authority { get; init; }

    public X509KeyUsageFlags? Usage { get; init; }

    public string[] Purposes { get; init; } = ["1.3.6.1.5.5.7.3.2"];

    public DateTimeOffset From { get; init; } = Pki.Now.AddDays(-1);

    public DateTimeOffset To { get; init; } = Pki.Now.AddDays(300);

    public X509Certificate2? Issuer { get; init; }

    public X509Certificate2 Make() => Pki.Make(this);

    public string Pem() => Make().ExportCertificatePem();
}
