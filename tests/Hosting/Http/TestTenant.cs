using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Serverless.Hosting.Tests;

/// <summary>A tenant of its own: a discovery document and keys on a loopback port, and tokens signed with them, right or wrong.</summary>
internal sealed class TestTenant : IAsyncDisposable
{
    public const string Audience = "api://serverless";
    private readonly WebApplication _app;
    private static readonly RSA SigningKey = RSA.Create(2048); // one for all tests: making one takes a tenth of a second
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, SetDefaultTimesOnTokenCreation = false };

    private TestTenant(string issuer)
    {
        Issuer = issuer;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(context => IsAway ? Away(context) : context.Response.WriteAsync(
            context.Request.Path == "/tenant/.well-known/openid-configuration" ? $$"""{"issuer":"{{issuer}}","jwks_uri":"{{Authority}}/keys"}""" : Keys()));
    }

    /// <summary>Whether it answers 503 to everything.</summary>
    public bool IsAway { get; set; }

    public string Issuer { get; }

    public string Authority => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/tenant";

    public string[] Settings => [$"--Entra:Authority={Authority}", $"--Entra:Audience={Audience}"];

    public static async Task<TestTenant> Start(string issuer = "https://sts.windows.net/11111111-1111-1111-1111-111111111111/")
    {
        var tenant = new TestTenant(issuer);
        await tenant._app.StartAsync(TestContext.Current.CancellationToken);
        return tenant;
    }

    /// <summary>A token with the claims of an application's access token.</summary>
    public string Token(
        string[]? roles = null,
        string? audience = Audience,
        string? issuer = null,
        string caller = "22222222-2222-2222-2222-222222222222",
        TimeSpan? age = null,
        RSA? key = null,
        SigningCredentials? signer = null,
        bool expires = true)
    {
        var now = TimeProvider.System.GetUtcNow() - (age ?? TimeSpan.Zero);
        var claims = new Dictionary<string, object> { ["oid"] = caller, ["appid"] = caller, ["tid"] = "11111111-1111-1111-1111-111111111111" };
        if (roles is not null) claims["roles"] = roles;
        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer ?? Issuer,
            Audience = audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = expires ? now.AddHours(1).UtcDateTime : null,
            Claims = claims,
            SigningCredentials = signer ?? new SigningCredentials(new RsaSecurityKey(key ?? SigningKey) { KeyId = "test" }, SecurityAlgorithms.RsaSha256),
        });
    }

    /// <summary>A good token's claims under a header of the attacker's, with the signature given.</summary>
    public string Forged(string header, string signature) =>
        $"{Base64UrlEncoder.Encode(header)}.{Token([Role.DeviceEnroll]).Split('.')[1]}.{signature}";

    /// <summary>The classic: the public key's text as an HMAC key.</summary>
    public string SignedWithPublicKeyAsSecret()
    {
        var secret = Encoding.UTF8.GetBytes(SigningKey.ExportSubjectPublicKeyInfoPem());
        return Token([Role.DeviceEnroll], signer: new SigningCredentials(new SymmetricSecurityKey(secret) { KeyId = "test" }, SecurityAlgorithms.HmacSha256));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static Task Away(HttpContext context)
    {
        context.Response.StatusCode = 503;
        return Task.CompletedTask;
    }

    private static string Keys()
    {
        var key = SigningKey.ExportParameters(false);
        return JsonSerializer.Serialize(new { keys = new[] { new { kty = "RSA", use = "sig", kid = "test", n = Base64UrlEncoder.Encode(key.Modulus), e = Base64UrlEncoder.Encode(key.Exponent) } } });
    }
}
