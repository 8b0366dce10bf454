using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.KeyVault;

/// <summary>One key vault on this machine: the keys API over HTTPS, Entra tokens, a role a key.</summary>
/// <remarks>For development and tests: private keys are in this process's memory, and in a file if asked. Listens on 127.0.0.1 only.
/// Thread-safe.</remarks>
public sealed class KeyVaultService : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly KeyStore _store;
    private readonly VaultApi _api;
    private readonly Disturbance _disturbance;

    private KeyVaultService(WebApplication server, X509Certificate2 certificate, KeyStore store, VaultApi api, Disturbance disturbance) =>
        (_server, _certificate, _store, _api, _disturbance) = (server, certificate, store, api, disturbance);

    /// <summary>The vault's address, <c>https://localhost:port/</c>: value for <c>KeyVault__vaultUri</c>.</summary>
    public Uri VaultUri { get; private set; } = null!;

    /// <summary>What was asked so far, oldest first; the latest 10,000.</summary>
    public IReadOnlyList<VaultRequest> Requests => _api.Seen;

    /// <summary>Starts a vault.</summary>
    /// <param name="options">Port, memory, rate.</param>
    /// <param name="authorityHost">Where its callers sign in; named in its challenge.</param>
    /// <param name="authority">Issues its server certificate.</param>
    /// <param name="tokens">Verifies callers.</param>
    /// <param name="directory">Says what they may do with which key; scopes are <c>keyvault</c> and <c>keyvault/keys/{name}</c>, in lower case.</param>
    /// <param name="wall">Wall time: keys and tokens live in it.</param>
    /// <param name="cancel">Stops the start.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    /// <exception cref="InvalidDataException">The folder's key file is not a vault's.</exception>
    public static async Task<KeyVaultService> Start(
        KeyVaultOptions options, Uri authorityHost, LocalAuthority authority, Tokens tokens, TenantDirectory directory, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(authority);
        var store = new KeyStore(options.Folder is { } folder ? new KeyFile(folder) : null, wall);
        var disturbance = new Disturbance(options.OperationsPer10s, wall);
        KeyVaultService? service = null;
        var api = new VaultApi(new KeysApi(store, () => service!.VaultUri), tokens, directory, disturbance, authorityHost);
        var certificate = authority.IssueServer();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = VaultApi.BodyBytesMax;
            kestrel.Listen(IPAddress.Loopback, options.Port, listen => listen.UseHttps(certificate));
        });
        builder.Logging.ClearProviders();
        var server = builder.Build();
        server.UseRouting();
        api.Map(server);
        server.UseEndpoints(_ => { });
        service = new KeyVaultService(server, certificate, store, api, disturbance);
        try
        {
            await server.StartAsync(cancel).ConfigureAwait(false);
        }
        catch
        {
            await service.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        service.VaultUri = new Uri($"https://localhost:{new Uri(server.Urls.Single()).Port}/");
        return service;
    }

    /// <summary>Makes a key, or a new version of one, as trusted code of this process: no token, no rate.</summary>
    /// <param name="name">Letters, digits and <c>-</c>.</param>
    /// <param name="spec">Its kind; P-256 for signing by default.</param>
    /// <returns>The id of the new version, or <c>key-parameter</c>, <c>key-deleted</c>.</returns>
    public Parsed<string> Create(string name, KeySpec? spec = null) => _store.Add(name, spec ?? new KeySpec(), null).Then(Id);

    /// <summary>Takes over a key made elsewhere, as <see cref="Create"/>.</summary>
    /// <param name="name">Letters, digits and <c>-</c>.</param>
    /// <param name="key">With its private part, which must be exportable; of the curve that <paramref name="spec"/> names.</param>
    /// <param name="spec">Its kind.</param>
    /// <returns>As <see cref="Create"/>.</returns>
    public Parsed<string> Import(string name, ECDsa key, KeySpec? spec = null) => _store.Add(name, spec ?? new KeySpec(), key).Then(Id);

    /// <summary>Makes the keys that do not exist yet: a cloud that kept its keys keeps them.</summary>
    /// <param name="names">Names.</param>
    public void Ensure(params IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        foreach (var name in names)
        {
            if (!_store.Find(name).TryGet(out _, out _) && Create(name).Fault is { } fault) throw new InvalidOperationException($"key {name}: {fault}");
        }
    }

    /// <summary>A new current version of the same kind, as a person in the portal would make it.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The new version's id, or <c>key-not-found</c>.</returns>
    public Parsed<string> Rotate(string name) => _store.Rotate(name).Then(Id);

    /// <summary>Switches a version on or off.</summary>
    /// <param name="name">The key.</param>
    /// <param name="version">32 hex characters, or <see langword="null"/> for the current one.</param>
    /// <param name="enabled">On or off.</param>
    /// <returns>The key's current id, or <c>key-not-found</c>.</returns>
    public Parsed<string> SetEnabled(string name, string? version, bool enabled) => _store.Update(name, version, found => found with { Enabled = enabled }).Then(Id);

    /// <summary>Makes the next requests fail before they are judged.</summary>
    /// <param name="status">429 for throttling, 503 for an outage.</param>
    /// <param name="count">How many; without end by default.</param>
    /// <param name="retryAfter">What <c>Retry-After</c> says; absent by default, as the service allows.</param>
    public void Fail(int status, int count = int.MaxValue, TimeSpan? retryAfter = null) => _disturbance.Order(status, count, retryAfter);

    /// <summary>Ends what <see cref="Fail"/> began.</summary>
    public void Recover() => _disturbance.Order(0, 0, null);

    /// <summary>Stops listening; keys in memory are gone.</summary>
    public async ValueTask DisposeAsync()
    {
        using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _server.StopAsync(brief.Token).ConfigureAwait(false);
        await _server.DisposeAsync().ConfigureAwait(false);
        _certificate.Dispose();
    }

    private Parsed<string> Id(StoredKey key) => Jwk.Id(VaultUri, key, key.Current);
}
