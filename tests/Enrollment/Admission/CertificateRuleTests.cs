using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Devices;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class CertificateRuleTests
{
    private static readonly DeviceId Id = DeviceId.From("pump-1");
    private static readonly ModelPolicy Pump = Policies.Fleet.Models["pump"];

    [Fact]
    public void A_good_leaf_gives_the_key_it_certifies()
    {
        using var leaf = Pki.Leaf("pump-1").Make();
        Assert.True(CertificateRules.Device(Pki.Chain(leaf), Id, Pump, Pki.Now).TryGet(out var key, out var fault), fault?.ToString());
        Assert.Equal((KeyKind.X509, Pki.Thumbprint("key of pump-1")), (key.Kind, key.Thumbprint));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(leaf.RawData)), key.CertificateThumbprint);
        Assert.Equal(Convert.ToBase64String(leaf.RawData), key.Certificate);
        Assert.Equal((Pki.Now.AddDays(-1), Pki.Now.AddDays(300)), (key.NotBefore, key.NotAfter));
    }

    [Theory]
    [InlineData("CN=pump-1", null)]
    [InlineData("CN=pump-1, O=acme", null)]
    [InlineData("CN=pump-2", "certificate-name")]
    [InlineData("CN=PUMP-1", "certificate-name")]
    [InlineData("CN=pump-1\u200b", "certificate-name")]
    [InlineData("O=pump-1", "certificate-name")]
    [InlineData("CN=pump-1, CN=pump-2", "certificate-name")]
    [InlineData("CN=pump-2, CN=pump-1", "certificate-name")]
    [InlineData("CN=pump-1+O=acme", "certificate-name")]
    public void The_common_name_is_the_id_and_the_only_one(string subject, string? fault) => Expect(fault, Pki.Leaf("pump-1") with { Subject = subject });

    [Fact]
    public void A_ca_certificate_is_no_leaf()
    {
        Expect("certificate-authority", Pki.Leaf("pump-1") with { Authority = true });
        Expect("certificate-authority", Pki.Leaf("pump-1") with { Usage = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature });
    }

    [Theory]
    [InlineData(0, 300, null)] // valid from this very second
    [InlineData(1, 300, "certificate-not-yet")]
    [InlineData(-300, 0, null)] // the last second is still good
    [InlineData(-300, -1, "certificate-expired")]
    public void A_certificate_counts_between_its_two_instants(int from, int to, string? fault) =>
        Expect(fault, Pki.Leaf("pump-1") with { From = Pki.Now.AddSeconds(from), To = Pki.Now.AddSeconds(to) });

    [Theory]
    [InlineData(0, null)]
    [InlineData(1, "certificate-validity")]
    public void A_certificate_lasts_as_long_as_its_models_policy_allows(int beyond, string? fault) =>
        Expect(fault, Pki.Leaf("pump-1") with { From = Pki.Now, To = Pki.Now.AddDays(365).AddSeconds(beyond) });

    [Fact]
    public void Curves_are_p256_and_p384()
    {
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var p192 = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10")); // secp256k1: 256 bits, and not ours
        Expect(null, Pki.Leaf("pump-1"));
        Expect(null, Pki.Leaf("pump-1") with { Ec = p384 });
        Expect("key-type", Pki.Leaf("pump-1") with { Ec = p521 });
        Expect("key-type", Pki.Leaf("pump-1") with { Ec = p192 });
        var gateway = Policies.Fleet.Models["gateway"]; // P-384 alone
        using var weak = (Pki.Leaf("pump-1") with { To = Pki.Now.AddDays(30) }).Make();
        Assert.Equal("key-type", CertificateRules.Device(Pki.Chain(weak), Id, gateway, Pki.Now).Fault?.Code);
    }

    [Theory]
    [InlineData(3072, null)]
    [InlineData(3064, "key-size")]
    [InlineData(2048, "key-size")]
    public void Rsa_keys_have_3072_bits(int bits, string? fault)
    {
        Expect(fault, Pki.Leaf("pump-1") with { Rsa = Pki.Rsa(bits) });
    }

    [Fact]
    public void A_leaf_is_for_clients_that_sign()
    {
        Expect(null, Pki.Leaf("pump-1") with { Purposes = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], Usage = X509KeyUsageFlags.DigitalSignature });
        Expect("certificate-use", Pki.Leaf("pump-1") with { Purposes = [] });
        Expect("certificate-use", Pki.Leaf("pump-1") with { Purposes = ["1.3.6.1.5.5.7.3.1"] });
        Expect("certificate-use", Pki.Leaf("pump-1") with { Purposes = ["2.5.29.37.0"] });
        Expect("certificate-use", Pki.Leaf("pump-1") with { Usage = X509KeyUsageFlags.KeyEncipherment });
    }

    [Fact]
    public void Weak_hashes_are_refused_in_leaf_and_intermediate_and_do_not_matter_in_a_root()
    {
        var rsa = Pki.Rsa(3072);
        Expect("signature-weak", Pki.Leaf("pump-1") with { Rsa = rsa, Hash = HashAlgorithmName.SHA1 });
        Expect("signature-weak", Pki.Leaf("pump-1") with { Rsa = rsa, Padding = RSASignaturePadding.Pss });
        Expect(null, Pki.Leaf("pump-1") with { Rsa = rsa, Hash = HashAlgorithmName.SHA512 });

        using var root = Pki.Make(new Leaf { Name = "root", Rsa = rsa, Hash = HashAlgorithmName.SHA1, Authority = true });
        using var leaf = (Pki.Leaf("pump-1") with { Issuer = root }).Make();
        Expect(null, leaf, root);
        using var strong = Pki.Make(new Leaf { Name = "strong", Rsa = rsa, Authority = true });
        using var middle = Pki.Make(new Leaf { Name = "middle", Rsa = rsa, Authority = true, Hash = HashAlgorithmName.SHA1, Issuer = strong });
        using var below = (Pki.Leaf("pump-1") with { Issuer = middle.CopyWithPrivateKey(rsa) }).Make();
        Expect("signature-weak", below, middle);
    }

    [Fact]
    public void Each_certificate_of_a_chain_issues_the_one_before_it()
    {
        using var root = Pki.Authority("root");
        using var middle = Pki.Make(new Leaf { Name = "middle", KeyName = "ca middle", Authority = true, Issuer = root });
        using var signing = middle.CopyWithPrivateKey(Pki.Key("ca middle"));
        using var leaf = (Pki.Leaf("pump-1") with { Issuer = signing }).Make();
        Expect(null, leaf, middle, root);
        Expect(null, leaf, middle);
        Expect(null, leaf);
        Expect("chain-broken", leaf, root); // one is missing
        Expect("chain-broken", leaf, root, middle);

        using var namesake = Pki.Make(new Leaf { Name = "middle", KeyName = "another ca", Authority = true });
        Expect("chain-broken", leaf, namesake); // the name alone signs nothing
        using var plain = Pki.Make(new Leaf { Name = "middle", KeyName = "ca middle" });
        Expect("chain-broken", leaf, plain); // the key alone is no authority
        using var expired = Pki.Make(new Leaf { Name = "middle", KeyName = "ca middle", Authority = true, From = Pki.Now.AddDays(-9), To = Pki.Now.AddSeconds(-1) });
        Expect("chain-broken", leaf, expired);
    }

    [Fact]
    public void A_signer_is_an_authority_that_holds_and_is_strong()
    {
        Assert.True(Signer(Pki.Authority("ca")).TryGet(out var signer, out _));
        Assert.Equal((Pki.Thumbprint("ca ca"), Pki.Now.AddYears(5)), (signer.Key, signer.NotAfter));
        Assert.Equal("signer-not-authority", Signer(Pki.Leaf("ca").Make()).Fault?.Code);
        Assert.Null(Signer(Pki.Authority("ca", Pki.Now)).Fault);
        Assert.Equal("certificate-expired", Signer(Pki.Authority("ca", Pki.Now.AddSeconds(-1))).Fault?.Code);
        Assert.Equal("certificate-not-yet", Signer(Pki.Make(new Leaf { Name = "ca", Authority = true, From = Pki.Now.AddSeconds(1) })).Fault?.Code);
        Assert.Equal("key-size", Signer(Pki.Make(new Leaf { Name = "ca", Authority = true, Rsa = Pki.Rsa(2048) })).Fault?.Code);
        Assert.Equal("signature-weak", Signer(Pki.Make(new Leaf { Name = "ca", Authority = true, Rsa = Pki.Rsa(3072), Hash = HashAlgorithmName.SHA1 })).Fault?.Code);
        using var odd = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        Assert.Equal("key-type", Signer(Pki.Make(new Leaf { Name = "ca", Authority = true, Ec = odd })).Fault?.Code);

        static Faults.Parsed<SignerCertificate> Signer(X509Certificate2 certificate)
        {
            using (certificate) return CertificateRules.Signer(certificate.RawData, "certificates[0]", Pki.Now);
        }
    }

    private static void Expect(string? fault, Leaf leaf)
    {
        using var certificate = leaf.Make();
        Expect(fault, certificate);
    }

    private static void Expect(string? fault, params X509Certificate2[] chain) =>
        Assert.Equal(fault, CertificateRules.Device(Pki.Chain(chain), Id, Pump, Pki.Now).Fault?.Code);
}
