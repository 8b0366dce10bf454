using System.Security.Cryptography;
using System.Text;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests;

public class KeyTests
{
    /// <summary>RFC 8032 section 7.1, tests 1 to 3: key, message, signature.</summary>
    public static TheoryData<string, string, string> Rfc8032() => new()
    {
        {
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        },
        {
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        },
        {
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        },
    };

    [Theory, MemberData(nameof(Rfc8032)), Trait("conformance", "test_keytype_and_scheme[ed25519/ed25519]")]
    public void Ed25519_signatures_of_the_rfc_verify_and_changed_ones_do_not(string key, string message, string signature)
    {
        var json = JsonObject.Of(("keytype", "ed25519"), ("scheme", "ed25519"), ("keyval", JsonObject.Of(("public", key))));
        Assert.True(PublicKey.Parse(json, "key").TryGet(out var parsed, out _));
        var (bytes, good) = (Convert.FromHexString(message), Convert.FromHexString(signature));
        Assert.True(parsed.Verifies(bytes, good));
        for (var at = 0; at < 64; at += 9)
        {
            var bad = good.ToArray();
            bad[at] ^= 1;
            Assert.False(parsed.Verifies(bytes, bad));
        }
        Assert.False(parsed.Verifies([.. bytes, 0], good));
        Assert.False(parsed.Verifies(bytes, good.AsSpan(1)));
        Assert.False(parsed.Verifies(bytes, PlusGroupOrder(good))); // malleability: S + L
    }

    [Theory]
    [InlineData("ed25519", "ed25519", "0100000000000000000000000000000000000000000000000000000000000000")] // the neutral element: signs everything
    [InlineData("ed25519", "ed25519", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")] // y above p
    [InlineData("ed25519", "ed25519", "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A")] // another spelling
    [InlineData("ecdsa", "ecdsa-sha2-nistp256", "not a pem")]
    [InlineData("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")]
    [InlineData("rsa", "rsassa-pss-sha256", "not a pem")]
    public void A_known_kind_with_a_bad_public_part_is_refused(string type, string scheme, string value) =>
        Assert.Equal("key-public", PublicKey.Parse(JsonObject.Of(("keytype", type), ("scheme", scheme), ("keyval", JsonObject.Of(("public", value)))), "key").Fault?.Code);

    [Fact]
    public void Another_curve_and_a_short_rsa_key_are_refused()
    {
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var rsa = RSA.Create(1024);
        Assert.Equal("key-public", Parse("ecdsa", "ecdsa-sha2-nistp256", p384.ExportSubjectPublicKeyInfoPem()));
        Assert.Equal("key-public", Parse("rsa", "rsassa-pss-sha256", rsa.ExportSubjectPublicKeyInfoPem()));
        Assert.Throws<ArgumentException>(() => PublicKey.From(p384));

        static string? Parse(string type, string scheme, string pem) =>
            PublicKey.Parse(JsonObject.Of(("keytype", type), ("scheme", scheme), ("keyval", JsonObject.Of(("public", pem)))), "key").Fault?.Code;
    }

    [Fact]
    public void A_key_of_an_unknown_kind_is_kept_and_never_verifies()
    {
        var json = JsonObject.Of(("keytype", "sphincs"), ("scheme", "sphincs"), ("keyval", JsonObject.Empty));
        Assert.True(PublicKey.Parse(json, "key").TryGet(out var key, out _));
        Assert.False(key.IsUsable);
        Assert.False(key.Verifies([1], [2]));
    }

    [Fact]
    public void Der_and_raw_convert_both_ways_for_every_length_of_integer()
    {
        var random = new Random(7);
        for (var round = 0; round < 2_000; round++)
        {
            var raw = new byte[64];
            random.NextBytes(raw);
            raw.AsSpan(0, random.Next(33)).Clear(); // short r
            raw.AsSpan(32, random.Next(33)).Clear(); // short s
            var der = EcdsaDer.FromRaw(raw);
            var back = new byte[64];
            Assert.True(EcdsaDer.TryToRaw(der, back));
            Assert.Equal(raw, back);
        }
    }

    [Theory]
    [InlineData("3006020101020101", true)]
    [InlineData("300602010102010100", false)] // bytes after
    [InlineData("3005020101020101", false)] // wrong length
    [InlineData("30070202000102010100", false)]
    [InlineData("300702020001020101", false)] // padded integer
    [InlineData("3006020181020101", false)] // negative
    [InlineData("3006020101030101", false)] // not an integer
    [InlineData("30810602010102010100", false)] // long-form length
    [InlineData("3004020002020000", false)]
    public void Only_the_shortest_der_is_taken(string hex, bool taken) => Assert.Equal(taken, EcdsaDer.TryToRaw(Convert.FromHexString(hex), new byte[64]));

    [Fact]
    public async Task A_raw_signature_in_place_of_der_verifies_nowhere()
    {
        var key = TestKeys.Named("raw");
        var message = "signed"u8.ToArray();
        Assert.True((await key.Sign(SHA256.HashData(message), TestContext.Current.CancellationToken)).TryGet(out var raw, out _));
        Assert.True(key.Key.Verifies(message, EcdsaDer.FromRaw(raw.RAndS.Span)));
        Assert.False(key.Key.Verifies(message, raw.RAndS.Span));
    }

    [Fact]
    public void The_keyid_is_the_digest_of_the_canonical_key()
    {
        var json = JsonObject.Of(("scheme", "ed25519"), ("keytype", "ed25519"), ("keyval", JsonObject.Of(("public", "00"))));
        var canonical = """{"keytype":"ed25519","keyval":{"public":"00"},"scheme":"ed25519"}""";
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))), PublicKey.KeyIdOf(json));
    }

    [Fact]
    public void A_file_key_opens_with_its_passphrase_only()
    {
        using var key = FileKey.Create();
        var pem = key.Export("correct horse");
        Assert.True(FileKey.Open(pem, "correct horse").TryGet(out var again, out _));
        Assert.Equal(key.Key.KeyId, again.Key.KeyId);
        Assert.Equal("key-file", FileKey.Open(pem, "wrong").Fault?.Code);
        Assert.Equal("key-file", FileKey.Open("", "x").Fault?.Code);
        using var bare = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal("key-file", FileKey.Open(bare.ExportPkcs8PrivateKeyPem(), "x").Fault?.Code);
        again.Dispose();
    }

    [Fact]
    public async Task A_signer_that_answers_with_another_keys_signature_is_caught()
    {
        var liar = new Liar(TestKeys.Named("shown"), TestKeys.Named("used"));
        Assert.Equal("signature-wrong", (await SignedFile.Create(JsonObject.Empty, [liar], TestContext.Current.CancellationToken)).Fault?.Code);
    }

    [Theory]
    [InlineData("*", "a", true)]
    [InlineData("*", "a/b", false)]
    [InlineData("*/*", "a/b", true)]
    [InlineData("a*c", "abbbc", true)]
    [InlineData("a*c*", "abdc", true)]
    [InlineData("a*c", "abcd", false)]
    [InlineData("?", "", false)]
    [InlineData("a?", "a/", false)]
    [InlineData("gw100/*/*", "gw100/1/x", true)]
    [InlineData("gw100/*/*", "gw100/1/x/y", false)]
    [InlineData("gw100/*/*", "gw1000/1/x", false)]
    public void A_star_never_crosses_a_slash(string pattern, string name, bool covers) => Assert.Equal(covers, PathPattern.Covers(pattern, name));

    [Fact]
    public void A_pattern_matches_as_a_naive_matcher_does()
    {
        var random = new Random(11);
        string Draw(string alphabet) => string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => alphabet[random.Next(alphabet.Length)]));
        var matches = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var (pattern, name) = (Draw("ab*?/"), Draw("ab/"));
            var expected = Naive(pattern, name);
            if (expected) matches++;
            Assert.True(expected == PathPattern.Covers(pattern, name), $"{pattern} {name}");
        }
        Assert.True(matches > 500);

        static bool Naive(string pattern, string name) =>
            pattern.Length == 0 ? name.Length == 0
            : pattern[0] == '*' ? Naive(pattern[1..], name) || (name.Length > 0 && name[0] != '/' && Naive(pattern, name[1..]))
            : name.Length > 0 && (pattern[0] == name[0] || (pattern[0] == '?' && name[0] != '/')) && Naive(pattern[1..], name[1..]);
    }

    private static byte[] PlusGroupOrder(byte[] signature)
    {
        var order = System.Numerics.BigInteger.Pow(2, 252) + System.Numerics.BigInteger.Parse("27742317777372353535851937790883648493", System.Globalization.CultureInfo.InvariantCulture);
        var s = new System.Numerics.BigInteger(signature.AsSpan(32), isUnsigned: true) + order;
        var bytes = new byte[32];
        Assert.True(s.TryWriteBytes(bytes, out _, isUnsigned: true));
        return [.. signature.AsSpan(0, 32), .. bytes];
    }

    private sealed class Liar(FileKey shown, FileKey used) : IDigestSigner
    {
        public PublicKey Key => shown.Key;

        public Task<Faults.Parsed<RawSignature>> Sign(ReadOnlyMemory<byte> sha256, CancellationToken cancel) => used.Sign(sha256, cancel);
    }
}
