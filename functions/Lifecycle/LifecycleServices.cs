using System.Security.Cryptography;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Devices;
using Serverless.Devices.Tables;
using Serverless.EventHubs;
using Serverless.Hosting;
using Serverless.IotHub;
using Serverless.KeyVault;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Stores;
using Serverless.Lifecycle.Sweeps;
using Serverless.Provisioning;

namespace Serverless.Lifecycle;

/// <summary>The app's services: what each port is in Azure.</summary>
internal static class LifecycleServices
{
    private static readonly TimeSpan ShareWait = TimeSpan.FromMinutes(10); // a sweep waits for its share; nobody waits for it

    /// <summary>Registers everything. Nothing connects before the first call.</summary>
    public static void Add(IServiceCollection services)
    {
        services.AddSingleton(all => all.GetRequiredService<ManagedIdentity>().Credential());
        services.AddSingleton(all => new BlobServiceClient(all.GetRequiredService<AuditPlace>().Blobs, all.GetRequiredService<TokenCredential>()).GetBlobContainerClient("audit"));
        services.AddSingleton(all => new TableServiceClient(all.GetRequiredService<TablePlace>().Tables, all.GetRequiredService<TokenCredential>()));
        services.AddSingleton(all => new TableLedger(
            all.GetRequiredService<TableServiceClient>().GetTableClient("devices"), all.GetRequiredService<BlobContainerClient>(), all.GetRequiredService<TimeProvider>(),
            "l" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))));
        services.AddSingleton<IDeviceLedger>(all => all.GetRequiredService<TableLedger>());
        services.AddSingleton<IDeviceGroups>(all => new TableGroups(all.GetRequiredService<TableServiceClient>().GetTableClient("devices")));
        services.AddSingleton(all => new ProvisioningClient(
            all.GetRequiredService<DpsPlace>().Host, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>(),
            new ProvisioningClientOptions { OperationsPerMinute = all.GetRequiredService<DpsPlace>().OperationsPerMinute, Calls = new() { ShareWait = ShareWait } }));
        services.AddSingleton<IReadOnlyList<IotHubClient>>(all => [.. all.GetRequiredService<HubPlace>().Hosts.Select(host => new IotHubClient(
            host, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>(),
            new IotHubClientOptions
            {
                Share = all.GetRequiredService<HubPlace>().Share,
                Calls = new() { ShareWait = ShareWait, Address = all.GetRequiredService<HubPlace>().Addresses.GetValueOrDefault(host) },
            }))]);
        services.AddSingleton(all => new EventHubsClient(all.GetRequiredService<AlertPlace>().Namespace, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>()));
        services.AddSingleton(all => new KeyVaultClient(all.GetRequiredService<VaultPlace>().Vault, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IRegistrations>(all => new DpsRegistrations(all.GetRequiredService<ProvisioningClient>().For("sweep")));
        services.AddSingleton<IHubs>(all => new LinkedHubs([.. all.GetRequiredService<IReadOnlyList<IotHubClient>>().Select(hub => hub.For("sweep"))], all.GetRequiredService<HubPlace>().PersonalTags));
        services.AddSingleton<IFleetReader>(all => new FleetReader(all.GetRequiredService<ProvisioningClient>().For("audit"), [.. all.GetRequiredService<IReadOnlyList<IotHubClient>>().Select(hub => hub.For("audit"))]));
        services.AddSingleton<IFindings>(all => new TableFindings(all.GetRequiredService<TableServiceClient>().GetTableClient("devices")));
        services.AddSingleton<IStatementSigner, VaultSigner>();
        services.AddSingleton<IStatements, BlobStatements>();
        services.AddSingleton<IReturns, BlobReturns>();
        services.AddSingleton<IAlerts, HubAlerts>();
        AddWork(services);
    }

    /// <summary>Registers what is the same with any store.</summary>
    public static void AddWork(IServiceCollection services)
    {
        services.AddSingleton(all => all.GetRequiredService<LifecycleSettings>().Expiry);
        services.AddSingleton<PlaneWork>();
        services.AddSingleton<DeathCertificates>();
        services.AddSingleton<SweepRun>();
        services.AddSingleton<DecommissionDesk>();
        services.AddSingleton<ForecastDesk>();
        services.AddSingleton<AuditRun>();
        services.AddSingleton<AuditDesk>();
    }

    /// <summary>Maps every function.</summary>
    public static void Map(FunctionApp app)
    {
        app.Http(routes =>
        {
            DecommissionDevice.Map(routes);
            ShowDeathCertificate.Map(routes);
            ShowFindings.Map(routes);
        });
        ExpireCredentials.Map(app);
        AuditFleet.Map(app);
    }
}
