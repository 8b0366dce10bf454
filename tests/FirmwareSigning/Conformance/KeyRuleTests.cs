using System.Security.Cryptography;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_keys.</summary>
public class KeyRuleTests : RepositoryTest
{
    [Fact, Trait("conformance", "test_snapshot_does_not_meet_threshold")]
    public async Task Two_of_three_signatures_are_not_three()
    {
        Repository.SetThreshold("snapshot", 3);
        Repository.AddKey("snapshot");
        Repository.AddKey("snapshot");
        Repository.Publish("root", "targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Roles["snapshot"].Signers.RemoveAt(2);
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("snapshot-threshold", await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_snapshot_has_too_few_keys")]
    public async Task A_threshold_above_the_number_of_keys_is_never_met_and_the_root_still_counts()
    {
        for (var i = 0; i < 4; i++) Repository.AddKey("snapshot");
        Repository.SetThreshold("snapshot", 6);
        Repository.Publish("root", "snapshot", "timestamp");
        Assert.Equal("snapshot-threshold", await Client.Refresh());
        Assert.Equal("root 2, timestamp 2", Client.Trusted());
    }

    [Fact, Trait("conformance", "test_duplicate_keys")]
    public async Task A_role_that_lists_a_keyid_twice_is_refused()
    {
        var key = Repository.NewKey();
        for (var i = 0; i < 6; i++) Repository.RootKeys["snapshot"].Keys.Add(key.Key);
        Repository.SetThreshold("snapshot", 6);
        Repository.Publish("root");
        Assert.Equal("keyid-twice", await Client.Refresh());
        Assert.Equal("root 1", Client.Trusted());
    }

    [Fact, Trait("conformance", "test_duplicate_sig_keyids")]
    public async Task A_file_signed_twice_by_one_keyid_is_refused()
    {
        Repository.Roles["snapshot"].Signers.Add(Repository.Roles["snapshot"].Signers[0]);
        Repository.Publish("snapshot", "timestamp");
        Assert.Equal("signature-twice", await Client.Refresh());
        Assert.Equal(0, Client.Version("snapshot"));
    }

    [Theory, Trait("conformance", "test_invalid_sig_in_valid_metadata")]
    [InlineData("")]
    [InlineData("not hex")]
    [InlineData("3044022012")]
    public async Task A_malformed_signature_beside_enough_good_ones_does_no_harm(string signature)
    {
        Repository.AddKey("timestamp");
        Repository.Publish("root", "timestamp");
        var file = Repository.Published["timestamp"][^1];
        Assert.True(Envelope.Read(file).TryGet(out var envelope, out _));
        var bad = Repository.RootKeys["timestamp"].Keys[0].KeyId;
        Repository.Published["timestamp"][^1] = JsonWriting.Encode(JsonObject.Of(
            ("signed", envelope.Signed),
            ("signatures", new JsonArray([.. envelope.Signatures.Select(one => (JsonValue)JsonObject.Of(
                ("keyid", one.Key), ("sig", one.Key == bad ? signature : Convert.ToHexStringLower(one.Value))))]))));
        Assert.Equal("", await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_keytype_and_scheme[rsa/rsassa-pss-sha256]")]
    public async Task An_rsa_pss_key_counts_and_its_wrong_signature_does_not()
    {
        using var rsa = RSA.Create(2048);
        var json = JsonObject.Of(("keytype", "rsa"), ("scheme", "rsassa-pss-sha256"), ("keyval", JsonObject.Of(("public", rsa.ExportSubjectPublicKeyInfoPem() + "\n"))));
        await CountsUntilItsSignatureIsWrong(json, bytes => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss));
    }

    [Fact, Trait("conformance", "test_keytype_and_scheme[ecdsa/ecdsa-sha2-nistp256]")]
    public async Task A_p256_key_counts_and_its_wrong_signature_does_not()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await CountsUntilItsSignatureIsWrong(PublicKey.From(ecdsa).Json, bytes => ecdsa.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
    }

    // The ed25519 row of the suite's test is Ed25519Tests: vectors of RFC 8032, for we never sign with it.
    private async Task CountsUntilItsSignatureIsWrong(JsonObject keyJson, Func<byte[], byte[]> sign)
    {
        Assert.True(PublicKey.Parse(keyJson, "key").TryGet(out var key, out _));
        Repository.RootKeys["root"].Keys.Add(key);
        Repository.SetThreshold("root", 2);
        foreach (var good in new[] { true, false })
        {
            Repository.Roles["root"].Version++;
            Assert.True(Envelope.Read(Repository.Sign("root")).TryGet(out var envelope, out _));
            var signature = sign(envelope.SignedBytes.ToArray());
            if (!good) signature[^1] ^= 1;
            Repository.Serve("root", SignedFile.Assemble(envelope.Signed, new Dictionary<string, byte[]>(envelope.Signatures) { [key.KeyId] = signature }));
            Assert.Equal(good ? "" : "root-threshold-old", await Client.Refresh());
            Assert.Equal(2, Client.Version("root"));
        }
    }

    [Fact]
    public async Task A_key_under_a_keyid_that_is_not_its_own_is_refused()
    {
        Repository.Roles["root"].Edit = root =>
        {
            var keys = (JsonObject)root.Find("keys")!;
            return root.With("keys", keys.Without(keys.Names[0]).With("00" + keys.Names[0][2..], keys.At(0)));
        };
        Repository.Publish("root");
        Assert.Equal("keyid-mismatch", await Client.Refresh());
    }
}
