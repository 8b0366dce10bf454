using System.Collections.Frozen;
using Amqp;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.EventHubs;

/// <summary>The local Event Hubs: AMQP 1.0 over TLS and HTTPS send, on 127.0.0.1, for Microsoft's own clients and ours.</summary>
/// <remarks>For development and tests: in memory, one process, loopback only. Thread-safe.</remarks>
public sealed class EventHubsService : IEventRoute, IAsyncDisposable
{
    private readonly FrozenDictionary<string, HubLog> _hubs;
    private readonly AmqpFront _front;
    private readonly BrokerHost _host;
    private readonly HttpsSend _https;
    private readonly ITimer _sweep;
    private readonly TimeProvider _wall;
    private bool _disposed;
    private readonly System.Security.Cryptography.X509Certificates.X509Certificate2 _certificate;

    private EventHubsService(
        EventHubsOptions options, LocalAuthority authority, Tokens tokens, TenantDirectory directory, TimeProvider clock, TimeProvider wall)
    {
        _wall = wall;
        _hubs = options.Hubs.ToFrozenDictionary(hub => hub.Name, hub => new HubLog(hub, options, clock), StringComparer.OrdinalIgnoreCase);
        Policy = options.SharedAccess ? SharedAccessPolicy.Create("local-tools") : null;
        var desk = new TokenDesk(tokens, directory, Policy, wall);
        _certificate = authority.IssueServer();
        _front = new AmqpFront(options.AmqpPort, _certificate, options.MessageBytesMax, options.ConnectionsMax, wall);
        _host = new BrokerHost(new Address("127.0.0.1", _front.Port, null, null, "/", "amqps"));
        _host.CustomTransports.Add("amqps", _front);
        var connections = 0L;
        var listener = _host.Listeners[0];
        listener.BufferManager = new BufferManager(256, 128 * 1024, 64 * 1024 * 1024);
        listener.AMQP.MaxFrameSize = AmqpFront.FrameBytesMax;
        listener.AMQP.IdleTimeout = 240_000;
        listener.AMQP.MaxSessionsPerConnection = 1024; // the JavaScript client uses a session a link
        listener.AMQP.MaxLinksPerSession = 256;
        listener.HandlerFactory = _ => new UniqueContainer(Interlocked.Increment(ref connections));
        _host.RegisterLinkProcessor(new BrokerNodes(_hubs, _front, desk, options.MessageBytesMax, Fault, wall));
        _https = new HttpsSend(_hubs, desk, options.MessageBytesMax, Fault);
        _sweep = wall.CreateTimer(_ => Sweep(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>The AMQP port on 127.0.0.1.</summary>
    public int AmqpPort => _front.Port;

    /// <summary>The HTTPS port on 127.0.0.1.</summary>
    public int HttpsPort => _https.Port;

    /// <summary>What clients take for the namespace: <c>localhost:port</c>.</summary>
    public string FullyQualifiedNamespace => $"localhost:{AmqpPort}";

    /// <summary>The shared access policy, if the options asked for one.</summary>
    public SharedAccessPolicy? Policy { get; }

    /// <summary>Plays faults on publishers, by hub name; asked once a transfer, on an I/O thread.</summary>
    public Func<string, PublishFault>? FaultOnPublish { get; set; }

    /// <summary>AMQP connections that live now.</summary>
    public int Connections => _front.Connections;

    /// <summary>Events appended since start, all hubs.</summary>
    public long Appended => _hubs.Values.Sum(hub => hub.Appended);

    /// <summary>Events appended since start, by hub.</summary>
    public IReadOnlyDictionary<string, long> AppendedByHub => _hubs.ToDictionary(hub => hub.Key, hub => hub.Value.Appended);

    /// <summary>The state of every partition.</summary>
    public IReadOnlyList<PartitionHead> PartitionHeads => [.. _hubs.Values.SelectMany(hub => hub.Partitions).Select(log => log.Head)];

    /// <summary>Starts the broker; it listens when this returns.</summary>
    /// <param name="options">Hubs, bounds, ports.</param>
    /// <param name="authority">Issues the server certificate.</param>
    /// <param name="tokens">Verifies callers.</param>
    /// <param name="directory">Their roles.</param>
    /// <param name="clock">Device time: enqueued times and retention.</param>
    /// <param name="wall">Wall time: the ends of tokens.</param>
    /// <param name="cancel">Cancels the start.</param>
    /// <exception cref="System.Net.Sockets.SocketException">A port is taken.</exception>
    public static async Task<EventHubsService> Start(
        EventHubsOptions options, LocalAuthority authority, Tokens tokens, TenantDirectory directory, TimeProvider clock, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(authority);
        var service = new EventHubsService(options, authority, tokens, directory, clock, wall);
        service._host.Open();
        try
        {
            await service._https.Start(options.HttpsPort, service._certificate, cancel).ConfigureAwait(false);
            return service;
        }
        catch
        {
            await service.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Append(string hub, EventDraft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        if (!_hubs.TryGetValue(hub, out var log)) throw new KeyNotFoundException($"no event hub '{hub}'");
        var one = Publishing.Encode(draft);
        if (log.Append([one], draft.PartitionKey, null, draft.EnqueuedAt) is { } refusal) throw new ArgumentException(refusal.Description, nameof(draft));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true)) return;
        await _sweep.DisposeAsync().ConfigureAwait(false);
        await _https.DisposeAsync().ConfigureAwait(false);
        await _front.DisposeAsync().ConfigureAwait(false);
        _host.Close();
        foreach (var peer in _front.Peers) peer.Abort();
        _certificate.Dispose();
    }

    private PublishFault Fault(string hub) => FaultOnPublish?.Invoke(hub) ?? PublishFault.None;

    private void Sweep()
    {
        var now = _wall.GetUtcNow();
        foreach (var peer in _front.Peers) peer.Sweep(now);
    }
}
