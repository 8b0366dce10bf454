using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Serverless.KeyVault.Tests;

/// <summary>A vault that answers what a test says, at the name of a real one; nothing leaves the process.</summary>
internal sealed class Scripted : HttpMessageHandler
{
    public const string Challenge = """Bearer authorization="https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555", resource="https://vault.azure.net" """;
    public static readonly Uri Vault = new("https://kv-test.vault.azure.net/");
    public static readonly string Version = new('a', 32);

    private readonly Func<HttpRequestMessage, string, HttpResponseMessage> _answer;

    public Scripted(Func<HttpRequestMessage, string, HttpResponseMessage> answer) => _answer = answer;

    public ConcurrentQueue<(string Method, Uri Url, string? Authorization, string Body)> Seen { get; } = new();

    public Credential Credential { get; } = new();

    public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A vault whose challenge is right and which then answers every call with one text.</summary>
    public static Scripted Says(Func<HttpRequestMessage, string> body, HttpStatusCode status = HttpStatusCode.OK) =>
        new((request, _) => request.Headers.Authorization is null ? Unauthorized(Challenge) : Json(status, body(request)));

    public static HttpResponseMessage Unauthorized(string? challenge)
    {
        var response = Json(HttpStatusCode.Unauthorized, "{}");
        if (challenge is not null) response.Headers.TryAddWithoutValidation("WWW-Authenticate", challenge);
        return response;
    }

    public static HttpResponseMessage Json(HttpStatusCode status, string body) =>
        new(status) { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };

    public static string Id(string? version = null, string name = "release", Uri? vault = null) => $"{vault ?? Vault}keys/{name}/{version ?? Version}";

    /// <summary>A key bundle of <see cref="Key"/>; <paramref name="attributes"/> without braces.</summary>
    public string Bundle(string attributes = "\"enabled\":true,\"created\":1700000000", string operations = "\"sign\",\"verify\"", string? id = null, string kty = "EC", string crv = "P-256")
    {
        var point = Key.ExportParameters(false).Q;
        return $$"""
            {"key":{"kid":"{{id ?? Id()}}","kty":"{{kty}}","crv":"{{crv}}","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}","key_ops":[{{operations}}]},
            "attributes":{ {{attributes}} },"unknown":{"later":1} }
            """;
    }

    public string Signature(ReadOnlySpan<byte> digest, string? id = null) =>
        $$"""{"kid":"{{id ?? Id()}}","value":"{{Base64Url.EncodeToString(Key.SignHash(digest))}}"}""";

    public KeyVaultClient Client(TimeProvider? clock = null, Action<KeyVaultClientOptions>? adjust = null)
    {
        var options = LocalVault.Quick();
        options.Transport = new HttpClientTransport(this);
        adjust?.Invoke(options);
        return new KeyVaultClient(Vault, Credential, clock ?? TimeProvider.System, options);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        Seen.Enqueue((request.Method.Method, request.RequestUri!, request.Headers.Authorization?.ToString(), body));
        var response = _answer(request, body);
        response.RequestMessage = request;
        return response;
    }

    protected override void Dispose(bool disposing)
    {
        Key.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>A credential that counts and remembers what it was asked.</summary>
internal sealed class Credential : TokenCredential
{
    private int _made;

    public ConcurrentQueue<TokenRequestContext> Asked { get; } = new();

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(1);

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Off: the same token however often it is asked, as a credential with a cache of its own.</summary>
    public bool Fresh { get; set; } = true;

    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        Asked.Enqueue(requestContext);
        return new AccessToken($"secret-token-{(Fresh ? ++_made : 1)}", Clock.GetUtcNow() + Lifetime);
    }

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
}
