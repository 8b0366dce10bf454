using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Serverless.Local.Identity;
using Serverless.Local.KeyVault;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.KeyVault;

/// <summary>A vault, and callers with each of the roles the cloud's principals hold; requests are raw.</summary>
internal sealed class VaultFixture : IAsyncDisposable
{
    public static readonly Principal Officer = Make(1, "officer", "Key Vault Crypto Officer", "keyvault");
    public static readonly Principal User = Make(2, "user", "Key Vault Crypto User", "keyvault");
    public static readonly Principal Reader = Make(3, "reader", "Key Vault Reader", "keyvault");
    public static readonly Principal Signer = Make(4, "signer", "Key signer (custom)", "keyvault/keys/mine");
    private static readonly DirectoryInfo Shared = System.IO.Directory.CreateTempSubdirectory("vault-");
    private static readonly LocalAuthority Authority = new(Shared.FullName, TimeProvider.System.GetUtcNow());
    private static readonly TenantDirectory Directory = new([Officer, User, Reader, Signer]);
    private static readonly Tokens Tokens = new(Directory, Guid.Parse("00000000-0000-0000-0000-00000000000b"), TimeProvider.System);
    private readonly HttpClient _http = new(LocalTrust.Handler(Authority));

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The time keys live in, 2030-01-01; tokens live in wall time.</summary>
    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.FromUnixTimeSeconds(1893456000));

    public KeyVaultService Service { get; private set; } = null!;

    public static async Task<VaultFixture> Start(KeyVaultOptions? options = null)
    {
        var vault = new VaultFixture();
        vault.Service = await KeyVaultService.Start(options ?? new KeyVaultOptions(), new Uri("https://localhost:1/"), Authority, Tokens, Directory, vault.Clock, Cancel);
        return vault;
    }

    /// <summary>One call as a principal; without one, without token.</summary>
    public async Task<(int Status, JsonObject Body, HttpResponseHeaders Headers)> Call(
        Principal? principal, string method, string path, string? body = null, string audience = Audiences.KeyVault)
    {
        var target = path.Contains('?', StringComparison.Ordinal) ? path : path + "?api-version=7.4";
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(Service.VaultUri, target));
        if (principal is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.Issue(principal, audience).Token);
        if (body is not null) request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await _http.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return ((int)response.StatusCode, text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject(), response.Headers);
    }

    /// <summary>The code a call is refused with: the inner one where there is one.</summary>
    public async Task<string?> Refused(Principal? principal, string method, string path, string? body = null)
    {
        var error = (await Call(principal, method, path, body)).Body["error"];
        return (string?)error?["innererror"]?["code"] ?? (string?)error?["code"];
    }

    public static string Version(string id) => id.Split('/')[^1];

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Service.DisposeAsync();
    }

    private static Principal Make(int number, string name, string role, string scope) =>
        new(name, Guid.Parse($"00000000-0000-0000-0003-{number:d12}"), Guid.Parse($"00000000-0000-0000-0004-{number:d12}"), [new RoleAssignment(role, scope)], []);
}
