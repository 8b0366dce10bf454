using Azure.Core;
using Microsoft.Extensions.Time.Testing;
using Serverless.IotHub;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning;
using Serverless.Local.Tls;
using Serverless.Provisioning;

namespace Serverless.Lifecycle.Tests;

/// <summary>A metered hub and the metered DPS it is linked to, on a clock that runs ahead, with devices in the hub.</summary>
internal sealed class LocalHub : IAsyncDisposable
{
    private static readonly Principal App = new("lifecycle", new Guid(1, 0, 0, new byte[8]), new Guid(1, 1, 0, new byte[8]), [new RoleAssignment("IoT Hub Data Contributor", "iothub"), new RoleAssignment("Device Provisioning Service Data Contributor", "dps")], []);
    private readonly string _folder = Directory.CreateTempSubdirectory("quota-").FullName;
    private readonly List<IDisposable> _made = [];
    private FakeTimeProvider _clock = null!;

    public IotHubService Hub { get; private set; } = null!;

    public IotHubClient Client { get; private set; } = null!;

    public ProvisioningService Dps { get; private set; } = null!;

    public ProvisioningClient DpsClient { get; private set; } = null!;

    /// <summary>Issues the devices' certificates.</summary>
    public LocalAuthority Authority { get; private set; } = null!;

    public static string Name(int number) => $"d{number:D5}";

    public static async Task<LocalHub> Start(FakeTimeProvider clock, int devices, HubShare share, int dpsPerMinute)
    {
        var local = new LocalHub { _clock = clock };
        var authority = new LocalAuthority(local._folder, TimeProvider.System.GetUtcNow());
        local.Authority = authority;
        var directory = new TenantDirectory([App]);
        var tokens = new Tokens(directory, new Guid("11111111-2222-3333-4444-555555555555"), TimeProvider.System);
        local._made.AddRange([authority, tokens]);
        local.Hub = await IotHubService.Start(
            new IotHubOptions { HostName = "hub-a.azure-devices.net", Throttles = HubThrottles.S1 }, new NoRoute(), authority, tokens, directory, clock, clock, CancellationToken.None);
        _ = local.Hub.Create(Enumerable.Range(0, devices).Select(i => new DeviceSpec(Name(i), DeviceCredentials.CertificateAuthority)));
        local.Dps = await ProvisioningService.Start(
            new ProvisioningOptions { Throttles = ProvisioningThrottles.Documented }, [local.Hub], authority, tokens, directory, clock, clock, CancellationToken.None);
        local.Client = new IotHubClient($"localhost:{local.Hub.HttpsPort}", new Credential(tokens, Audiences.IotHub), clock,
            new() { Share = share, Calls = new() { TrustRoot = authority.Certificate, ShareWait = TimeSpan.FromMinutes(30) } });
        local.DpsClient = new ProvisioningClient($"localhost:{local.Dps.HttpsPort}", new Credential(tokens, Audiences.Provisioning), clock,
            new() { OperationsPerMinute = dpsPerMinute, Calls = new() { TrustRoot = authority.Certificate, ShareWait = TimeSpan.FromMinutes(30) } });
        return local;
    }

    /// <summary>Runs a call while time goes by.</summary>
    public async Task<T> Drive<T>(Task<T> call)
    {
        while (!call.IsCompleted)
        {
            await Task.WhenAny(call, Task.Delay(1));
            _clock.Advance(TimeSpan.FromMilliseconds(500));
        }

        return await call;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        DpsClient.Dispose();
        await Dps.DisposeAsync();
        await Hub.DisposeAsync();
        foreach (var made in _made) made.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class Credential(Tokens tokens, string audience) : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(tokens.Issue(App, audience).Token, TimeProvider.System.GetUtcNow().AddMinutes(50));

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
    }

    private sealed class NoRoute : IEventRoute
    {
        public void Append(string hub, EventDraft draft)
        {
        }
    }
}
