using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.KeyVault;

namespace Serverless.Local.Tests.KeyVault;

public class VaultRuleTests
{
    private static readonly string Digest = Base64Url.EncodeToString(SHA256.HashData("x"u8));
    private static readonly string SignBody = $$"""{"alg":"ES256","value":"{{Digest}}"}""";

    [Fact]
    public async Task Without_a_token_there_is_a_challenge_that_names_tenant_and_resource()
    {
        await using var vault = await VaultFixture.Start();
        var (status, body, headers) = await vault.Call(null, "GET", "/keys/mine");
        Assert.Equal((401, "Unauthorized"), (status, (string?)body["error"]!["code"]));
        Assert.Equal("""Bearer authorization="https://localhost:1/00000000-0000-0000-0000-00000000000b", resource="https://vault.azure.net" """.Trim(), headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task A_token_for_another_service_is_challenged_again()
    {
        await using var vault = await VaultFixture.Start();
        var (status, _, headers) = await vault.Call(VaultFixture.Officer, "GET", "/keys", audience: Audiences.Storage);
        Assert.Equal(401, status);
        Assert.Single(headers.WwwAuthenticate);
    }

    [Theory]
    [InlineData("GET", "/keys/mine", "officer user reader signer")]
    [InlineData("GET", "/keys/mine/versions", "officer user reader signer")]
    [InlineData("POST", "/keys/mine/VERSION/sign", "officer user signer")]
    [InlineData("POST", "/keys/MINE/VERSION/sign", "officer user signer")] // names have no case, so neither have roles on them
    [InlineData("POST", "/keys/other/VERSION/sign", "officer user")]
    [InlineData("GET", "/keys/other", "officer user reader")]
    [InlineData("POST", "/keys/mine/VERSION/verify", "officer user")]
    [InlineData("GET", "/keys", "officer user reader")]
    [InlineData("POST", "/keys/mine/create", "officer")]
    [InlineData("PUT", "/keys/mine", "officer")]
    [InlineData("POST", "/keys/mine/rotate", "officer")]
    [InlineData("PATCH", "/keys/mine/VERSION", "officer user")]
    [InlineData("DELETE", "/keys/mine", "officer")]
    [InlineData("POST", "/deletedkeys/mine/recover", "officer")]
    [InlineData("DELETE", "/deletedkeys/mine", "officer")]
    public async Task Each_operation_takes_its_role_on_that_key(string method, string path, string allowed)
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine").TryGet(out var id, out _));
        Assert.Null(vault.Service.Create("other").Fault);
        var able = new List<string>();
        foreach (var principal in new[] { VaultFixture.Officer, VaultFixture.User, VaultFixture.Reader, VaultFixture.Signer })
        {
            var code = await vault.Refused(principal, method, path.Replace("VERSION", VaultFixture.Version(id), StringComparison.Ordinal), method == "GET" ? null : "{}");
            if (code != "ForbiddenByRbac") able.Add(principal.Name);
        }
        Assert.Equal(allowed.Split(' '), able);
    }

    [Theory]
    [InlineData("P-256", "ES256", 32, 64)]
    [InlineData("P-384", "ES384", 48, 96)]
    [InlineData("P-521", "ES512", 64, 132)]
    public async Task A_signature_is_R_and_S_of_fixed_width_over_a_digest_of_the_algorithms_length(string curve, string algorithm, int digestBytes, int signatureBytes)
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine", new KeySpec(curve)).TryGet(out var id, out _));
        var path = $"/keys/mine/{VaultFixture.Version(id)}/sign";
        foreach (var bytes in new[] { digestBytes - 1, digestBytes, digestBytes + 1 })
        {
            var (status, body, _) = await vault.Call(VaultFixture.Signer, "POST", path, $$"""{"alg":"{{algorithm}}","value":"{{Base64Url.EncodeToString(new byte[bytes])}}"}""");
            Assert.Equal(bytes == digestBytes ? 200 : 400, status);
            if (status == 200) Assert.Equal((id, signatureBytes), ((string?)body["kid"], Base64Url.DecodeFromChars((string?)body["value"]).Length));
            else Assert.Equal("BadParameter", (string?)body["error"]!["code"]);
        }
    }

    [Theory]
    [InlineData("""{"alg":"ES384","value":"DIGEST"}""", "BadParameter")]
    [InlineData("""{"alg":"RS256","value":"DIGEST"}""", "BadParameter")]
    [InlineData("""{"value":"DIGEST"}""", "BadParameter")]
    [InlineData("""{"alg":"ES256","value":"DIGEST="}""", "BadParameter")] // base64url has no padding here
    [InlineData("""{"alg":"ES256","value":7}""", "BadParameter")]
    [InlineData("""{"alg":"ES256","alg":"ES256","value":"DIGEST"}""", "BadParameter")]
    [InlineData("""["ES256"]""", "BadParameter")]
    [InlineData("""{"alg":""", "BadParameter")]
    public async Task A_malformed_signature_request_is_a_bad_parameter(string body, string expected)
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine").TryGet(out var id, out _));
        Assert.Equal(expected, await vault.Refused(VaultFixture.Signer, "POST", $"/keys/mine/{VaultFixture.Version(id)}/sign", body.Replace("DIGEST", Digest, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Validity_stops_signing_but_not_verifying_and_off_stops_both()
    {
        await using var vault = await VaultFixture.Start();
        var now = vault.Clock.GetUtcNow();
        Assert.True(vault.Service.Create("mine", new KeySpec(NotBefore: now.AddSeconds(10), Expires: now.AddSeconds(20))).TryGet(out var id, out _));
        var path = $"/keys/mine/{VaultFixture.Version(id)}";
        var verify = $$"""{"alg":"ES256","digest":"{{Digest}}","value":"{{Base64Url.EncodeToString(new byte[64])}}"}""";

        Assert.Equal("KeyNotYetValid", await vault.Refused(VaultFixture.User, "POST", path + "/sign", SignBody));
        Assert.Null(await vault.Refused(VaultFixture.User, "POST", path + "/verify", verify));
        vault.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(await vault.Refused(VaultFixture.User, "POST", path + "/sign", SignBody));
        vault.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Null(await vault.Refused(VaultFixture.User, "POST", path + "/sign", SignBody));
        vault.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("KeyExpired", await vault.Refused(VaultFixture.User, "POST", path + "/sign", SignBody));
        Assert.Null(await vault.Refused(VaultFixture.User, "POST", path + "/verify", verify));
        Assert.Null(vault.Service.SetEnabled("mine", null, enabled: false).Fault);
        Assert.Equal("KeyDisabled", await vault.Refused(VaultFixture.User, "POST", path + "/sign", SignBody));
        Assert.Equal("KeyDisabled", await vault.Refused(VaultFixture.User, "POST", path + "/verify", verify));
        Assert.Null(await vault.Refused(VaultFixture.User, "GET", path)); // its public part can still be read
    }

    [Fact]
    public async Task A_key_does_only_what_its_operations_say()
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine", new KeySpec(Operations: ["verify"])).TryGet(out var id, out _));
        Assert.Equal("KeyOperationForbidden", await vault.Refused(VaultFixture.User, "POST", $"/keys/mine/{VaultFixture.Version(id)}/sign", SignBody));
    }

    [Fact]
    public async Task Rotation_makes_a_new_current_version_and_the_old_one_goes_on_signing()
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine").TryGet(out var first, out _));
        var rotated = (await vault.Call(VaultFixture.Officer, "POST", "/keys/mine/rotate")).Body;
        var second = (string)rotated["key"]!["kid"]!;
        Assert.NotEqual(first, second);
        Assert.Equal(second, (string?)(await vault.Call(VaultFixture.Signer, "GET", "/keys/mine")).Body["key"]!["kid"]);
        Assert.Equal(first, (string?)(await vault.Call(VaultFixture.Signer, "POST", $"/keys/mine/{VaultFixture.Version(first)}/sign", SignBody)).Body["kid"]);
        Assert.Equal(second, (string?)(await vault.Call(VaultFixture.Signer, "POST", "/keys/mine/sign", SignBody)).Body["kid"]);
    }

    [Theory]
    [InlineData("0", null)]
    [InlineData("1", 1)]
    [InlineData("25", 25)]
    [InlineData("26", null)]
    [InlineData("x", null)]
    public async Task Pages_hold_1_to_25_entries_and_together_all_of_them(string asked, int? size)
    {
        await using var vault = await VaultFixture.Start();
        var made = Enumerable.Range(0, 27).Select(number => vault.Service.Create("mine").TryGet(out var id, out var fault) ? id : $"{number}: {fault}").ToHashSet();
        var path = $"/keys/mine/versions?api-version=7.4&maxresults={asked}";
        if (size is null)
        {
            Assert.Equal("BadParameter", await vault.Refused(VaultFixture.Signer, "GET", path));
            return;
        }

        var found = new List<string>();
        for (string? next = path; next is not null;)
        {
            var (_, page, _) = await vault.Call(VaultFixture.Signer, "GET", next);
            found.AddRange(page["value"]!.AsArray().Select(one => (string)one!["kid"]!));
            Assert.InRange(page["value"]!.AsArray().Count, 1, size.Value);
            next = (string?)page["nextLink"] is { } link ? new Uri(link).PathAndQuery : null;
        }
        Assert.Equal(27, found.Count);
        Assert.Equal(made, found.ToHashSet());
    }

    [Theory]
    [InlineData("/keys/mine?api-version=", "BadParameter")]
    [InlineData("/keys/mine?api-version=2.0", "BadParameter")]
    [InlineData("/keys/mine?api-version=2025-07-01", null)]
    [InlineData("/keys/nobody", "KeyNotFound")]
    [InlineData("/keys/mine/00000000000000000000000000000000", "KeyNotFound")]
    [InlineData("/deletedkeys/mine", "KeyNotFound")]
    public async Task What_is_not_there_is_said_so(string path, string? expected)
    {
        await using var vault = await VaultFixture.Start();
        Assert.Null(vault.Service.Create("mine").Fault);
        Assert.Equal(expected, await vault.Refused(VaultFixture.Officer, "GET", path));
    }

    [Theory]
    [InlineData("""{"kty":"RSA"}""")]
    [InlineData("""{"kty":"EC","crv":"P-256K"}""")]
    [InlineData("""{"kty":"EC","key_ops":["launch"]}""")]
    [InlineData("""{"kty":"EC","key_ops":"sign"}""")]
    [InlineData("""{"kty":"EC","attributes":{"nbf":20,"exp":20}}""")]
    [InlineData("""{"kty":"EC","attributes":{"exp":-1}}""")]
    [InlineData("""{"kty":"EC","attributes":{"enabled":"yes"}}""")]
    public async Task A_key_that_cannot_be_made_is_a_bad_parameter(string body)
    {
        await using var vault = await VaultFixture.Start();
        Assert.Equal("BadParameter", await vault.Refused(VaultFixture.Officer, "POST", "/keys/mine/create", body));
        Assert.Equal("BadParameter", await vault.Refused(VaultFixture.Officer, "POST", "/keys/mi_ne/create", """{"kty":"EC"}"""));
    }

    [Fact]
    public async Task An_imported_key_must_be_a_key()
    {
        await using var vault = await VaultFixture.Start();
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (point, d) = (own.ExportParameters(true).Q, own.ExportParameters(true).D!);
        string Body(byte[] x) => new JsonObject
        {
            ["key"] = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(x), ["y"] = Base64Url.EncodeToString(point.Y), ["d"] = Base64Url.EncodeToString(d) },
        }.ToJsonString();
        Assert.Null(await vault.Refused(VaultFixture.Officer, "PUT", "/keys/mine", Body(point.X!)));
        Assert.Equal("BadParameter", await vault.Refused(VaultFixture.Officer, "PUT", "/keys/mine", Body(new byte[32])));
        Assert.Equal("BadParameter", await vault.Refused(VaultFixture.Officer, "PUT", "/keys/mine", """{"key":{"kty":"EC"}}"""));
    }

    [Fact]
    public async Task A_deleted_key_signs_nothing_keeps_its_name_and_comes_back()
    {
        await using var vault = await VaultFixture.Start();
        Assert.True(vault.Service.Create("mine").TryGet(out var id, out _));
        Assert.Null(await vault.Refused(VaultFixture.Officer, "DELETE", "/keys/mine"));
        Assert.Equal("KeyNotFound", await vault.Refused(VaultFixture.Signer, "POST", $"/keys/mine/{VaultFixture.Version(id)}/sign", SignBody));
        Assert.Equal("ObjectIsDeletedButRecoverable", await vault.Refused(VaultFixture.Officer, "POST", "/keys/mine/create", """{"kty":"EC"}"""));
        Assert.Equal("ForbiddenByPolicy", await vault.Refused(VaultFixture.Officer, "DELETE", "/deletedkeys/mine")); // purge protection
        Assert.Null(await vault.Refused(VaultFixture.Officer, "POST", "/deletedkeys/mine/recover"));
        Assert.Null(await vault.Refused(VaultFixture.Signer, "POST", $"/keys/mine/{VaultFixture.Version(id)}/sign", SignBody));
    }

    [Fact]
    public async Task Over_its_rate_the_vault_answers_429_until_time_passes()
    {
        await using var vault = await VaultFixture.Start(new KeyVaultOptions { OperationsPer10s = 2 });
        Assert.Null(vault.Service.Create("mine").Fault);
        Assert.Null(await vault.Refused(VaultFixture.Signer, "GET", "/keys/mine"));
        Assert.Null(await vault.Refused(VaultFixture.Signer, "GET", "/keys/mine"));
        var (status, body, headers) = await vault.Call(VaultFixture.Signer, "GET", "/keys/mine");
        Assert.Equal((429, "Throttled"), (status, (string?)body["error"]!["code"]));
        Assert.Equal(TimeSpan.FromSeconds(10), headers.RetryAfter?.Delta);
        vault.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(await vault.Refused(VaultFixture.Signer, "GET", "/keys/mine"));
    }

    [Fact]
    public async Task A_request_over_32_KiB_is_refused()
    {
        await using var vault = await VaultFixture.Start();
        Assert.Equal(413, (await vault.Call(VaultFixture.Officer, "POST", "/keys/mine/create", "{\"kty\":\"EC\"}".PadRight((32 * 1024) + 1))).Status);
        Assert.Equal(200, (await vault.Call(VaultFixture.Officer, "POST", "/keys/mine/create", "{\"kty\":\"EC\"}".PadRight(32 * 1024))).Status);
    }

    [Fact]
    public async Task A_vault_with_a_folder_keeps_its_keys_and_shows_them_to_nobody_else()
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("vault-keys-");
        try
        {
            string id;
            await using (var before = await VaultFixture.Start(new KeyVaultOptions { Folder = folder.FullName }))
            {
                Assert.True(before.Service.Create("mine", new KeySpec(Expires: before.Clock.GetUtcNow().AddDays(1))).TryGet(out id!, out _));
            }

            await using var after = await VaultFixture.Start(new KeyVaultOptions { Folder = folder.FullName });
            after.Service.Ensure("mine", "new");
            var kept = (await after.Call(VaultFixture.Signer, "GET", "/keys/mine")).Body;
            Assert.Equal(VaultFixture.Version(id), VaultFixture.Version((string)kept["key"]!["kid"]!));
            Assert.Equal(1893456000 + 86400, (long?)kept["attributes"]!["exp"]);
            Assert.Null(await after.Refused(VaultFixture.Signer, "POST", $"/keys/mine/{VaultFixture.Version(id)}/sign", SignBody));
            var file = Assert.Single(folder.GetFiles());
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode);

            await File.WriteAllTextAsync(file.FullName, """[{"name":"mine"}]""", VaultFixture.Cancel);
            await Assert.ThrowsAsync<InvalidDataException>(() => VaultFixture.Start(new KeyVaultOptions { Folder = folder.FullName }));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Fact]
    public void Every_key_of_the_cloud_is_somebodys_and_everybody_has_a_key_of_their_own()
    {
        var held = LocalTenant.Directory().Principals
            .SelectMany(principal => principal.Assignments.Where(one => one.Scope.StartsWith("keyvault/keys/", StringComparison.Ordinal)).Select(one => (principal.Name, one.Role, Key: one.Scope["keyvault/keys/".Length..])))
            .ToList();
        Assert.Equal(LocalTenant.VaultKeys.Order(StringComparer.Ordinal), held.Select(one => one.Key).Order(StringComparer.Ordinal)); // no key has two owners
        Assert.All(held, one => Assert.Equal("Key signer (custom)", one.Role));
    }
}
