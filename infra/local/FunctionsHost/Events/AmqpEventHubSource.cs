using Azure.Core;
using Serverless.EventHubs;
using Serverless.Local.Processes;
using Serverless.Local.Tls;

namespace Serverless.Local.FunctionsHost.Events;

/// <summary>An event hub over AMQP, by the settings of a trigger's connection.</summary>
public sealed class AmqpEventHubSource : IEventHubSource
{
    private const long OwnerLevel = 0; // the real processor's: exclusive, the newest reader wins

    private readonly EventHubsClient _client;
    private readonly string _hub;
    private readonly string _group;
    private IReadOnlyList<string>? _partitions; // never change on Standard

    private AmqpEventHubSource(string fullyQualifiedNamespace, EventHubsClient client, string hub, string group)
    {
        var colon = fullyQualifiedNamespace.LastIndexOf(':');
        FullyQualifiedNamespace = colon < 0 ? fullyQualifiedNamespace : fullyQualifiedNamespace[..colon];
        _client = client;
        _hub = hub;
        _group = group;
    }

    /// <inheritdoc/>
    public string FullyQualifiedNamespace { get; }

    /// <summary>Resolves a connection by its prefix: setting <c>{connection}__fullyQualifiedNamespace</c>, with the app's identity.</summary>
    /// <param name="settings">App settings.</param>
    /// <param name="connection">The trigger's <c>connection</c>.</param>
    /// <param name="hub">Event hub.</param>
    /// <param name="group">Consumer group.</param>
    /// <param name="credential">The app's identity.</param>
    /// <param name="authority">Whom to trust; the machine's roots without one.</param>
    /// <param name="clock">Wall clock.</param>
    /// <exception cref="LocalCloudException">The setting is missing.</exception>
    public static AmqpEventHubSource Open(
        IReadOnlyDictionary<string, string> settings, string connection, string hub, string group, TokenCredential credential, LocalAuthority? authority, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var name = $"{connection}__fullyQualifiedNamespace";
        if (!settings.TryGetValue(name, out var space)) throw new LocalCloudException($"the app setting '{name}' is missing: the trigger of hub '{hub}' reads its address there");
        var client = new EventHubsClient(space, credential, clock, new EventHubsClientOptions { TrustRoot = authority?.Certificate });
        return new AmqpEventHubSource(space, client, hub, group);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> Partitions(CancellationToken cancel) =>
        _partitions ??= (await _client.GetHub(_hub, cancel).ConfigureAwait(false)).PartitionIds;

    /// <inheritdoc/>
    public async Task<long> LastSequenceNumber(string partition, CancellationToken cancel) =>
        (await _client.GetPartition(_hub, partition, cancel).ConfigureAwait(false)).LastSequenceNumber;

    /// <inheritdoc/>
    public async Task<IPartitionReader> Open(string partition, PartitionStart from, int prefetch, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(from);
        var position = from.AfterSequenceNumber is { } after ? StartPosition.FromSequenceNumber(after)
            : from.AtTime is { } time ? StartPosition.FromEnqueuedTime(time)
            : from.AtEnd ? StartPosition.Latest
            : StartPosition.Earliest;
        try
        {
            return new Reader(await _client.OpenReceiver(_hub, _group, partition, position, OwnerLevel, prefetch, cancel).ConfigureAwait(false));
        }
        catch (ReceiverStolenException error)
        {
            throw new PartitionStolenException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>An event of the client as the trigger sees it.</summary>
    private static HubEvent Convert(ReceivedEvent item) => new(
        item.Body,
        item.SequenceNumber,
        item.Offset,
        item.EnqueuedTime,
        item.PartitionKey,
        [.. item.ApplicationProperties],
        [.. item.Annotations, .. item.Properties]);

    private sealed class Reader(PartitionReceiver receiver) : IPartitionReader
    {
        public async Task<IReadOnlyList<HubEvent>> Receive(int eventsMax, TimeSpan wait, CancellationToken cancel)
        {
            try
            {
                var events = await receiver.Receive(eventsMax, wait, cancel).ConfigureAwait(false);
                var converted = new HubEvent[events.Count];
                for (var index = 0; index < converted.Length; index++) converted[index] = Convert(events[index]);
                return converted;
            }
            catch (ReceiverStolenException error)
            {
                throw new PartitionStolenException(error.Message, error);
            }
        }

        public ValueTask DisposeAsync() => receiver.DisposeAsync();
    }
}
