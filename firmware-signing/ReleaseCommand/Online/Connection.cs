using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Storage.Blobs;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.KeyVault;

namespace Serverless.FirmwareSigning.ReleaseCommand.Online;

/// <summary>A deployment, signed in to: its vault, its blobs, its API, its repository.</summary>
internal sealed class Connection : IDisposable
{
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    private Connection(Profile profile, TokenCredential credential, HttpClient http, TimeProvider clock) => (Profile, Credential, _http, _clock) = (profile, credential, http, clock);

    /// <summary>The deployment.</summary>
    public Profile Profile { get; }

    /// <summary>Who we are. Nothing is asked until it is needed.</summary>
    public TokenCredential Credential { get; }

    /// <summary>Prepares everything; connects to nothing yet.</summary>
    /// <param name="session">The run.</param>
    /// <param name="signIn">Overrides the profile's way to sign in.</param>
    /// <returns>The connection, or a fault of <see cref="Online.Profile.Find"/>, or <c>sign-in</c> (not a way to sign in), <c>file-missing</c>, <c>trust-root</c>.</returns>
    public static Parsed<Connection> Open(Session session, string? signIn)
    {
        if (!Profile.Find(session).TryGet(out var profile, out var fault)) return fault;
        if (signIn is not null)
        {
            if (Profile.Kind(signIn) is not { } kind || (kind == SignInKind.Local) != (profile.SignIn == SignInKind.Local)) return new Fault("sign-in", "--sign-in");
            profile = profile with { SignIn = kind };
        }

        X509Certificate2? root = null;
        if (profile.TrustRootFile is { } file)
        {
            if (!InputFile.Read(file, 64 * 1024).TryGet(out var pem, out fault)) return fault;
            try
            {
                root = X509Certificate2.CreateFromPem(System.Text.Encoding.UTF8.GetString(pem));
            }
            catch (System.Security.Cryptography.CryptographicException)
            {
                return new Fault("trust-root", "trustRoot");
            }
        }

        var http = new HttpClient(Handler(root)) { Timeout = Timeout.InfiniteTimeSpan };
        if (!SignIn(profile, session, http).TryGet(out var credential, out fault))
        {
            http.Dispose();
            return fault;
        }
        return new Connection(profile, credential, http, session.At.Clock);
    }

    /// <summary>The vault with the engineers' keys.</summary>
    public KeyVaultClient Vault() => new(Profile.Vault, Credential, _clock, new KeyVaultClientOptions { Transport = new HttpClientTransport(_http) });

    /// <summary>Images awaiting a release.</summary>
    public BlobContainerClient Images() =>
        new BlobServiceClient(Profile.Blobs, Credential, new BlobClientOptions { Transport = new HttpClientTransport(_http) }).GetBlobContainerClient("firmware");

    /// <summary>The Firmware app.</summary>
    public ReleasesClient Releases() => new(_http, Profile.Api, Credential, $"{Profile.Audience}/.default", _clock);

    /// <summary>The repository devices read; nobody signs in there.</summary>
    public ITransport Repository() => new PlainTransport(_http);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static Parsed<TokenCredential> SignIn(Profile profile, Session session, HttpClient http)
    {
        // One way, asked for by name: no chain of fallbacks, so nobody signs as whoever happens to be signed in somewhere.
        switch (profile.SignIn)
        {
            case SignInKind.Cli:
                return new AzureCliCredential(new AzureCliCredentialOptions { TenantId = profile.Tenant?.ToString() });
            case SignInKind.ManagedIdentity:
                return new ManagedIdentityCredential(profile.ClientId is { } id ? ManagedIdentityId.FromUserAssignedClientId(id.ToString()) : ManagedIdentityId.SystemAssigned);
            case SignInKind.DeviceCode:
                var options = new DeviceCodeCredentialOptions
                {
                    TenantId = profile.Tenant?.ToString(),
                    DeviceCodeCallback = (code, _) =>
                    {
                        session.Say(code.Message);
                        return Task.CompletedTask;
                    },
                };
                if (profile.ClientId is { } client) options.ClientId = client.ToString();
                return new DeviceCodeCredential(options);
            default:
                if (!InputFile.Read(profile.SecretFile!, 4096).TryGet(out var secret, out var fault)) return fault;
                return new ClientSecretCredential(
                    profile.Tenant.ToString(), profile.ClientId.ToString(), System.Text.Encoding.UTF8.GetString(secret).Trim(),
                    new ClientSecretCredentialOptions { AuthorityHost = profile.Authority!, DisableInstanceDiscovery = true, Transport = new HttpClientTransport(http) });
        }
    }

    private static SocketsHttpHandler Handler(X509Certificate2? root)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // nobody may send a token elsewhere
            UseCookies = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(15),
        };
        if (root is null) return handler;
        handler.UseProxy = false;
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(root);
        handler.SslOptions.CertificateChainPolicy = policy;
        return handler;
    }
}

/// <summary>Reads the repository over a client that follows no redirects and decompresses nothing.</summary>
/// <param name="http">The client.</param>
internal sealed class PlainTransport(HttpClient http) : ITransport
{
    /// <inheritdoc/>
    public async Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        if (from > 0) request.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(from, null);
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
        var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        return new TransportAnswer((int)response.StatusCode, response.Content.Headers.ContentLength, response.Content.Headers.ContentRange?.From ?? 0, body);
    }
}
