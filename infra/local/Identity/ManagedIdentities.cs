using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Serverless.Local.Identity;

/// <summary>The App Service identity endpoint: <c>GET IDENTITY_ENDPOINT?resource=…&amp;api-version=2019-08-01</c> with header
/// <c>X-IDENTITY-HEADER</c>. The header is the proof: each function-app process has its own, so it can only be itself.</summary>
internal sealed class ManagedIdentities(Tokens tokens)
{
    // Keyed by digest, so that a lookup's timing says nothing about a header's characters.
    private readonly ConcurrentDictionary<string, Principal> _byHeader = new(StringComparer.Ordinal);

    public void Add(string header, Principal principal) => _byHeader[Digest(header)] = principal;

    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/msi/token", Answer);

    private IResult Answer(HttpRequest request)
    {
        string? header = request.Headers["X-IDENTITY-HEADER"];
        if (header is null || !_byHeader.TryGetValue(Digest(header), out var principal)) return Error(401, "The identity header is missing or wrong.");
        if (request.Query["api-version"] != "2019-08-01") return Error(400, "The api-version is missing or not 2019-08-01.");
        var resource = request.Query["resource"].ToString();
        if (resource.Length == 0) return Error(400, "The resource is missing.");
        string? asked = request.Query["client_id"];
        if (asked is not null && asked != principal.ClientId.ToString()) return Error(400, "No such identity is assigned to this app.");

        var (token, expires) = tokens.Issue(principal, resource.TrimEnd('/'));
        return Results.Json(new
        {
            access_token = token,
            expires_on = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            resource,
            token_type = "Bearer",
            client_id = principal.ClientId.ToString(),
        });
    }

    private static string Digest(string header) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(header)));

    private static IResult Error(int status, string message) => Results.Json(new { statusCode = status, message, correlationId = "" }, statusCode: status);
}
