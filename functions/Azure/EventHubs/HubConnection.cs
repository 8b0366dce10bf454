using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Amqp;
using Amqp.Framing;
using Amqp.Handler;
using Azure.Core;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>One AMQP connection to a namespace: TLS, SASL ANONYMOUS, and the tokens that its links need. Dies once and is replaced.</summary>
internal sealed class HubConnection : IAsyncDisposable
{
    /// <summary>The largest frame we accept.</summary>
    public const int FrameBytesMax = 64 * 1024;

    // A message of the largest tier and its envelope; more would be the broker's fault.
    private const int DeliveryBytesMax = 2 * 1024 * 1024;
    private static readonly BufferManager Buffers = new(256, 128 * 1024, 32 * 1024 * 1024);
    private readonly Connection _connection;
    private readonly SemaphoreSlim _opening = new(1);
    private RequestLink? _management;

    private HubConnection(Connection connection, HubTokens tokens)
    {
        _connection = connection;
        Tokens = tokens;
    }

    /// <summary>Whether it still carries links.</summary>
    public bool IsOpen => !_connection.IsClosed;

    /// <summary>The tokens put on this connection.</summary>
    public HubTokens Tokens { get; }

    /// <summary>Held while a link is opened, so that callers that want the same link do not open two.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    /// <summary>AMQPNetLite's connection.</summary>
    public Connection Amqp => _connection;

    /// <summary>Connects.</summary>
    /// <param name="host">The namespace's host name; TLS checks it.</param>
    /// <param name="port">The port.</param>
    /// <param name="credential">Who we are.</param>
    /// <param name="clock">For token ends and waits.</param>
    /// <param name="options">Trust and timeouts.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public static async Task<HubConnection> Open(
        string host, int port, TokenCredential credential, TimeProvider clock, EventHubsClientOptions options, CancellationToken cancel)
    {
        var transport = await Secure(host, port, options, cancel).ConfigureAwait(false);
        try
        {
            var factory = new ConnectionFactory([new ReadyTransport(transport)]) { BufferManager = Buffers };
            factory.AMQP.ContainerId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
            factory.AMQP.HostName = host;
            factory.AMQP.IdleTimeout = 120_000; // we say half of it, 60 s, as the service's own clients do
            factory.AMQP.MaxFrameSize = FrameBytesMax + FramedTransport.OpaqueBytes;
            var connection = await factory.CreateAsync(new Address(host, port, null, null, "/", "amqps"), cancel, new FrameSizeHandler()).ConfigureAwait(false);
            var cbs = await RequestLink.Open(connection, "$cbs", "cbs", cancel).ConfigureAwait(false);
            return new HubConnection(connection, new HubTokens(cbs, credential, clock, options));
        }
        catch
        {
            transport.Close();
            throw;
        }
    }

    /// <summary>Asks <c>$management</c>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public async Task<RequestAnswer> Manage(Message request, CancellationToken cancel)
    {
        await _opening.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (_management is not { IsOpen: true }) _management = await RequestLink.Open(_connection, "$management", "management", cancel).ConfigureAwait(false);
        }
        finally
        {
            _opening.Release();
        }

        return await _management.Ask(request, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Tokens.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _connection.CloseAsync(TimeSpan.FromSeconds(2), null).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is AmqpException or TimeoutException or IOException or ObjectDisposedException)
        {
            // The peer was gone already: nothing is left to close.
        }

        _opening.Dispose();
    }

    private static async Task<FramedTransport> Secure(string host, int port, EventHubsClientOptions options, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(host, port, cancel).ConfigureAwait(false);
            var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            stream = tls;
            await tls.AuthenticateAsClientAsync(options.Tls(host), cancel).ConfigureAwait(false);
            await Sasl.Ask(tls, host, cancel).ConfigureAwait(false);
            return new FramedTransport(tls, default, PayloadForm.Opaque, FrameBytesMax, DeliveryBytesMax);
        }
        catch
        {
            socket.Dispose();
            if (stream is not null) await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private sealed class ReadyTransport : TransportProvider
    {
        private readonly FramedTransport _transport;

        public ReadyTransport(FramedTransport transport)
        {
            _transport = transport;
            AddressSchemes = ["amqps"];
        }

        public override Task<IAsyncTransport> CreateAsync(Address address) => Task.FromResult<IAsyncTransport>(_transport);
    }

    // AMQPNetLite checks incoming frames against the size it announces; ours arrive a few bytes longer than the peer sent them.
    private sealed class FrameSizeHandler : IHandler
    {
        public bool CanHandle(EventId id) => id == EventId.ConnectionLocalOpen;

        public void Handle(Event protocolEvent) => ((Open)protocolEvent.Context).MaxFrameSize = FrameBytesMax;
    }
}
