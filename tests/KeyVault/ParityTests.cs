using System.Text.Json.Nodes;
using Serverless.Local.KeyVault;

namespace Serverless.KeyVault.Tests;

/// <summary>Our requests beside those of Microsoft's own client, @azure/keyvault-keys, recorded by the same vault.</summary>
public class ParityTests
{
    [Fact]
    public async Task Our_requests_are_those_of_Microsofts_client()
    {
        await using var vault = await LocalVault.Start();
        foreach (var _ in Enumerable.Range(0, 3)) Assert.Null(vault.Service.Create("release").Fault);
        var digest = Enumerable.Repeat((byte)7, 32).ToArray();

        var ours = vault.Client();
        Assert.True((await ours.GetKey("release", null, LocalVault.Cancel)).TryGet(out var key, out _));
        Assert.Null((await ours.GetKey("release", key.Id.Version, LocalVault.Cancel)).Fault);
        Assert.Null((await ours.ListVersions("release", LocalVault.Cancel, pageSize: 1)).Fault);
        var second = vault.Client(); // as their cryptography client is a client of its own
        Assert.True((await second.GetKey("release", key.Id.Version, LocalVault.Cancel)).TryGet(out key, out _));
        Assert.Null((await second.Sign(key, digest, LocalVault.Cancel)).Fault);
        var mine = vault.Service.Requests.Select(Plain).ToList();

        await NodeClient.Run(
            vault,
            LocalVault.Signer,
            new { step = "getKey", name = "release" },
            new { step = "getKey", name = "release", version = key.Id.Version },
            new { step = "versions", name = "release", pageSize = 1 },
            new { step = "sign", id = key.Id.ToString(), algorithm = "ES256", digest = Convert.ToHexStringLower(digest) });
        var theirs = vault.Service.Requests.Skip(mine.Count).Select(Plain).ToList();

        Assert.Equal(9, theirs.Count); // two challenges, two reads of a key, three pages, a read and a signature
        Assert.Equal(theirs, mine);
    }

    [Fact]
    public async Task The_first_request_has_neither_token_nor_body_and_every_other_has_both_where_due()
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release").Fault);
        var client = vault.Client();
        Assert.True((await client.GetKey("release", null, LocalVault.Cancel)).TryGet(out var key, out _));
        Assert.Null((await client.Sign(key, new byte[32], LocalVault.Cancel)).Fault);
        Assert.Equal([401, 200, 200], vault.Service.Requests.Select(request => request.Status));
        Assert.Equal([false, true, true], vault.Service.Requests.Select(request => request.Headers.ContainsKey("Authorization")));
        // A client whose first call is a signature keeps the digest to itself until the vault has shown its challenge.
        var direct = vault.Client();
        Assert.Null((await direct.Sign(key, new byte[32], LocalVault.Cancel)).Fault);
        Assert.Equal(["", """{"alg":"ES256","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"""], vault.Service.Requests.Skip(3).Select(request => request.Body));
    }

    // What matters: method, path, query and body as they mean, and the headers a vault looks at. Their client percent-encodes the dash of
    // "api-version" and orders members as it likes.
    private static string Plain(VaultRequest request)
    {
        var url = new Uri(new Uri("https://vault/"), request.Target);
        var query = url.Query.TrimStart('?').Split('&').Select(pair => Uri.UnescapeDataString(pair)).Order(StringComparer.Ordinal);
        string[] headers = ["Accept", "Content-Type", "Authorization"];
        var body = request.Body.Length == 0 ? "" : string.Join(',', JsonNode.Parse(request.Body)!.AsObject().Select(member => $"{member.Key}={member.Value}").Order(StringComparer.Ordinal));
        return $"{request.Method} {url.AbsolutePath}?{string.Join('&', query)} [{string.Join("; ", headers.Select(name => $"{name}: {request.Headers.GetValueOrDefault(name)}"))}] {body} -> {request.Status}";
    }
}
