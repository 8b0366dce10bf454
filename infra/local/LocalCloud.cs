using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.EventHubs;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.FunctionsHost;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.KeyVault;
using Serverless.Local.Processes;
using Serverless.Local.Provisioning;
using Serverless.Local.Storage;
using Serverless.Local.Tls;

namespace Serverless.Local;

/// <summary>How the cloud starts.</summary>
public sealed record LocalCloudOptions
{
    /// <summary>Device seconds per wall second. Default 1.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>Folder that keeps storage between runs; <see langword="null"/> for a temporary one that goes.</summary>
    public string? Data { get; init; }

    /// <summary>Event hubs. Default: those of the pipeline.</summary>
    public EventHubsOptions EventHubs { get; init; } = new();

    /// <summary>DPS. Default: without throttles.</summary>
    public ProvisioningOptions Provisioning { get; init; } = new();

    /// <summary>Folder that holds the published function apps, one folder each. Default: where the build put them.</summary>
    public string Apps { get; init; } = typeof(LocalCloudOptions).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(pair => pair.Key == "FunctionApps").Value!;

    /// <summary>See <see cref="FunctionsHostOptions.HandlerDeathsMax"/>. Default 3.</summary>
    public int HandlerDeathsMax { get; init; } = 3;

    /// <summary>Told what is being started.</summary>
    public Action<string> Step { get; init; } = _ => { };

    /// <summary>Where the hosts' and handlers' lines go.</summary>
    public ILogger Log { get; init; } = NullLogger.Instance;
}

/// <summary>An Azure on this machine: identity, storage, Key Vault, Event Hubs, IoT hubs and DPS on loopback, and the function apps as deployed.</summary>
/// <remarks>For development and tests: it holds every key of its tenant in memory. Services start in the order of their needs and
/// stop in reverse. Thread-safe once started.</remarks>
public sealed class LocalCloud : IAsyncDisposable
{
    /// <summary>What enrolment groups call the CA of every device here.</summary>
    public const string AuthorityName = "local-ca";

    /// <summary>The function that DPS asks which hub a device gets.</summary>
    public const string WebhookFunction = "Allocate";

    private static readonly string[] HubHostNames = ["hub-a.azure-devices.net", "hub-b.azure-devices.net"];
    private readonly Stack<IAsyncDisposable> _started = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-local-");
    private readonly LocalCloudOptions _options;
    private readonly TimeProvider _wall;
    private readonly HttpClient _http;
    private readonly PartitionHeads? _heads;
    private readonly X509Certificate2 _appCertificate;
    private readonly Dictionary<string, FunctionsHost.FunctionsHost> _apps = new(StringComparer.Ordinal);

    private LocalCloud(LocalCloudOptions options, TimeProvider wall)
    {
        (_options, _wall) = (options, wall);
        Authority = new LocalAuthority(_folder.FullName, wall.GetUtcNow());
        Clock = new CloudClock(wall, wall.GetUtcNow(), options.Speed);
        Tokens = new Tokens(Tenant, LocalTenant.TenantId, wall);
        _heads = options.Data is { } folder ? new PartitionHeads(folder) : null;
        _http = new HttpClient(LocalTrust.Handler(Authority));
        _appCertificate = Authority.IssueServer(); // as in Azure, apps answer over HTTPS: DPS calls no other webhook
    }

    /// <summary>Signs every server and device certificate here.</summary>
    public LocalAuthority Authority { get; }

    /// <summary>Device time.</summary>
    public CloudClock Clock { get; }

    /// <summary>Who exists and may do what.</summary>
    public TenantDirectory Tenant { get; } = LocalTenant.Directory();

    /// <summary>The tenant's tokens.</summary>
    public Tokens Tokens { get; }

    /// <summary>Entra ID and managed identities.</summary>
    public TokenEndpoint Identity { get; private set; } = null!;

    /// <summary>Blobs, queues and tables.</summary>
    public Azurite Storage { get; private set; } = null!;

    /// <summary>Event Hubs.</summary>
    public EventHubsService EventHubs { get; private set; } = null!;

    /// <summary>The first IoT hub.</summary>
    public IotHubService IotHub => IotHubs[0];

    /// <summary>The IoT hubs, all linked to <see cref="Provisioning"/>; they route to one event hub.</summary>
    public IReadOnlyList<IotHubService> IotHubs { get; private set; } = [];

    /// <summary>DPS; <see cref="Authority"/> is registered with it as <see cref="AuthorityName"/>, and verified.</summary>
    public ProvisioningService Provisioning { get; private set; } = null!;

    /// <summary>The key vault, with a key for everybody who has a role on one.</summary>
    public KeyVaultService KeyVault { get; private set; } = null!;

    /// <summary>The function apps that run, by name.</summary>
    public IReadOnlyDictionary<string, FunctionsHost.FunctionsHost> Apps => _apps;

    /// <summary>Starts everything but the function apps.</summary>
    /// <param name="options">How.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Cancels the start; nothing is left behind.</param>
    /// <exception cref="LocalCloudException">A missing tool, a port or folder that cannot be had, a child that died.</exception>
    public static async Task<LocalCloud> Start(LocalCloudOptions options, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        var cloud = new LocalCloud(options, wall);
        try
        {
            await cloud.StartServices(cancel).ConfigureAwait(false);
            return cloud;
        }
        catch
        {
            await cloud.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Runs a published function app under its own identity; returns when it answers.</summary>
    /// <param name="name">The app's folder below <see cref="LocalCloudOptions.Apps"/> and the principal's name.</param>
    /// <param name="settings">Settings beside the connections that every app gets.</param>
    /// <param name="cancel">Cancels the start.</param>
    /// <exception cref="LocalCloudException">The app is malformed, or its handler does not start.</exception>
    public async Task<FunctionsHost.FunctionsHost> StartApp(string name, IReadOnlyDictionary<string, string>? settings, CancellationToken cancel)
    {
        _options.Step($"starting function app {name}");
        var principal = Tenant.Principals.Single(one => one.Name == name);
        var folder = Path.Combine(_options.Apps, name);
        var host = Remember(await FunctionsHost.FunctionsHost.Start(
            new FunctionsHostOptions
            {
                Name = name,
                AppFolder = folder,
                AppSettings = await AppSettings.Of(this, principal, folder, _folder.CreateSubdirectory(name).FullName, settings, cancel).ConfigureAwait(false),
                BlobServiceUri = Storage.BlobServiceUri,
                Credential = Credential(principal),
                Authority = Authority,
                Certificate = _appCertificate,
                Clock = _wall,
                ScheduleClock = Clock,
                HandlerDeathsMax = _options.HandlerDeathsMax,
                Log = _options.Log,
            },
            cancel).ConfigureAwait(false));
        _apps[name] = host;
        return host;
    }

    /// <summary>What an enrolment of custom allocation names: the webhook's address with its key. A secret.</summary>
    /// <param name="app">A running app with function <see cref="WebhookFunction"/>.</param>
    /// <exception cref="KeyNotFoundException">No such app runs.</exception>
    public Uri WebhookUrl(string app)
    {
        var host = _apps[app];
        return new Uri(host.Address, $"api/{WebhookFunction.ToLowerInvariant()}?code={Uri.EscapeDataString(host.FunctionKeys[WebhookFunction])}");
    }

    /// <summary>A credential of a principal, for code in this process.</summary>
    /// <param name="principal">Whose.</param>
    public TokenCredential Credential(Principal principal) => new LocalCredential(Tokens, principal);

    /// <summary>Event Hubs as a principal sees it; the cloud closes it.</summary>
    /// <param name="principal">Whose rights.</param>
    public EventHubsClient EventHubsAs(Principal principal) =>
        Remember(new EventHubsClient(EventHubs.FullyQualifiedNamespace, Credential(principal), _wall, new EventHubsClientOptions { TrustRoot = Authority.Certificate }));

    /// <summary>Blob storage as a principal sees it.</summary>
    /// <param name="principal">Whose rights.</param>
    public BlobServiceClient BlobsAs(Principal principal) =>
        new(Storage.BlobServiceUri, Credential(principal), new BlobClientOptions { Transport = new HttpClientTransport(_http) });

    /// <summary>Completes only if something dies that nobody stopped, with what to tell the person.</summary>
    public async Task<LocalCloudException> Died() =>
        await (await Task.WhenAny([Storage.Died, .. _apps.Values.Select(app => app.Died)]).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>Stops everything, newest first; leaves no process and no file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (EventHubs is not null) _heads?.Leave(EventHubs.PartitionHeads);
        while (_started.TryPop(out var service)) await service.DisposeAsync().ConfigureAwait(false);
        _http.Dispose();
        Tokens.Dispose();
        _appCertificate.Dispose();
        Authority.Dispose();
        if (_folder.Exists) _folder.Delete(recursive: true);
    }

    private async Task StartServices(CancellationToken cancel)
    {
        _options.Step("starting identity");
        Identity = Remember(await TokenEndpoint.Start(Tokens, Tenant, Authority, cancel).ConfigureAwait(false));
        _options.Step("starting storage (Azurite)");
        Storage = Remember(await Azurite.Start(
            new AzuriteOptions { DataFolder = _options.Data, Say = _options.Step }, Authority, Tokens, Tenant, cancel).ConfigureAwait(false));
        _options.Step("starting Key Vault");
        KeyVault = Remember(await KeyVaultService.Start(
            new KeyVaultOptions { Folder = _options.Data }, Identity.AuthorityHost, Authority, Tokens, Tenant, _wall, cancel).ConfigureAwait(false));
        KeyVault.Ensure(LocalTenant.VaultKeys);
        _options.Step("starting Event Hubs");
        var hubs = _heads is null ? _options.EventHubs : _options.EventHubs with { Seeds = _heads.Take(_options.EventHubs.Hubs) };
        EventHubs = Remember(await EventHubsService.Start(hubs, Authority, Tokens, Tenant, Clock, _wall, cancel).ConfigureAwait(false));
        _options.Step("starting IoT hubs");
        foreach (var name in HubHostNames)
        {
            var options = new IotHubOptions { HostName = name, DeviceAuthorities = [Authority.Certificate] };
            options = options with { Scope = $"iothub/{options.Name}" };
            IotHubs = [.. IotHubs, Remember(await IotHubService.Start(options, EventHubs, Authority, Tokens, Tenant, Clock, _wall, cancel).ConfigureAwait(false))];
        }

        _options.Step("starting DPS");
        Provisioning = Remember(await ProvisioningService.Start(_options.Provisioning, IotHubs, Authority, Tokens, Tenant, Clock, _wall, cancel).ConfigureAwait(false));
        Verify(AuthorityName, Authority);
    }

    /// <summary>Registers a CA with DPS and proves its possession.</summary>
    /// <param name="name">What enrolment groups will call it.</param>
    /// <param name="authority">Its key.</param>
    /// <exception cref="InvalidOperationException">DPS has one of that name, or as many as it takes.</exception>
    public void Verify(string name, LocalAuthority authority)
    {
        ArgumentNullException.ThrowIfNull(authority);
        if (!Provisioning.AddAuthority(name, authority.Certificate).TryGet(out var code, out var fault)) throw new InvalidOperationException($"DPS refused the CA: {fault}");
        using var proof = authority.Prove(code);
        if (Provisioning.ProveAuthority(name, proof) is { } refused) throw new InvalidOperationException($"DPS refused the proof: {refused}");
    }

    /// <summary>Where a device registers.</summary>
    public ProvisioningAddress ProvisioningAddress => new(ProvisioningOptions.GlobalHostName, Provisioning.MqttPort, Provisioning.IdScope, Authority.Certificate);

    /// <summary>Where a device connects that DPS gave a hub.</summary>
    /// <param name="hubHostName">As DPS said it.</param>
    /// <exception cref="InvalidOperationException">No such hub.</exception>
    public HubAddress AddressOf(string hubHostName)
    {
        var hub = IotHubs.Single(one => string.Equals(one.HostName, hubHostName, StringComparison.OrdinalIgnoreCase));
        return new HubAddress(hub.HostName, hub.MqttPort, Authority.Certificate);
    }

    private T Remember<T>(T service)
        where T : IAsyncDisposable
    {
        _started.Push(service);
        return service;
    }
}
