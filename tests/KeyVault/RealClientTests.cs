using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Local.KeyVault;

namespace Serverless.KeyVault.Tests;

/// <summary>Microsoft's own JavaScript client, @azure/keyvault-keys, against the local vault, and beside our client.</summary>
public class RealClientTests
{
    private static readonly string Digest = Convert.ToHexStringLower(SHA256.HashData("release"u8));

    [Fact]
    public async Task It_creates_reads_lists_rotates_and_signs_and_our_client_sees_the_same()
    {
        await using var vault = await LocalVault.Start();
        var said = await NodeClient.Run(
            vault,
            LocalVault.Officer,
            new { step = "create", name = "release", curve = "P-256", expiresOn = "2037-01-01T00:00:00Z", tags = new { purpose = "test" } },
            new { step = "rotate", name = "release" },
            new { step = "create", name = "other", curve = "P-384" },
            new { step = "keys" },
            new { step = "versions", name = "release", pageSize = 1 },
            new { step = "getKey", name = "release" });
        var results = said["results"]!.AsArray();
        var (first, second) = ((string)results[0]!["version"]!, (string)results[1]!);
        // Not later: this client writes an instant after 2038-01-19 as a negative number, which a vault refuses.
        Assert.Equal("test", (string?)results[0]!["tags"]!["purpose"]);
        Assert.StartsWith("2037-01-01", (string?)results[0]!["expiresOn"], StringComparison.Ordinal);
        Assert.Equal(["other", "release"], results[3]!.AsArray().Select(name => (string?)name));
        var pages = results[4]!.AsArray().Select(page => Assert.Single(page!.AsArray())!.GetValue<string>()).ToList();
        Assert.Equal(new[] { first, second }.Order(StringComparer.Ordinal), pages);
        Assert.Equal(second, (string?)results[5]!["version"]);
        // It asked for what the challenge said.
        Assert.Equal("https://vault.azure.net/.default", (string?)said["asked"]![0]!["scopes"]![0]);
        Assert.Equal(LocalVault.Tenant.ToString(), (string?)said["asked"]![0]!["tenantId"]);

        Assert.True((await vault.Client().ListVersions("release", LocalVault.Cancel)).TryGet(out var versions, out _));
        Assert.Equal(new[] { first, second }.ToHashSet(), versions.Select(one => one.Id.Version).ToHashSet());
        Assert.True((await vault.Client().GetKey("release", null, LocalVault.Cancel)).TryGet(out var key, out _));
        Assert.Equal((string?)results[5]!["id"], key.Id.ToString());
        using var point = key.ToECDsa();
        Assert.Equal((string?)results[5]!["x"], Convert.ToHexStringLower(point.ExportParameters(false).Q.X!));
    }

    [Theory]
    [InlineData("P-256", "ES256", 64)]
    [InlineData("P-384", "ES384", 96)]
    [InlineData("P-521", "ES512", 132)]
    public async Task Each_verifies_what_the_other_got_signed(string curve, string algorithm, int bytes)
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release", new KeySpec(curve)).Fault);
        var client = vault.Client();
        Assert.True((await client.GetKey("release", null, LocalVault.Cancel)).TryGet(out var key, out _));
        var digest = SHA512.HashData("release"u8)[..key.Curve.DigestBytes];
        Assert.True((await client.Sign(key, digest, LocalVault.Cancel)).TryGet(out var signed, out _));
        Assert.Equal(bytes, signed.Value.Length);

        var hex = Convert.ToHexStringLower(digest);
        var said = await NodeClient.Run(
            vault,
            LocalVault.Officer,
            new { step = "verify", id = key.Id.ToString(), algorithm, digest = hex, signature = Convert.ToHexStringLower(signed.Value.Span) },
            new { step = "sign", id = key.Id.ToString(), algorithm, digest = hex });
        Assert.True((bool)said["results"]![0]!);
        Assert.Equal(key.Id.ToString(), (string?)said["results"]![1]!["keyId"]);
        Assert.True(key.Verifies(digest, Convert.FromHexString((string)said["results"]![1]!["signature"]!)));
    }

    [Fact]
    public async Task Its_import_disable_delete_and_recover_work_and_its_refusals_are_the_services()
    {
        await using var vault = await LocalVault.Start();
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var parameters = own.ExportParameters(true);
        Assert.True(vault.Service.Create("release").TryGet(out var id, out _));
        var version = id.Split('/')[^1];
        var said = await NodeClient.Run(
            vault,
            LocalVault.Officer,
            new { step = "importKey", name = "mine", jwk = new { x = Base64Url.EncodeToString(parameters.Q.X), y = Base64Url.EncodeToString(parameters.Q.Y), d = Base64Url.EncodeToString(parameters.D) } },
            new { step = "disable", name = "release", version },
            new { step = "refused", id, algorithm = "ES256", digest = Digest }.With("sign"),
            new { step = "refused", name = "nobody" }.With("getKey"),
            new { step = "deleteAndRecover", name = "mine" });
        var results = said["results"]!.AsArray();
        Assert.True((await vault.Client(LocalVault.Officer).GetKey("mine", null, LocalVault.Cancel)).TryGet(out var mine, out _));
        Assert.Equal((string?)results[0], mine.Id.ToString());
        using var point = mine.ToECDsa();
        Assert.Equal(parameters.Q.X, point.ExportParameters(false).Q.X);
        Assert.False((bool)results[1]!);
        Assert.Contains("disabled", (string?)results[2]!["message"], StringComparison.Ordinal);
        Assert.Equal(404, (int)results[3]!["status"]!);
        Assert.EndsWith("/deletedkeys/mine", (string?)results[4]!["recoveryId"], StringComparison.Ordinal);
        Assert.Equal(409, (int)results[4]!["again"]!["status"]!);
        Assert.Equal("mine", (string?)results[4]!["recovered"]);
    }

    [Fact]
    public async Task It_is_refused_where_the_signer_role_does_not_reach()
    {
        await using var vault = await LocalVault.Start();
        Assert.True(vault.Service.Create("release").TryGet(out var id, out _));
        Assert.True(vault.Service.Create("other").TryGet(out var other, out _));
        var said = await NodeClient.Run(
            vault,
            LocalVault.Signer,
            new { step = "sign", id, algorithm = "ES256", digest = Digest },
            new { step = "refused", id = other, algorithm = "ES256", digest = Digest }.With("sign"),
            new { step = "refused", name = "release" }.With("rotate"),
            new { step = "refused", name = "release", version = id.Split('/')[^1] }.With("disable"),
            new { step = "refused" }.With("keys"));
        var results = said["results"]!.AsArray();
        Assert.Equal(64 * 2, ((string)results[0]!["signature"]!).Length);
        Assert.All(results.Skip(1), refused => Assert.Equal(403, (int)refused!["status"]!));
    }

    [Fact]
    public async Task It_waits_when_throttled_and_then_succeeds()
    {
        await using var vault = await LocalVault.Start();
        Assert.True(vault.Service.Create("release").TryGet(out var id, out _));
        vault.Service.Fail(429, count: 2, retryAfter: TimeSpan.Zero); // without Retry-After this client does not repeat a 429
        var said = await NodeClient.Run(vault, LocalVault.Signer, new { step = "sign", id, algorithm = "ES256", digest = Digest });
        Assert.Equal(id, (string?)said["results"]![0]!["keyId"]);
        Assert.Equal(2, vault.Service.Requests.Count(request => request.Status == 429));
    }
}

file static class Plan
{
    /// <summary>The step whose refusal is wanted.</summary>
    public static JsonObject With(this object step, string wanted)
    {
        var plan = System.Text.Json.JsonSerializer.SerializeToNode(step)!.AsObject();
        var rest = new JsonObject { ["step"] = "refused", ["of"] = wanted };
        foreach (var (name, value) in plan.Where(member => member.Key != "step")) rest[name] = value?.DeepClone();
        return rest;
    }
}
