using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Bearer tokens of Entra ID, checked by the framework's JwtBearer: signature by the tenant's published keys, issuer, audience
/// and lifetime.</summary>
internal static class Bearer
{
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(2);

    /// <summary>Adds authentication and authorization. A route without a policy of its own needs a valid token; a valid token without
    /// the role is <c>role-missing</c>.</summary>
    public static void Add(IServiceCollection services)
    {
        // AddAuthentication() would bring data protection, which writes a key ring to disk at start; bearer tokens need none.
        services.AddAuthenticationCore(options => options.DefaultScheme = JwtBearerDefaults.AuthenticationScheme);
        services.TryAddSingleton(UrlEncoder.Default);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<JwtBearerOptions>, JwtBearerPostConfigureOptions>());
        new AuthenticationBuilder(services).AddScheme<JwtBearerOptions, JwtBearerHandler>(JwtBearerDefaults.AuthenticationScheme, null);
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<EntraSettings, TimeProvider>(Configure);
        services.AddAuthorization(options => options.FallbackPolicy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
    }

    private static void Configure(JwtBearerOptions options, EntraSettings entra, TimeProvider clock)
    {
        options.TimeProvider = clock;
        options.Authority = entra.Authority.AbsoluteUri;
        options.Audience = entra.Audience;
        options.RequireHttpsMetadata = entra.Authority.Scheme == Uri.UriSchemeHttps; // http passes the settings on loopback only
        options.MapInboundClaims = false;
        options.SaveToken = false;
        options.IncludeErrorDetails = false; // they echo the token's issuer and audience
        options.BackchannelTimeout = TimeSpan.FromSeconds(10);
        options.TokenValidationParameters = new TokenValidationParameters
        {
            ValidAudience = entra.Audience,
            IgnoreTrailingSlashWhenValidatingAudience = false,
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256], // what Entra signs with; "none" and HMAC by a public key fall here
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ClockSkew = Skew,
            LifetimeValidator = (notBefore, expires, _, parameters) => Lifetime(notBefore, expires, parameters.ClockSkew, clock.GetUtcNow().UtcDateTime),
            NameClaimType = "oid",
            RoleClaimType = "roles",
        };
        options.Events = new JwtBearerEvents
        {
            OnChallenge = async context =>
            {
                context.HandleResponse();
                var refusal = Refusal(context.AuthenticateFailure);
                if (refusal.Code == "token-invalid") await HasKeys(context).ConfigureAwait(false);
                context.Response.Headers.WWWAuthenticate = context.AuthenticateFailure is null ? "Bearer" : "Bearer error=\"invalid_token\"";
                await Answer.RefuseNow(context.HttpContext, refusal).ConfigureAwait(false);
            },
            OnForbidden = context => Answer.RefuseNow(context.HttpContext, new Fault("role-missing", "roles")),
        };
    }

    /// <summary>A token is called invalid by who has the tenant's keys: the framework, which goes on without them, would blame the caller for
    /// a tenant that does not answer.</summary>
    private static async Task HasKeys(JwtBearerChallengeContext context)
    {
        try
        {
            _ = await context.Options.ConfigurationManager!.GetConfigurationAsync(context.HttpContext.RequestAborted).ConfigureAwait(false);
        }
        catch (InvalidOperationException away)
        {
            throw new IOException("the tenant's keys cannot be read", away);
        }
    }

    private static bool Lifetime(DateTime? notBefore, DateTime? expires, TimeSpan skew, DateTime now) =>
        expires <= now - skew ? throw new SecurityTokenExpiredException() : expires is not null && (notBefore is null || notBefore <= now + skew);

    /// <summary><c>token-missing</c>, <c>token-expired</c>, <c>token-audience</c>, or <c>token-invalid</c> for everything that helps only
    /// a forger to know better.</summary>
    private static Fault Refusal(Exception? failure) => failure switch
    {
        null => new Fault("token-missing", "Authorization"),
        SecurityTokenExpiredException => new Fault("token-expired", "Authorization"),
        SecurityTokenInvalidAudienceException => new Fault("token-audience", "Authorization"),
        _ => new Fault("token-invalid", "Authorization"),
    };
}
