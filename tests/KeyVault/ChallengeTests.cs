using System.Net;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.KeyVault.Tests;

public class ChallengeTests
{
    private const string Tenant = "11111111-2222-3333-4444-555555555555";

    [Theory]
    [InlineData("https://kv.vault.azure.net/", "Bearer authorization=\"https://login.microsoftonline.com/" + Tenant + "\", resource=\"https://vault.azure.net\"")]
    [InlineData("https://kv.vault.azure.net/", "bearer authorization=\"https://login.windows.net/" + Tenant + "\",resource=\"https://vault.azure.net/\"")]
    [InlineData("https://kv.vault.azure.net/", "Bearer authorization_uri=https://login.microsoftonline.com/" + Tenant + " , scope=\"https://vault.azure.net/.default\"")]
    [InlineData("https://localhost:4433/", "Bearer authorization=\"https://localhost:1/" + Tenant + "\", resource=\"https://vault.azure.net\"")]
    public void A_vaults_own_challenge_gives_scope_and_tenant(string vault, string header)
    {
        Assert.True(Challenge.Parse(header, new Uri(vault), null).TryGet(out var challenge, out var fault), fault?.ToString());
        Assert.Equal(new Challenge("https://vault.azure.net/.default", Tenant, null), challenge);
    }

    [Theory]
    [InlineData("https://kv.vault.azure.net/", "https://graph.microsoft.com", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://azure.net", "challenge-resource")] // Microsoft's clients take any suffix of the host
    [InlineData("https://kv.vault.azure.net/", "https://net", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://kv.vault.azure.net", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://evilvault.azure.net", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "http://vault.azure.net", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://vault.azure.net:444", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://user@vault.azure.net", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net/", "https://vault.azure.net/management", "challenge-resource")]
    [InlineData("https://kv.vault.azure.net.evil.example/", "https://vault.azure.net", "challenge-resource")]
    [InlineData("https://evil.example/", "https://example", "challenge-resource")]
    [InlineData("https://localhost:4433/", "https://storage.azure.com", "challenge-resource")] // this machine's vault may ask for vault tokens only
    [InlineData("https://kv.vault.azure.net/", "vault.azure.net", "challenge-malformed")]
    public void A_challenge_for_another_resource_is_refused(string vault, string resource, string expected) =>
        Assert.Equal(expected, Challenge.Parse($"Bearer authorization=\"https://login.microsoftonline.com/{Tenant}\", resource=\"{resource}\"", new Uri(vault), null).Fault?.Code);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic realm=\"x\"")]
    [InlineData("Bearer ")]
    [InlineData("Bearer resource")]
    [InlineData("Bearer =\"https://vault.azure.net\"")]
    [InlineData("Bearer resource=\"https://vault.azure.net")]
    [InlineData("Bearer resource=\"https://vault.azure.net\", resource=\"https://graph.microsoft.com\"")]
    public void A_malformed_challenge_is_refused(string? header) => Assert.Equal("challenge-malformed", Challenge.Parse(header, Scripted.Vault, null).Fault?.Code);

    [Fact]
    public void A_challenge_longer_than_8_KiB_is_refused()
    {
        string Of(int length) => "Bearer resource=\"https://vault.azure.net\", x=".PadRight(length, 'y');
        Assert.Null(Challenge.Parse(Of(8192), Scripted.Vault, null).Fault);
        Assert.Equal("challenge-malformed", Challenge.Parse(Of(8193), Scripted.Vault, null).Fault?.Code);
    }

    [Fact]
    public void A_tenant_that_is_no_guid_is_not_passed_on()
    {
        Assert.True(Challenge.Parse("Bearer authorization=\"https://login.microsoftonline.com/common\", resource=\"https://vault.azure.net\"", Scripted.Vault, null).TryGet(out var challenge, out _));
        Assert.Null(challenge.TenantId);
    }

    [Fact]
    public async Task Whoever_asks_for_another_services_token_gets_none()
    {
        using var vault = new Scripted((_, _) => Scripted.Unauthorized("Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://graph.microsoft.com\""));
        var answer = await vault.Client().GetKey("release", null, Scripted.Cancel);
        Assert.Equal("challenge-resource", answer.Fault?.Code);
        Assert.Empty(vault.Credential.Asked);
        Assert.Single(vault.Seen);
    }

    [Fact]
    public async Task A_token_that_was_taken_back_is_replaced_once()
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        using var moody = new Scripted((request, _) => request.Headers.Authorization?.Parameter is not "secret-token-2" ? Scripted.Unauthorized(Scripted.Challenge) : Scripted.Json(HttpStatusCode.OK, vault.Bundle()));
        var client = moody.Client();
        // The first call learns the challenge and is refused with token 1.
        Assert.Equal("vault-unauthorized", (await client.GetKey("release", null, Scripted.Cancel)).Fault?.Code);
        // The second begins with token 1, is refused, and asks the credential again.
        Assert.Null((await client.GetKey("release", null, Scripted.Cancel)).Fault);
        Assert.Equal(2, moody.Credential.Asked.Count);
        Assert.Equal([null, "Bearer secret-token-1", "Bearer secret-token-1", "Bearer secret-token-2"], moody.Seen.Select(one => one.Authorization));
    }

    [Fact]
    public async Task A_credential_that_has_no_other_token_is_not_tried_for_ever()
    {
        using var vault = new Scripted((_, _) => Scripted.Unauthorized(Scripted.Challenge));
        vault.Credential.Fresh = false;
        var client = vault.Client();
        Assert.Equal("vault-unauthorized", (await client.GetKey("release", null, Scripted.Cancel)).Fault?.Code);
        Assert.Equal("vault-unauthorized", (await client.GetKey("release", null, Scripted.Cancel)).Fault?.Code);
        Assert.Equal(3, vault.Seen.Count);
    }

    [Fact]
    public async Task Claims_that_the_vault_demands_are_asked_for()
    {
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        var claims = Convert.ToBase64String("""{"access_token":{"nbf":{"essential":true}}}"""u8);
        using var strict = new Scripted((request, _) => request.Headers.Authorization?.Parameter switch
        {
            null => Scripted.Unauthorized(Scripted.Challenge),
            "secret-token-1" when request.RequestUri!.AbsolutePath.EndsWith("/versions", StringComparison.Ordinal) => Scripted.Unauthorized($"Bearer error=\"insufficient_claims\", claims=\"{claims}\""),
            "secret-token-1" => Scripted.Json(HttpStatusCode.OK, vault.Bundle()),
            _ => Scripted.Json(HttpStatusCode.OK, """{"value":[],"nextLink":null}"""),
        });
        var client = strict.Client();
        Assert.Null((await client.GetKey("release", null, Scripted.Cancel)).Fault);
        Assert.Null((await client.ListVersions("release", Scripted.Cancel)).Fault);
        Assert.Equal([null, """{"access_token":{"nbf":{"essential":true}}}"""], strict.Credential.Asked.Select(one => one.Claims));
        Assert.All(strict.Credential.Asked, one => Assert.True(one.IsCaeEnabled));
    }

    [Fact]
    public async Task A_token_is_kept_until_five_minutes_before_its_end()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using var vault = new Scripted((_, _) => throw new InvalidOperationException());
        using var plain = Scripted.Says(_ => vault.Bundle());
        plain.Credential.Clock = clock;
        var client = plain.Client(clock);
        Assert.Null((await client.GetKey("release", null, Scripted.Cancel)).Fault);
        clock.Advance(TimeSpan.FromMinutes(55) - TimeSpan.FromSeconds(1));
        Assert.Null((await client.GetKey("release", null, Scripted.Cancel)).Fault);
        Assert.Single(plain.Credential.Asked);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null((await client.GetKey("release", null, Scripted.Cancel)).Fault);
        Assert.Equal(2, plain.Credential.Asked.Count);
    }
}
