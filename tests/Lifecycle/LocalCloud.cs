using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using MQTTnet;
using MQTTnet.Formatter;
using Serverless.Devices;
using Serverless.IotHub;
using Serverless.Lifecycle.Stores;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.Provisioning;
using Serverless.Local.Tls;
using Serverless.Provisioning;

namespace Serverless.Lifecycle.Tests;

/// <summary>A DPS with two linked hubs over real sockets, and the app's clients of them.</summary>
internal sealed class LocalCloud : IAsyncDisposable
{
    // What the app itself may do, and no more; groups and keys are another's.
    private static readonly Principal App = LocalTenant.Lifecycle;
    private static readonly Principal Officer = new("officer", new Guid(9, 0, 0, new byte[8]), new Guid(9, 1, 0, new byte[8]), [new RoleAssignment("Device Provisioning Service Data Contributor", "dps")], []);

    private readonly string _folder = Directory.CreateTempSubdirectory("lifecycle-").FullName;
    private readonly List<IMqttClient> _sessions = [];
    private readonly List<IDisposable> _made = [];

    public LocalAuthority Authority { get; private set; } = null!;

    public LocalAuthority Devices { get; private set; } = null!;

    public IReadOnlyList<IotHubService> Hubs { get; private set; } = [];

    public ProvisioningService Dps { get; private set; } = null!;

    public ProvisioningClient DpsClient { get; private set; } = null!;

    /// <summary>For what the app may not do: reading keys, deleting groups.</summary>
    public ProvisioningClient OfficerClient { get; private set; } = null!;

    public IReadOnlyList<IotHubClient> HubClients { get; private set; } = [];

    public DpsRegistrations Registrations => new(DpsClient);

    public LinkedHubs LinkedHubs => new(HubClients, ["owner"]);

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<LocalCloud> Start()
    {
        var cloud = new LocalCloud();
        var now = TimeProvider.System.GetUtcNow();
        cloud.Authority = new LocalAuthority(cloud._folder, now);
        cloud.Devices = new LocalAuthority(Directory.CreateDirectory(Path.Combine(cloud._folder, "devices")).FullName, now, "Devices CA");
        var directory = new TenantDirectory([App, Officer]);
        var tokens = new Tokens(directory, new Guid("11111111-2222-3333-4444-555555555555"), TimeProvider.System);
        cloud._made.AddRange([cloud.Authority, cloud.Devices, tokens]);
        var hubs = new List<IotHubService>();
        foreach (var name in new[] { "hub-a", "hub-b" })
        {
            hubs.Add(await IotHubService.Start(
                new IotHubOptions { HostName = name + ".azure-devices.net", DeviceAuthorities = [cloud.Devices.Certificate] }, new NoRoute(), cloud.Authority, tokens, directory, TimeProvider.System, TimeProvider.System, Cancel));
        }

        cloud.Hubs = hubs;
        cloud.Dps = await ProvisioningService.Start(new ProvisioningOptions { RetryAfter = TimeSpan.Zero }, hubs, cloud.Authority, tokens, directory, TimeProvider.System, TimeProvider.System, Cancel);
        Assert.True(cloud.Dps.AddAuthority("devices", cloud.Devices.Certificate).TryGet(out var code, out _));
        using var proof = cloud.Devices.Prove(code);
        Assert.Null(cloud.Dps.ProveAuthority("devices", proof));
        cloud.DpsClient = new ProvisioningClient($"localhost:{cloud.Dps.HttpsPort}", new Credential(tokens, Audiences.Provisioning), TimeProvider.System,
            new() { OperationsPerMinute = 1000, Calls = new() { TrustRoot = cloud.Authority.Certificate } });
        cloud.OfficerClient = new ProvisioningClient($"localhost:{cloud.Dps.HttpsPort}", new Credential(tokens, Audiences.Provisioning, Officer), TimeProvider.System,
            new() { OperationsPerMinute = 1000, Calls = new() { TrustRoot = cloud.Authority.Certificate } });
        cloud.HubClients = [.. hubs.Select(hub => new IotHubClient($"localhost:{hub.HttpsPort}", new Credential(tokens, Audiences.IotHub), TimeProvider.System,
            new() { Share = new HubShare(1000, 1000, 1000, 1000, 1000), Calls = new() { TrustRoot = cloud.Authority.Certificate } }))];
        return cloud;
    }

    /// <summary>Registers a device with DPS.</summary>
    public async Task<DeviceAssignment?> Register(string id, X509Certificate2 leaf, IReadOnlyList<X509Certificate2>? intermediates = null)
    {
        var address = new ProvisioningAddress(ProvisioningOptions.GlobalHostName, Dps.MqttPort, Dps.IdScope, Authority.Certificate);
        return (await DeviceProvisioning.Register(address, new DeviceIdentityShown(id, leaf, intermediates, null), TimeProvider.System, Cancel)).Assigned;
    }

    /// <summary>Connects a device to a hub; <see langword="null"/> when it is refused.</summary>
    public async Task<IMqttClient?> Connect(IotHubService hub, string id, X509Certificate2 leaf)
    {
        var client = new MqttClientFactory().CreateMqttClient();
        _sessions.Add(client);
        var result = await client.ConnectAsync(new MqttClientOptionsBuilder()
            .WithProtocolVersion(MqttProtocolVersion.V311)
            .WithTcpServer("127.0.0.1", hub.MqttPort)
            .WithClientId(id)
            .WithCredentials($"{hub.HostName}/{id}/?api-version=2021-04-12", (byte[]?)null)
            .WithCleanSession()
            .WithTimeout(TimeSpan.FromSeconds(10))
            .WithTlsOptions(tls => tls.UseTls().WithTargetHost(hub.HostName).WithTrustChain([Authority.Certificate]).WithClientCertificates([leaf]))
            .Build(), Cancel);
        return result.ResultCode == MqttClientConnectResultCode.Success ? client : null;
    }

    public IotHubService Home(DeviceAssignment assignment) => Hubs.Single(hub => hub.HostName == assignment.HubHostName);

    /// <summary>The ledger's key of a certificate.</summary>
    public static DeviceKey Key(X509Certificate2 leaf) => new(
        KeyKind.X509, KeyThumbprint.Of(leaf.PublicKey.ExportSubjectPublicKeyInfo()), leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime(), Convert.ToBase64String(leaf.RawData),
        leaf.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant());

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions) session.Dispose();
        DpsClient?.Dispose();
        OfficerClient?.Dispose();
        foreach (var client in HubClients) client.Dispose();
        if (Dps is not null) await Dps.DisposeAsync();
        foreach (var hub in Hubs) await hub.DisposeAsync();
        foreach (var made in _made) made.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class Credential(Tokens tokens, string audience, Principal? caller = null) : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(tokens.Issue(caller ?? App, audience).Token, TimeProvider.System.GetUtcNow().AddMinutes(50));

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
    }

    private sealed class NoRoute : IEventRoute
    {
        public void Append(string hub, EventDraft draft)
        {
        }
    }
}
