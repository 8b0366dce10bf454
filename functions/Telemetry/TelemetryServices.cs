using System.Security.Cryptography;
using Azure.Core;
using Azure.Storage.Blobs;
using Serverless.EventHubs;
using Serverless.Hosting;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry;

/// <summary>The app's services: what each port is in Azure.</summary>
internal static class TelemetryServices
{
    /// <summary>Registers them. Nothing connects before the first event.</summary>
    public static void Add(IServiceCollection services)
    {
        services.AddSingleton(all => all.GetRequiredService<ManagedIdentity>().Credential());
        services.AddSingleton(all => new BlobServiceClient(all.GetRequiredService<StoragePlace>().Blobs, all.GetRequiredService<TokenCredential>()));
        services.AddSingleton(all => new HubClients(all.GetRequiredService<EventHubsPlace>(), all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>()));
        services.AddSingleton(Stores);
        services.AddOptions<LoggerFilterOptions>().Configure<IngestSettings>((filters, settings) =>
        {
            if (settings.LogCommitPoints) filters.AddFilter(typeof(Ingest).FullName, LogLevel.Debug);
        });
        services.AddSingleton(all => new DeviceLimits { AlertsPerDeviceDay = all.GetRequiredService<ScoringSettings>().AlertsPerDeviceDay });
        services.AddSingleton(all => new Ingest(
            "p" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
            all.GetRequiredService<PartitionStores>(),
            () => new PartitionState(new ScoresColumn(all.GetRequiredService<DeviceLimits>()), new ConnectsColumn()),
            all.GetRequiredService<IngestSettings>(),
            all.GetRequiredService<TimeProvider>(),
            all.GetRequiredService<ILogger<Ingest>>()));
    }

    private static PartitionStores Stores(IServiceProvider all)
    {
        var settings = all.GetRequiredService<IngestSettings>();
        var clock = all.GetRequiredService<TimeProvider>();
        var hubs = all.GetRequiredService<HubClients>();
        var blobs = all.GetRequiredService<BlobServiceClient>();
        var alerts = hubs.Hub("alerts", settings.ReadBackGroup);
        var profiles = new ProfileShelf(
            new BlobProfiles(blobs.GetBlobContainerClient("profiles")),
            new ProfileReports(alerts, clock, all.GetRequiredService<ILogger<ProfileReports>>()),
            settings.ProfilePollInterval,
            clock);
        return new PartitionStores(
            hubs.Hub("telemetry", settings.ReadBackGroup),
            hubs.Hub("validated", settings.ReadBackGroup),
            alerts,
            new AzureBlobs(blobs.GetBlobContainerClient("rejected")),
            new AzureBlobs(blobs.GetBlobContainerClient("telemetry-state")),
            profiles);
    }

    /// <summary>The two connections to the namespace; <see cref="EventHub"/> says why two.</summary>
    private sealed class HubClients(EventHubsPlace place, TokenCredential credential, TimeProvider clock) : IAsyncDisposable
    {
        private readonly EventHubsClient _publisher = new(place.Namespace, credential, clock, EventHub.WithoutRetry);
        private readonly EventHubsClient _reader = new(place.Namespace, credential, clock);

        public EventHub Hub(string name, string group) => new(name, _publisher, _reader, group);

        public async ValueTask DisposeAsync()
        {
            await _publisher.DisposeAsync().ConfigureAwait(false);
            await _reader.DisposeAsync().ConfigureAwait(false);
        }
    }
}
