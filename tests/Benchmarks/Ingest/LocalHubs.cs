using Serverless.EventHubs;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.Tls;
using Serverless.Telemetry.Publishing;

namespace Serverless.Benchmarks.Ingest;

/// <summary>The local Event Hubs in this process, and the app's own clients to it: AMQP over TLS on loopback.</summary>
internal sealed class LocalHubs : IAsyncDisposable
{
    private static readonly Principal Owner = new(
        "owner", Guid.Parse("00000000-0000-0000-0000-000000000001"), Guid.Parse("00000000-0000-0000-0000-000000000002"),
        [new RoleAssignment("Azure Event Hubs Data Owner", "eventhubs")], []);

    private readonly DirectoryInfo _folder;
    private readonly EventHubsService _service;
    private readonly EventHubsClient _publisher;
    private readonly EventHubsClient _reader;
    private int _passes;

    private LocalHubs(DirectoryInfo folder, EventHubsService service, EventHubsClient publisher, EventHubsClient reader)
    {
        (_folder, _service, _publisher, _reader) = (folder, service, publisher, reader);
        Validated = new EventHub("validated", publisher, reader, "$Default");
        Alerts = new EventHub("alerts", publisher, reader, "$Default");
    }

    public IHub Validated { get; }

    public IHub Alerts { get; }

    /// <summary>Events in hub <c>validated</c> since the start.</summary>
    public long Appended => _service.AppendedByHub["validated"];

    /// <summary>Passes begun.</summary>
    public int Passes => _passes;

    public static async Task<LocalHubs> Start()
    {
        var clock = TimeProvider.System;
        var folder = Directory.CreateTempSubdirectory("ingest-hubs-");
        var directory = new TenantDirectory([Owner]);
        var tokens = new Tokens(directory, Guid.Parse("00000000-0000-0000-0000-00000000000f"), clock);
        var authority = new LocalAuthority(folder.FullName, clock.GetUtcNow());
        var service = await EventHubsService.Start(new EventHubsOptions(), authority, tokens, directory, clock, clock, CancellationToken.None).ConfigureAwait(false);
        var credential = new LocalCredential(tokens, Owner);
        return new LocalHubs(
            folder, service,
            new EventHubsClient(service.FullyQualifiedNamespace, credential, clock, EventHub.WithoutRetry with { TrustRoot = authority.Certificate }),
            new EventHubsClient(service.FullyQualifiedNamespace, credential, clock, new EventHubsClientOptions { TrustRoot = authority.Certificate }));
    }

    public void Began() => Interlocked.Increment(ref _passes);

    public async ValueTask DisposeAsync()
    {
        await _publisher.DisposeAsync().ConfigureAwait(false);
        await _reader.DisposeAsync().ConfigureAwait(false);
        await _service.DisposeAsync().ConfigureAwait(false);
        _folder.Delete(recursive: true);
    }
}
