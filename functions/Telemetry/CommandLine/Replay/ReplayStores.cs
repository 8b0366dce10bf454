using Azure.Identity;
using Azure.Storage.Blobs;
using Serverless.EventHubs;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Publishing;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>Everything outside that a replay reads and writes.</summary>
/// <param name="Rejected">Container <c>rejected</c>: the events, and the ledgers.</param>
/// <param name="Profiles">Container <c>profiles</c>, read only.</param>
/// <param name="Validated">Hub <c>validated</c>; <see langword="null"/> for a dry run.</param>
internal sealed record ReplayStores(IBlobs Rejected, IProfileDocuments Profiles, IHub? Validated) : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _clients = [];

    /// <summary>Connects to Azure, or to the local cloud, as whoever runs the command.</summary>
    public static ReplayStores Connect(ReplayOptions options, TimeProvider clock)
    {
        var credential = Credential();
        var blobs = new BlobServiceClient(options.Storage, credential);
        var (rejected, profiles) = (new AzureBlobs(blobs.GetBlobContainerClient("rejected")), new BlobProfiles(blobs.GetBlobContainerClient("profiles")));
        if (options.DryRun) return new ReplayStores(rejected, profiles, null);

        // Publishing must not retry by itself: the answer that was lost may have been a yes. Reading back tells.
        var publisher = new EventHubsClient(options.EventHubs, credential, clock, EventHub.WithoutRetry);
        var reader = new EventHubsClient(options.EventHubs, credential, clock);
        var stores = new ReplayStores(rejected, profiles, new EventHub("validated", publisher, reader, options.Group));
        stores._clients.AddRange([publisher, reader]);
        return stores;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync().ConfigureAwait(false);
    }

    // What is set on purpose (environment) goes before who is signed in (az), and both before what the machine happens to be. An
    // authority of one's own, AZURE_AUTHORITY_HOST, is not in the public list of instances, so it must not be looked up there.
    private static ChainedTokenCredential Credential()
    {
        var ownAuthority = Environment.GetEnvironmentVariable("AZURE_AUTHORITY_HOST") is { Length: > 0 };
        return new ChainedTokenCredential(
            new EnvironmentCredential(new EnvironmentCredentialOptions { DisableInstanceDiscovery = ownAuthority }),
            new AzureCliCredential(),
            new ManagedIdentityCredential(ManagedIdentityId.SystemAssigned));
    }
}
