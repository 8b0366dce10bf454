using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Serverless.Hosting;

/// <summary>The app's OpenAPI document at <c>api/openapi.json</c>: its routes, what they need and what they answer. Open to everyone
/// who can reach the app: it says nothing that this repository does not.</summary>
internal static class ApiDocument
{
    private const string Name = "v1"; // what MapOpenApi serves at a pattern without a document name
    private const string Scheme = "entra";

    public static void Add(IServiceCollection services, string app) => services.AddOpenApi(Name, options =>
        options.AddDocumentTransformer((document, context, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = app,
                Version = "1",
                Description = "Refusals are RFC 9457 problems carrying the fault's `code` and the path `where` it stands.",
            };
            document.Servers = []; // who serves it is the platform's affair, and the request's Host header is the caller's text
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal);
            document.Components.SecuritySchemes[Scheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "JWT",
                Description = "Access token of Entra ID with the app role that the operation names.",
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Scheme, document)] = [] }];
            return Task.CompletedTask;
        }).AddOperationTransformer((operation, context, _) =>
        {
            Describe(operation, context.Description.ActionDescriptor.EndpointMetadata);
            return Task.CompletedTask;
        }));

    /// <summary>Adds what the edge answers before a handler is asked.</summary>
    private static void Describe(OpenApiOperation operation, IList<object> metadata)
    {
        operation.Responses ??= [];
        operation.Responses["429"] = new OpenApiResponse { Description = "rate-limited: come back after Retry-After seconds" };
        if (metadata.OfType<IAllowAnonymous>().Any())
        {
            operation.Security = [];
            return;
        }

        var roles = metadata.OfType<AuthorizationPolicy>()
            .SelectMany(policy => policy.Requirements.OfType<ClaimsAuthorizationRequirement>())
            .Where(claim => claim is { ClaimType: "roles", AllowedValues: not null })
            .SelectMany(claim => claim.AllowedValues!)
            .ToArray();
        if (roles.Length > 0) operation.Description = $"Needs the app role {string.Join(" or ", roles)}.";
        operation.Responses["401"] = new OpenApiResponse { Description = "token-missing, token-invalid, token-expired, token-audience" };
        operation.Responses["403"] = new OpenApiResponse { Description = "role-missing" };
    }

    public static void Map(IEndpointRouteBuilder routes) => routes.MapOpenApi("/api/openapi.json").AllowAnonymous();
}
