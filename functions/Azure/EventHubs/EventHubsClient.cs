using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Azure.Core;

namespace Serverless.EventHubs;

/// <summary>Event Hubs over AMQP 1.0: publishes with partition keys, reads partitions, describes hubs.</summary>
/// <remarks>Thread-safe; one a process and namespace is enough. Holds one connection, made at the first call, and replaces it when
/// it dies. Tokens are asked for scope <c>https://eventhubs.azure.net/.default</c>.</remarks>
public sealed class EventHubsClient : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, HubSender> _senders = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _opening = new(1);
    private readonly TokenCredential _credential;
    private readonly TimeProvider _clock;
    private readonly EventHubsClientOptions _options;
    private readonly string _host;
    private readonly int _port;
    private HubConnection? _connection;
    private bool _disposed;

    /// <summary>Prepares a client; connects to nothing yet.</summary>
    /// <param name="fullyQualifiedNamespace"><c>name.servicebus.windows.net</c>, or <c>host:port</c>; the port is 5671 unless given.</param>
    /// <param name="credential">Who we are; needs the roles Azure Event Hubs Data Sender or Data Receiver.</param>
    /// <param name="clock">Wall clock: for the ends of tokens, and waits.</param>
    /// <param name="options">Times, bounds and trust.</param>
    public EventHubsClient(string fullyQualifiedNamespace, TokenCredential credential, TimeProvider clock, EventHubsClientOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(fullyQualifiedNamespace);
        var colon = fullyQualifiedNamespace.LastIndexOf(':');
        _host = colon < 0 ? fullyQualifiedNamespace : fullyQualifiedNamespace[..colon];
        _port = colon < 0 ? 5671 : int.Parse(fullyQualifiedNamespace.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture);
        (_credential, _clock, _options) = (credential, clock, options ?? new EventHubsClientOptions());
    }

    /// <summary>Publishes events and returns when the hub has accepted every one.</summary>
    /// <remarks>Events of one partition key keep the order of the list, through splits and retries. Different keys, and different
    /// calls, have no order between them. At least once: a retry after a lost connection may repeat a batch.</remarks>
    /// <param name="hub">The event hub.</param>
    /// <param name="events">The events; not to be changed meanwhile.</param>
    /// <param name="cancel">Cancels; events may land nevertheless.</param>
    /// <exception cref="EventRefusedException">An event that this hub can never take (<c>event-too-large</c>,
    /// <c>partition-key-length</c>); nothing was sent.</exception>
    /// <exception cref="EventHubsOutageException">It did not work inside the bound; says whether some may have landed.</exception>
    public Task Publish(string hub, IReadOnlyList<OutgoingEvent> events, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(events);
        return events.Count == 0 ? Task.CompletedTask : new Publication(hub, events, cancelOpen => Sender(hub, cancelOpen), _options, _clock).Run(cancel);
    }

    /// <summary>Opens a reader of one partition.</summary>
    /// <param name="hub">The event hub.</param>
    /// <param name="group">The consumer group, such as <c>$Default</c>.</param>
    /// <param name="partition">The partition's id.</param>
    /// <param name="position">Where to begin.</param>
    /// <param name="epoch">Owner level: of readers with a level only the highest, and among equals the newest, reads. Without a
    /// level up to five read side by side.</param>
    /// <param name="prefetch">How many events may wait in memory, 1 to 10,000; the broker sends no more until they are taken.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="ReceiverStolenException">A higher epoch reads there.</exception>
    /// <exception cref="EventHubsOutageException">It did not work inside the bound.</exception>
    public async Task<PartitionReceiver> OpenReceiver(
        string hub, string group, string partition, StartPosition position, long? epoch, int prefetch, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(prefetch, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefetch, 10_000);
        var receiver = new PartitionReceiver(new ReceiverTarget(hub, group, partition, epoch, prefetch, $"amqps://{_host}:{_port}/"), position, Connect, _options, _clock);
        await receiver.Open(cancel).ConfigureAwait(false);
        return receiver;
    }

    /// <summary>Describes a hub.</summary>
    /// <param name="hub">Its name.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="EventHubsOutageException">No such hub, no right, or no connection.</exception>
    public async Task<HubDescription> GetHub(string hub, CancellationToken cancel)
    {
        var map = await Manage(hub, new ApplicationProperties { ["operation"] = "READ", ["type"] = "com.microsoft:eventhub", ["name"] = hub }, cancel).ConfigureAwait(false);
        return new HubDescription(
            hub,
            map.GetValueOrDefault("created_at") as DateTimeOffset? ?? default,
            (map.GetValueOrDefault("partition_ids") as object?[] ?? []).OfType<string>().ToArray());
    }

    /// <summary>Describes a partition.</summary>
    /// <param name="hub">Its hub.</param>
    /// <param name="partition">Its id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="EventHubsOutageException">No such partition, no right, or no connection.</exception>
    public async Task<PartitionDescription> GetPartition(string hub, string partition, CancellationToken cancel)
    {
        var map = await Manage(
            hub, new ApplicationProperties { ["operation"] = "READ", ["type"] = "com.microsoft:partition", ["name"] = hub, ["partition"] = partition }, cancel).ConfigureAwait(false);
        return new PartitionDescription(
            hub,
            partition,
            map.GetValueOrDefault("begin_sequence_number") as long? ?? -1,
            map.GetValueOrDefault("last_enqueued_sequence_number") as long? ?? -1,
            map.GetValueOrDefault("last_enqueued_offset") as string ?? "",
            map.GetValueOrDefault("last_enqueued_time_utc") as DateTimeOffset? ?? default,
            map.GetValueOrDefault("is_partition_empty") as bool? ?? true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _opening.WaitAsync().ConfigureAwait(false);
        _disposed = true;
        _opening.Release();
        foreach (var sender in _senders.Values) sender.Close();
        if (_connection is not null) await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<HubConnection> Connect(CancellationToken cancel)
    {
        if (_connection is { IsOpen: true } live) return live;
        await _opening.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_connection is { IsOpen: true } newer) return newer;
            var dead = _connection;
            _connection = null;
            if (dead is not null) await dead.DisposeAsync().ConfigureAwait(false);
            return _connection = await HubConnection.Open(_host, _port, _credential, _clock, _options, cancel).ConfigureAwait(false);
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<HubSender> Sender(string hub, CancellationToken cancel)
    {
        if (_senders.TryGetValue(hub, out var known) && known.IsOpen) return known;
        using var limit = new CancellationTokenSource(_options.TryTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var connection = await Connect(either.Token).ConfigureAwait(false);
        await connection.Gate.WaitAsync(either.Token).ConfigureAwait(false);
        try
        {
            if (_senders.TryGetValue(hub, out known) && known.IsOpen) return known;
            return _senders[hub] = await HubSender.Open(connection, hub, $"amqps://{_host}:{_port}/{hub}", either.Token).ConfigureAwait(false);
        }
        finally
        {
            connection.Gate.Release();
        }
    }

    private async Task<Dictionary<string, object?>> Manage(string hub, ApplicationProperties question, CancellationToken cancel)
    {
        var backoff = new Backoff(_options, _clock);
        while (true)
        {
            string condition;
            Exception cause;
            try
            {
                using var limit = new CancellationTokenSource(_options.TryTimeout, _clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
                var connection = await Connect(either.Token).ConfigureAwait(false);
                await connection.Tokens.Authorise($"amqps://{_host}:{_port}/{hub}", either.Token).ConfigureAwait(false);
                var answer = await connection.Manage(new Message { ApplicationProperties = question }, either.Token).ConfigureAwait(false);
                if (answer is { Status: 200, Body: Dictionary<string, object?> map }) return map;
                condition = answer.Status switch { 404 => Conditions.NotFound, 401 or 403 => Conditions.Unauthorized, 503 => Conditions.ServerBusy, _ => "amqp:internal-error" };
                cause = new IOException($"$management answered {answer.Status}");
            }
            catch (Exception failure) when (Outages.IsOutage(failure, cancel))
            {
                (condition, cause) = (Outages.Condition(failure), failure);
            }

            if (!Conditions.IsTransient(condition) || !await backoff.Wait(condition, cancel).ConfigureAwait(false))
            {
                throw new EventHubsOutageException($"asking about hub '{hub}' failed: {cause.Message}", condition, mayHaveLanded: false, cause);
            }
        }
    }
}
