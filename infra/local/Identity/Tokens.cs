using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Serverless.Faults;

namespace Serverless.Local.Identity;

/// <summary>Who a verified token speaks for.</summary>
/// <param name="ClientId">Application id (<c>appid</c>).</param>
/// <param name="Roles">App roles (<c>roles</c>).</param>
/// <param name="ExpiresAt">End of the token, UTC.</param>
public sealed record Caller(Guid ClientId, IReadOnlySet<string> Roles, DateTimeOffset ExpiresAt);

/// <summary>Issues and verifies the local tenant's access tokens: RS256 JWTs with the claims of Entra ID's v1.0 access tokens.</summary>
/// <remarks>Azurite accepts only issuers under <c>https://sts.windows.net/</c>, which is what Entra's v1.0 tokens carry; so ours do
/// too. The key lives as long as the process. Thread-safe.</remarks>
public sealed class Tokens : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly RsaSecurityKey _key;
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly TenantDirectory _directory;
    private readonly TimeProvider _clock;

    /// <summary>Makes a signing key for a tenant.</summary>
    /// <param name="directory">Who exists.</param>
    /// <param name="tenantId">The tenant.</param>
    /// <param name="clock">Wall clock: tokens live in real time, also where device time runs fast.</param>
    public Tokens(TenantDirectory directory, Guid tenantId, TimeProvider clock)
    {
        _directory = directory;
        _clock = clock;
        TenantId = tenantId;
        _key = new RsaSecurityKey(_rsa) { KeyId = Convert.ToHexStringLower(SHA256.HashData(_rsa.ExportSubjectPublicKeyInfo()))[..32] };
    }

    /// <summary>The tenant's id.</summary>
    public Guid TenantId { get; }

    /// <summary>The <c>iss</c> of every token.</summary>
    public string Issuer => $"https://sts.windows.net/{TenantId}/";

    /// <summary>The public key, for the JWKS document.</summary>
    public JsonWebKey PublicKey
    {
        get
        {
            var key = JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(_rsa.ExportParameters(false)) { KeyId = _key.KeyId });
            key.Use = "sig";
            key.Alg = SecurityAlgorithms.RsaSha256;
            return key;
        }
    }

    /// <summary>Issues an access token.</summary>
    /// <param name="principal">For whom.</param>
    /// <param name="audience">One of <see cref="Audiences"/>.</param>
    /// <returns>The compact JWT and its end.</returns>
    public (string Token, DateTimeOffset ExpiresAt) Issue(Principal principal, string audience)
    {
        ArgumentNullException.ThrowIfNull(principal);
        var now = _clock.GetUtcNow();
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["tid"] = TenantId.ToString(),
            ["appid"] = principal.ClientId.ToString(),
            ["appidacr"] = "2",
            ["oid"] = principal.ObjectId.ToString(),
            ["sub"] = principal.ObjectId.ToString(),
            ["ver"] = "1.0",
        };
        if (audience == Audiences.Api && principal.AppRoles.Count > 0) claims["roles"] = principal.AppRoles.ToArray();
        var token = _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.AddMinutes(-5).UtcDateTime,
            Expires = now.Add(Lifetime).UtcDateTime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.RsaSha256),
        });
        return (token, now.Add(Lifetime));
    }

    /// <summary>Checks a bearer token: signature (RS256 only), issuer, audience, lifetime, and that the caller exists here.</summary>
    /// <param name="token">The compact JWT, untrusted.</param>
    /// <param name="audience">The audience this service accepts; a trailing slash more or less is the same audience.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The caller, or <c>token-invalid</c>, <c>token-expired</c>, <c>token-audience</c>, <c>token-unknown-app</c>.</returns>
    public async Task<Parsed<Caller>> Verify(string token, string audience, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = Issuer,
            ValidAudiences = [audience, audience + "/"],
            IssuerSigningKey = _key,
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
            LifetimeValidator = (notBefore, expires, _, _) =>
                expires > _clock.GetUtcNow().UtcDateTime && notBefore <= _clock.GetUtcNow().UtcDateTime
                    ? true
                    : throw new SecurityTokenExpiredException(),
        }).ConfigureAwait(false);
        if (!result.IsValid)
        {
            return result.Exception switch
            {
                SecurityTokenExpiredException => new Fault("token-expired", "authorization"),
                SecurityTokenInvalidAudienceException => new Fault("token-audience", "authorization"),
                _ => new Fault("token-invalid", "authorization"),
            };
        }

        var jwt = (JsonWebToken)result.SecurityToken;
        return Guid.TryParse(jwt.GetClaim("appid").Value, out var clientId) && _directory.Find(clientId) is not null
            ? new Caller(
                clientId,
                jwt.Claims.Where(claim => claim.Type == "roles").Select(claim => claim.Value).ToHashSet(StringComparer.Ordinal),
                new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero))
            : new Fault("token-unknown-app", "authorization");
    }

    /// <inheritdoc/>
    public void Dispose() => _rsa.Dispose();
}
