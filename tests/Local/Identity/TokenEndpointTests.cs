using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.Identity;

public sealed class TokenEndpointTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-test-");
    private readonly TenantDirectory _directory = LocalTenant.Directory();
    private readonly LocalAuthority _authority;
    private readonly Tokens _tokens;
    private readonly HttpClient _http;
    private TokenEndpoint _endpoint = null!;

    public TokenEndpointTests()
    {
        _authority = new LocalAuthority(_folder.FullName, TimeProvider.System.GetUtcNow());
        _tokens = new Tokens(_directory, LocalTenant.TenantId, TimeProvider.System);
        _http = new HttpClient(LocalTrust.Handler(_authority));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _endpoint = await TokenEndpoint.Start(_tokens, _directory, _authority, Cancel);

    public async ValueTask DisposeAsync()
    {
        await _endpoint.DisposeAsync();
        _http.Dispose();
        _tokens.Dispose();
        _authority.Dispose();
        _folder.Delete(true);
    }

    [Fact]
    public async Task Azure_Identity_gets_a_token_for_a_client_secret()
    {
        var credential = new ClientSecretCredential(
            LocalTenant.TenantId.ToString(),
            LocalTenant.Ops.ClientId.ToString(),
            _endpoint.SecretOf(LocalTenant.Ops),
            new ClientSecretCredentialOptions { AuthorityHost = _endpoint.AuthorityHost, DisableInstanceDiscovery = true, Transport = Transport() });
        var token = await credential.GetTokenAsync(new TokenRequestContext([Audiences.Api + "/.default"]), Cancel);
        var caller = await Verified(token.Token, Audiences.Api);
        Assert.Equal(LocalTenant.Ops.ClientId, caller.ClientId);
        Assert.Contains("Device.Enroll", caller.Roles);
    }

    [Fact]
    public async Task Azure_Identity_gets_a_token_for_the_managed_identity_of_a_function_app()
    {
        // The credential reads the process's environment, as it does in a function app.
        var granted = _endpoint.GrantManagedIdentity(LocalTenant.Telemetry);
        foreach (var (name, value) in granted) Environment.SetEnvironmentVariable(name, value);
        try
        {
            var credential = new ManagedIdentityCredential(ManagedIdentityId.SystemAssigned);
            var token = await credential.GetTokenAsync(new TokenRequestContext([Audiences.Storage + "/.default"]), Cancel);
            Assert.Equal(LocalTenant.Telemetry.ClientId, (await Verified(token.Token, Audiences.Storage)).ClientId);
            Assert.InRange(token.ExpiresOn - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(70));
        }
        finally
        {
            foreach (var name in granted.Keys) Environment.SetEnvironmentVariable(name, null);
        }
    }

    [Theory]
    [InlineData(null, "2019-08-01", HttpStatusCode.Unauthorized)]
    [InlineData("wrong", "2019-08-01", HttpStatusCode.Unauthorized)]
    [InlineData("right", "2017-09-01", HttpStatusCode.BadRequest)]
    [InlineData("right", "2019-08-01", HttpStatusCode.OK)]
    public async Task A_managed_identity_needs_its_own_header(string? header, string version, HttpStatusCode expected)
    {
        var granted = _endpoint.GrantManagedIdentity(LocalTenant.Response);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{granted["IDENTITY_ENDPOINT"]}?resource={Audiences.Storage}/&api-version={version}");
        if (header is not null) request.Headers.Add("X-IDENTITY-HEADER", header == "right" ? granted["IDENTITY_HEADER"] : header);
        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal(expected, answer.StatusCode);
        if (expected != HttpStatusCode.OK) return;
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.Equal(LocalTenant.Response.ClientId, (await Verified(body.GetProperty("access_token").GetString()!, Audiences.Storage)).ClientId);
        Assert.Equal("Bearer", body.GetProperty("token_type").GetString());
        Assert.Equal(LocalTenant.Response.ClientId.ToString(), body.GetProperty("client_id").GetString());
        Assert.Equal(JsonValueKind.String, body.GetProperty("expires_on").ValueKind);
    }

    [Fact]
    public async Task Two_function_apps_have_two_headers_and_two_identities()
    {
        var (first, second) = (_endpoint.GrantManagedIdentity(LocalTenant.Telemetry), _endpoint.GrantManagedIdentity(LocalTenant.Lifecycle));
        Assert.NotEqual(first["IDENTITY_HEADER"], second["IDENTITY_HEADER"]);
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"{first["IDENTITY_ENDPOINT"]}?resource={Audiences.IotHub}&api-version=2019-08-01&client_id={LocalTenant.Lifecycle.ClientId}");
        request.Headers.Add("X-IDENTITY-HEADER", first["IDENTITY_HEADER"]);
        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode); // one cannot ask for the other's
    }

    [Theory]
    [InlineData("/v2.0", "/discovery/v2.0/keys")]
    [InlineData("", "/discovery/keys")]
    public async Task Discovery_leads_to_the_key_that_signs(string version, string keys)
    {
        var tenant = $"{_endpoint.AuthorityHost}{LocalTenant.TenantId}";
        var document = await _http.GetFromJsonAsync<JsonElement>($"{tenant}{version}/.well-known/openid-configuration", Cancel);
        Assert.Equal(_tokens.Issuer, document.GetProperty("issuer").GetString());
        Assert.Equal(tenant + keys, document.GetProperty("jwks_uri").GetString());
        var set = new JsonWebKeySet(await _http.GetStringAsync(document.GetProperty("jwks_uri").GetString(), Cancel));
        var result = await new JsonWebTokenHandler().ValidateTokenAsync(
            _tokens.Issue(LocalTenant.Ops, Audiences.Api).Token,
            new TokenValidationParameters { ValidIssuer = _tokens.Issuer, ValidAudience = Audiences.Api, IssuerSigningKeys = set.GetSigningKeys() });
        Assert.True(result.IsValid, result.Exception?.Message);
    }

    [Theory]
    [InlineData("client_credentials", true, "https://storage.azure.com/.default", 200, null)]
    [InlineData("password", true, "https://storage.azure.com/.default", 400, "unsupported_grant_type")]
    [InlineData("client_credentials", false, "https://storage.azure.com/.default", 401, "invalid_client")]
    [InlineData("client_credentials", true, "https://storage.azure.com/user", 400, "invalid_scope")]
    [InlineData("client_credentials", true, "https://elsewhere.example/.default", 400, "invalid_resource")]
    public async Task The_token_request_is_answered_as_rfc_6749_says(string grant, bool isRightSecret, string scope, int status, string? error)
    {
        using var answer = await _http.PostAsync(
            $"{_endpoint.AuthorityHost}{LocalTenant.TenantId}/oauth2/v2.0/token",
            Form(grant, LocalTenant.Ops.ClientId, isRightSecret ? _endpoint.SecretOf(LocalTenant.Ops) : "guess", scope),
            Cancel);
        Assert.Equal(status, (int)answer.StatusCode);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        if (error is null)
        {
            Assert.True(answer.Headers.CacheControl!.NoStore);
            Assert.InRange(body.GetProperty("expires_in").GetInt32(), 3500, 3600);
            return;
        }

        Assert.Equal(error, body.GetProperty("error").GetString());
        Assert.StartsWith("AADSTS", body.GetProperty("error_description").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_app_and_an_unknown_tenant_are_refused()
    {
        using var app = await _http.PostAsync(
            $"{_endpoint.AuthorityHost}{LocalTenant.TenantId}/oauth2/v2.0/token", Form("client_credentials", Guid.Empty, "x", Audiences.Storage + "/.default"), Cancel);
        Assert.Equal("unauthorized_client", (await app.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("error").GetString());
        using var tenant = await _http.GetAsync($"{_endpoint.AuthorityHost}{Guid.Empty}/v2.0/.well-known/openid-configuration", Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, tenant.StatusCode);
    }

    [Fact]
    public void The_telemetry_app_holds_no_role_on_the_registry_and_no_app_holds_more_than_its_subjects()
    {
        Assert.False(_directory.Allows(LocalTenant.Telemetry.ClientId, "Microsoft.Devices/IotHubs/devices/read", "iothub"));
        Assert.True(_directory.Allows(LocalTenant.Lifecycle.ClientId, "Microsoft.Devices/IotHubs/devices/write", "iothub"));
        Assert.False(_directory.Allows(LocalTenant.Lifecycle.ClientId, "Microsoft.EventHub/namespaces/messages/receive/action", "eventhubs/telemetry"));
        Assert.False(_directory.Allows(LocalTenant.IotHub.ClientId, "Microsoft.EventHub/namespaces/messages/send/action", "eventhubs/validated"));
        Assert.Equal(_directory.Principals.Count, _directory.Principals.Select(principal => principal.ObjectId).Distinct().Count());
    }

    private static FormUrlEncodedContent Form(string grant, Guid client, string secret, string scope) => new(new Dictionary<string, string>
    {
        ["grant_type"] = grant,
        ["client_id"] = client.ToString(),
        ["client_secret"] = secret,
        ["scope"] = scope,
    });

    private HttpClientTransport Transport() => new(new HttpClient(LocalTrust.Handler(_authority)));

    private async Task<Caller> Verified(string token, string audience)
    {
        Assert.True((await _tokens.Verify(token, audience, Cancel)).TryGet(out var caller, out var fault), fault?.ToString());
        return caller;
    }
}
