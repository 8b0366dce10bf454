using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Serverless.Local.Identity;

/// <summary>The documents and the token request of Entra ID that clients and JwtBearer need (OpenID Connect Discovery 1.0, RFC 6749
/// section 4.4), with error codes of the AADSTS family.</summary>
internal sealed class EntraRoutes(Tokens tokens, TenantDirectory directory, IReadOnlyDictionary<Guid, string> secrets)
{
    private static readonly HashSet<string> KnownAudiences = new(StringComparer.Ordinal)
        { Audiences.EventHubs, Audiences.IotHub, Audiences.Provisioning, Audiences.KeyVault, Audiences.Storage, Audiences.Api };

    private static readonly string[] ResponseTypes = ["token"];
    private static readonly string[] SubjectTypes = ["pairwise"];
    private static readonly string[] SigningAlgorithms = ["RS256"];
    private static readonly string[] AuthMethods = ["client_secret_post", "client_secret_basic"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/{tenant}/v2.0/.well-known/openid-configuration", (HttpContext http, string tenant) => Discovery(http, tenant, "/v2.0"));
        routes.MapGet("/{tenant}/.well-known/openid-configuration", (HttpContext http, string tenant) => Discovery(http, tenant, ""));
        routes.MapGet("/{tenant}/discovery/v2.0/keys", (string tenant) => Keys(tenant));
        routes.MapGet("/{tenant}/discovery/keys", (string tenant) => Keys(tenant));
        routes.MapPost("/{tenant}/oauth2/v2.0/token", Token);
    }

    private bool IsOurs(string tenant) => tenant == tokens.TenantId.ToString();

    private IResult Discovery(HttpContext http, string tenant, string version)
    {
        if (!IsOurs(tenant)) return NoTenant();
        var root = $"https://{http.Request.Host}/{tokens.TenantId}";
        return Results.Json(new Dictionary<string, object>
        {
            // The tokens are v1.0 tokens (see Tokens), so this is their issuer under both addresses.
            ["issuer"] = tokens.Issuer,
            ["token_endpoint"] = $"{root}/oauth2/v2.0/token",
            ["authorization_endpoint"] = $"{root}/oauth2/v2.0/authorize",
            ["jwks_uri"] = version.Length == 0 ? $"{root}/discovery/keys" : $"{root}/discovery/v2.0/keys",
            ["response_types_supported"] = ResponseTypes,
            ["subject_types_supported"] = SubjectTypes,
            ["id_token_signing_alg_values_supported"] = SigningAlgorithms,
            ["token_endpoint_auth_methods_supported"] = AuthMethods,
        });
    }

    private IResult Keys(string tenant)
    {
        if (!IsOurs(tenant)) return NoTenant();
        var key = tokens.PublicKey;
        return Results.Json(new
        {
            keys = new[] { new { kty = key.Kty, use = key.Use, kid = key.Kid, alg = key.Alg, n = key.N, e = key.E, issuer = tokens.Issuer } },
        });
    }

    private async Task<IResult> Token(HttpContext http, string tenant)
    {
        if (!IsOurs(tenant)) return NoTenant();
        if (!http.Request.HasFormContentType) return Error(400, "invalid_request", 900144, "The request body must be a form.");
        var form = await http.Request.ReadFormAsync(http.RequestAborted).ConfigureAwait(false);
        if (form["grant_type"] != "client_credentials") return Error(400, "unsupported_grant_type", 70003, "Only client_credentials is offered here.");

        var (id, secret) = Client(http.Request.Headers.Authorization, form);
        if (!Guid.TryParse(id, out var clientId) || directory.Find(clientId) is not { } principal)
        {
            return Error(400, "unauthorized_client", 700016, "The application was not found in the directory.");
        }

        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(secret ?? ""), Encoding.UTF8.GetBytes(secrets[clientId])))
        {
            return Error(401, "invalid_client", 7000215, "Invalid client secret provided.");
        }

        var scope = form["scope"].ToString();
        if (!scope.EndsWith("/.default", StringComparison.Ordinal)) return Error(400, "invalid_scope", 1002012, "The scope must end in /.default.");
        var audience = scope[..^"/.default".Length].TrimEnd('/');
        if (!KnownAudiences.Contains(audience)) return Error(400, "invalid_resource", 500011, "The resource was not found in the tenant.");

        var (token, expires) = tokens.Issue(principal, audience);
        http.Response.Headers.CacheControl = "no-store";
        var seconds = (int)Math.Max(0, (expires - TimeProvider.System.GetUtcNow()).TotalSeconds);
        return Results.Json(new { token_type = "Bearer", expires_in = seconds, ext_expires_in = seconds, access_token = token });
    }

    private static (string? Id, string? Secret) Client(string? authorization, IFormCollection form)
    {
        if (authorization?.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase) != true) return (form["client_id"], form["client_secret"]);
        Span<byte> bytes = stackalloc byte[1024];
        if (!Convert.TryFromBase64String(authorization[6..], bytes, out var length)) return (null, null);
        var pair = Encoding.UTF8.GetString(bytes[..length]).Split(':', 2);
        return pair.Length == 2 ? (Uri.UnescapeDataString(pair[0]), Uri.UnescapeDataString(pair[1])) : (null, null); // RFC 6749 section 2.3.1
    }

    private static IResult NoTenant() => Error(400, "invalid_tenant", 90002, "The tenant was not found.");

    /// <summary>RFC 6749 section 5.2, worded as Entra ID words it. The caller's text is never echoed.</summary>
    private static IResult Error(int status, string error, int code, string message) => Results.Json(
        new { error, error_description = $"AADSTS{code}: {message}", error_codes = new[] { code } }, statusCode: status);
}
