using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Local.Tls;

namespace Serverless.Local.Identity;

/// <summary>Entra ID and the App Service identity endpoint on this machine: discovery, keys, client credentials, managed identities.</summary>
/// <remarks>Client secrets and identity headers are made at start and live in memory; <see cref="SecretOf"/> is for whoever prints them to
/// a person who asked. Nothing here is logged. Thread-safe.</remarks>
public sealed class TokenEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;
    private readonly Dictionary<Guid, string> _secrets;
    private readonly ManagedIdentities _identities;

    private TokenEndpoint(WebApplication app, X509Certificate2 certificate, Dictionary<Guid, string> secrets, ManagedIdentities identities, Uri authority, Uri managed)
    {
        _app = app;
        _certificate = certificate;
        _secrets = secrets;
        _identities = identities;
        AuthorityHost = authority;
        ManagedIdentityEndpoint = managed;
    }

    /// <summary>The authority, <c>https://localhost:port/</c>; a tenant's documents are below <c>/{tenant}</c>.</summary>
    public Uri AuthorityHost { get; }

    /// <summary>Value for <c>IDENTITY_ENDPOINT</c>, plain HTTP on loopback as on App Service.</summary>
    public Uri ManagedIdentityEndpoint { get; }

    /// <summary>Starts both listeners on free ports.</summary>
    /// <param name="tokens">The issuer.</param>
    /// <param name="directory">Who exists.</param>
    /// <param name="authority">Issues the certificate.</param>
    /// <param name="cancel">Cancels the start.</param>
    public static async Task<TokenEndpoint> Start(Tokens tokens, TenantDirectory directory, LocalAuthority authority, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(authority);
        var certificate = authority.IssueServer();
        var secrets = directory.Principals.ToDictionary(principal => principal.ClientId, _ => Secret());
        var identities = new ManagedIdentities(tokens);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024; // a form with a secret
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.UseRouting();
        var entra = new EntraRoutes(tokens, directory, secrets);
        entra.Map(app);
        identities.Map(app);
        app.UseEndpoints(_ => { });
        await app.StartAsync(cancel).ConfigureAwait(false);
        var ports = app.Urls.Select(url => new Uri(url)).ToArray();
        return new TokenEndpoint(
            app,
            certificate,
            secrets,
            identities,
            new Uri($"https://localhost:{ports.Single(url => url.Scheme == "https").Port}/"),
            new Uri($"http://127.0.0.1:{ports.Single(url => url.Scheme == "http").Port}/msi/token"));
    }

    /// <summary>The client secret of a principal. For a person who asked (<c>--keep</c>) and for tests; never log it.</summary>
    /// <param name="principal">A principal of the directory.</param>
    public string SecretOf(Principal principal)
    {
        ArgumentNullException.ThrowIfNull(principal);
        return _secrets[principal.ClientId];
    }

    /// <summary>Gives one function-app process an identity.</summary>
    /// <param name="principal">Whose.</param>
    /// <returns><c>IDENTITY_ENDPOINT</c> and <c>IDENTITY_HEADER</c>: settings for that process alone.</returns>
    public IReadOnlyDictionary<string, string> GrantManagedIdentity(Principal principal)
    {
        ArgumentNullException.ThrowIfNull(principal);
        var header = Secret();
        _identities.Add(header, principal);
        return new Dictionary<string, string> { ["IDENTITY_ENDPOINT"] = ManagedIdentityEndpoint.ToString(), ["IDENTITY_HEADER"] = header };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _certificate.Dispose();
    }

    private static string Secret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
}
