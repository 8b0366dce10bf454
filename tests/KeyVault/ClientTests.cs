using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.KeyVault.Tests;

/// <summary>Answers that a broken or hostile vault may give.</summary>
public class ClientTests
{
    private static readonly byte[] Digest = SHA256.HashData("image"u8);
    private static readonly string Other = new('b', 32);

    [Fact]
    public async Task A_signature_is_verified_before_it_is_handed_out()
    {
        using var vault = Signs((own, digest) => own.Signature(digest));
        Assert.True((await Sign(vault)).TryGet(out var signed, out var fault), fault?.ToString());
        Assert.Equal(64, signed.Value.Length);
        Assert.Equal(Scripted.Id(), signed.Key.ToString());
        Assert.True(vault.Key.VerifyHash(Digest, signed.Value.Span));
    }

    [Fact]
    public async Task Another_keys_signature_is_refused()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var vault = Signs((_, digest) => $$"""{"kid":"{{Scripted.Id()}}","value":"{{Base64Url.EncodeToString(stranger.SignHash(digest))}}"}""");
        Assert.Equal("signature-wrong", (await Sign(vault)).Fault?.Code);
    }

    [Fact]
    public async Task A_signature_of_another_digest_is_refused()
    {
        using var vault = Signs((own, _) => own.Signature(SHA256.HashData("another image"u8)));
        Assert.Equal("signature-wrong", (await Sign(vault)).Fault?.Code);
    }

    [Fact]
    public async Task A_DER_signature_is_refused_for_its_width()
    {
        using var vault = Signs((own, digest) => $$"""{"kid":"{{Scripted.Id()}}","value":"{{Base64Url.EncodeToString(own.Key.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence))}}"}""");
        Assert.Equal("signature-wrong", (await Sign(vault)).Fault?.Code);
    }

    [Theory]
    [InlineData("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "release", "https://kv-test.vault.azure.net/")]
    [InlineData(null, "policy", "https://kv-test.vault.azure.net/")]
    [InlineData(null, "release", "https://kv-other.vault.azure.net/")]
    public async Task A_signature_by_another_key_or_version_is_refused_although_it_verifies(string? version, string name, string at)
    {
        using var vault = Signs((own, digest) => own.Signature(digest, Scripted.Id(version, name, new Uri(at))));
        Assert.Equal("key-version", (await Sign(vault)).Fault?.Code);
    }

    [Theory]
    [InlineData("\"enabled\":false", "key-disabled")]
    [InlineData("\"created\":1", "key-disabled")] // a key whose state is not said is not enabled
    [InlineData("\"enabled\":true,\"nbf\":1893456001", "key-not-yet-valid")]
    [InlineData("\"enabled\":true,\"nbf\":1893456000", null)]
    [InlineData("\"enabled\":true,\"exp\":1893456000", "key-expired")]
    [InlineData("\"enabled\":true,\"exp\":1893456001", null)]
    public async Task A_key_outside_its_attributes_is_not_even_asked_to_sign(string attributes, string? expected)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1893456000)); // 2030-01-01
        using var vault = Signs((own, digest) => own.Signature(digest), attributes);
        vault.Credential.Clock = clock;
        Assert.Equal(expected, (await Sign(vault, clock)).Fault?.Code);
        Assert.Equal(expected is null ? 1 : 0, vault.Seen.Count(one => one.Url.AbsolutePath.EndsWith("/sign", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_key_without_the_sign_operation_is_not_asked_to_sign()
    {
        using var vault = Signs((own, digest) => own.Signature(digest), operations: "\"verify\"");
        Assert.Equal("key-operation", (await Sign(vault)).Fault?.Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"key":{}}""")]
    [InlineData("""{"key":{"kid":"https://kv-test.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kid":"x"}}""")]
    [InlineData("""{"key":{"kid":"https://kv-test.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kty":"EC","crv":"P-256","x":"AQ","y":"AQ"},"attributes":{"enabled":true}}""")]
    [InlineData("""{"key":{"kid":"https://kv-test.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kty":"EC","crv":"P-256","x":"\ud800","y":"AQ"},"attributes":{"enabled":true}}""")]
    public async Task An_answer_that_is_no_key_is_refused(string body)
    {
        using var vault = Scripted.Says(_ => body);
        var code = (await vault.Client().GetKey("release", null, Scripted.Cancel)).Fault?.Code;
        Assert.Contains(code, (string?[])["vault-answer", "key-id"]);
    }

    [Theory]
    [InlineData("\"enabled\":true,\"exp\":-1")]
    [InlineData("\"enabled\":true,\"exp\":253402300800")]
    [InlineData("\"enabled\":true,\"nbf\":1.5")]
    [InlineData("\"enabled\":true,\"created\":\"now\"")]
    public async Task Instants_outside_what_a_date_can_be_are_refused(string attributes)
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        using var odd = Scripted.Says(_ => vault.Bundle(attributes));
        Assert.Equal("vault-answer", (await odd.Client().GetKey("release", null, Scripted.Cancel)).Fault?.Code);
    }

    [Theory]
    [InlineData("RSA", "P-256")]
    [InlineData("EC", "P-256K")]
    [InlineData("oct", "P-256")]
    public async Task A_key_we_could_not_verify_with_is_refused(string kty, string crv)
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        using var odd = Scripted.Says(_ => vault.Bundle(kty: kty, crv: crv));
        Assert.Equal("key-type", (await odd.Client().GetKey("release", null, Scripted.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task An_hsm_key_and_a_coordinate_without_its_leading_zeros_are_read()
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        ECParameters parameters;
        do
        {
            using var candidate = ECDsa.Create(ECCurve.NamedCurves.nistP256); // one key in 128 has such a coordinate
            parameters = candidate.ExportParameters(false);
        }
        while (parameters.Q.X![0] != 0);
        var body = $$"""
            {"key":{"kid":"{{Scripted.Id()}}","kty":"EC-HSM","crv":"P-256","x":"{{Base64Url.EncodeToString(parameters.Q.X.AsSpan(1))}}","y":"{{Base64Url.EncodeToString(parameters.Q.Y)}}","key_ops":["sign"]},"attributes":{"enabled":true} }
            """;
        using var stripped = Scripted.Says(_ => body);
        Assert.True((await stripped.Client().GetKey("release", null, Scripted.Cancel)).TryGet(out var key, out var fault), fault?.ToString());
        using var point = key.ToECDsa();
        Assert.Equal(parameters.Q.X, point.ExportParameters(false).Q.X);
    }

    [Fact]
    public async Task A_read_of_a_version_that_yields_another_one_is_refused()
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        using var swapped = Scripted.Says(_ => vault.Bundle(id: Scripted.Id(Other)));
        Assert.Equal("key-version", (await swapped.Client().GetKey("release", Scripted.Version, Scripted.Cancel)).Fault?.Code);
        Assert.Null((await swapped.Client().GetKey("release", null, Scripted.Cancel)).Fault); // the current one is whichever it says
        Assert.Equal("key-version", (await swapped.Client().GetKey("policy", null, Scripted.Cancel)).Fault?.Code);
    }

    [Theory]
    [InlineData("https://evil.example/keys/release/versions?api-version=7.4")]
    [InlineData("http://kv-test.vault.azure.net/keys/release/versions")]
    [InlineData("https://kv-test.vault.azure.net:444/keys/release/versions")]
    [InlineData("/keys/release/versions")]
    public async Task A_next_page_elsewhere_does_not_get_our_token(string link)
    {
        using var vault = Scripted.Says(_ => $$"""{"value":[],"nextLink":"{{link}}"}""");
        Assert.Equal("vault-answer", (await vault.Client().ListVersions("release", Scripted.Cancel)).Fault?.Code);
        Assert.All(vault.Seen, one => Assert.Equal(Scripted.Vault.Authority, one.Url.Authority));
    }

    [Fact]
    public async Task Pages_without_end_are_refused()
    {
        using var vault = Scripted.Says(_ => $$"""{"value":[],"nextLink":"{{Scripted.Vault}}keys/release/versions?again"}""");
        Assert.Equal("vault-answer", (await vault.Client().ListVersions("release", Scripted.Cancel)).Fault?.Code);
        Assert.Equal(KeyVaultClient.PagesMax + 1, vault.Seen.Count); // and the challenge
    }

    [Fact]
    public async Task Versions_of_another_key_in_the_list_are_refused()
    {
        using var vault = Scripted.Says(_ => $$"""{"value":[{"kid":"{{Scripted.Id(name: "policy")}}","attributes":{"enabled":true} }]}""");
        Assert.Equal("vault-answer", (await vault.Client().ListVersions("release", Scripted.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Versions_come_newest_first_however_the_vault_orders_them()
    {
        string Entry(char version, int created) => $$"""{"kid":"{{Scripted.Id(new string(version, 32))}}","attributes":{"enabled":true,"created":{{created}} } }""";
        using var vault = Scripted.Says(request => request.RequestUri!.Query.Contains("page2", StringComparison.Ordinal)
            ? $$"""{"value":[{{Entry('c', 300)}}]}"""
            : $$"""{"value":[{{Entry('a', 200)}},{{Entry('b', 100)}}],"nextLink":"{{Scripted.Vault}}keys/release/versions?page2"}""");
        Assert.True((await vault.Client().ListVersions("release", Scripted.Cancel)).TryGet(out var versions, out _));
        Assert.Equal("cab", string.Concat(versions.Select(one => one.Id.Version[0])));
    }

    [Fact]
    public async Task An_answer_is_read_up_to_256_KiB_and_no_further()
    {
        string Padded(int bytes) => "{\"value\":[],\"pad\":\"".PadRight(bytes - 2, 'x') + "\"}";
        using var full = Scripted.Says(_ => Padded(256 * 1024));
        Assert.Null((await full.Client().ListVersions("release", Scripted.Cancel)).Fault);
        using var over = Scripted.Says(_ => Padded((256 * 1024) + 1));
        Assert.Equal("vault-answer", (await over.Client().ListVersions("release", Scripted.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_wrong_digest_length_is_a_bug_and_leaves_nothing_on_the_wire()
    {
        using var vault = Signs((own, digest) => own.Signature(digest));
        var client = vault.Client();
        Assert.True((await client.GetKey("release", null, Scripted.Cancel)).TryGet(out var key, out _));
        var before = vault.Seen.Count;
        await Assert.ThrowsAsync<ArgumentException>(() => client.Sign(key, new byte[31], Scripted.Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => client.GetKey("re/lease", null, Scripted.Cancel));
        Assert.Equal(before, vault.Seen.Count);
    }

    [Theory]
    [InlineData("https://kv.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", null)]
    [InlineData("https://kv.vault.azure.net/keys/release", "key-id")]
    [InlineData("https://kv.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA", "key-id")]
    [InlineData("https://kv.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "key-id")]
    [InlineData("https://kv.vault.azure.net/keys/re_lease/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "key-id")]
    [InlineData("https://kv.vault.azure.net/secrets/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "key-id")]
    [InlineData("https://kv.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?x", "key-id")]
    [InlineData("http://kv.vault.azure.net/keys/release/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "key-id")]
    [InlineData(null, "key-id")]
    public void A_key_id_names_one_version_of_one_key(string? text, string? expected) => Assert.Equal(expected, VaultKeyId.Parse(text).Fault?.Code);

    [Fact]
    public void A_key_id_is_compared_without_the_names_case()
    {
        Assert.True(VaultKeyId.Parse(Scripted.Id(name: "Release")).TryGet(out var one, out _));
        Assert.True(VaultKeyId.Parse(Scripted.Id(name: "release")).TryGet(out var other, out _));
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
    }

    // A vault that keeps a key and signs as the test says.
    private static Scripted Signs(Func<Scripted, byte[], string> sign, string attributes = "\"enabled\":true", string operations = "\"sign\"")
    {
        Scripted? own = null;
        own = new Scripted((request, body) =>
            request.Headers.Authorization is null ? Scripted.Unauthorized(Scripted.Challenge)
            : request.Method == HttpMethod.Get ? Scripted.Json(HttpStatusCode.OK, own!.Bundle(attributes, operations))
            : Scripted.Json(HttpStatusCode.OK, sign(own!, Base64Url.DecodeFromChars(System.Text.Json.Nodes.JsonNode.Parse(body)!["value"]!.GetValue<string>()))));
        return own;
    }

    private static async Task<Serverless.Faults.Parsed<VaultSignature>> Sign(Scripted vault, TimeProvider? clock = null)
    {
        var client = vault.Client(clock);
        Assert.True((await client.GetKey("release", Scripted.Version, Scripted.Cancel)).TryGet(out var key, out var fault), fault?.ToString());
        return await client.Sign(key, Digest, Scripted.Cancel);
    }
}
