using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Amqp;
using Serverless.EventHubs.Wire;

namespace Serverless.Local.EventHubs;

/// <summary>Accepts connections on 127.0.0.1, does TLS and SASL with each on its own, and hands the rest to AMQPNetLite.</summary>
/// <remarks>AMQPNetLite's own listener does not close TLS sockets, coalesces what the JavaScript client then does not read, and puts no
/// bound on any of it; so it gets finished transports through its custom transport provider.</remarks>
internal sealed class AmqpFront : TransportProvider, IAsyncDisposable
{
    /// <summary>The largest frame we announce.</summary>
    public const int FrameBytesMax = 64 * 1024;

    // TLS, SASL and the protocol header; a peer that needs longer is no client.
    private static readonly TimeSpan HandshakeMax = TimeSpan.FromSeconds(20);
    private static readonly string[] Mechanisms = ["MSSBCBS", "ANONYMOUS"];
    private readonly ConcurrentDictionary<FramedTransport, Peer> _peers = new();
    private readonly Channel<FramedTransport> _ready = Channel.CreateUnbounded<FramedTransport>();
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly SslStreamCertificateContext _certificate;
    private readonly int _deliveryBytesMax;
    private readonly int _connectionsMax;
    private readonly TimeProvider _wall;
    private readonly Task _accepting;
    private int _connections;

    public AmqpFront(int port, X509Certificate2 certificate, int messageBytesMax, int connectionsMax, TimeProvider wall)
    {
        _wall = wall;
        AddressSchemes = ["amqps"];
        _certificate = SslStreamCertificateContext.Create(certificate, null, offline: true);
        _deliveryBytesMax = 2 * messageBytesMax; // a little too much gets a polite refusal, a lot closes the connection
        _connectionsMax = connectionsMax;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(256);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = Task.Run(Accept);
    }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Connections that live now, handshakes included.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Everybody whose connection AMQPNetLite drives.</summary>
    public IEnumerable<Peer> Peers => _peers.Values;

    /// <summary>The peer of a connection.</summary>
    /// <param name="connection">The connection.</param>
    public Peer? Find(Connection connection) => _peers.Values.FirstOrDefault(peer => ReferenceEquals(peer.Connection, connection));

    /// <inheritdoc/>
    public override async Task<IAsyncTransport> CreateAsync(Address address)
    {
        while (await _ready.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            if (_ready.Reader.TryRead(out var transport)) return transport;
        }

        // The caller's loop does not know that it ended: an exception would make it spin. It waits here, and is collected.
        return await new TaskCompletionSource<IAsyncTransport>().Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        _ready.Writer.TryComplete();
        while (_ready.Reader.TryRead(out var waiting)) waiting.Close();
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                if (Interlocked.Increment(ref _connections) > _connectionsMax)
                {
                    Interlocked.Decrement(ref _connections);
                    socket.Dispose();
                    continue;
                }

                _ = Greet(socket);
            }
            catch (Exception over) when (_stop.IsCancellationRequested && over is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            catch (SocketException)
            {
                // The peer left the queue before it was accepted.
            }
        }
    }

    private async Task Greet(Socket socket)
    {
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            socket.NoDelay = true;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(HandshakeMax);
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _certificate }, limit.Token).ConfigureAwait(false);
            var header = await Sasl.Accept(stream, Mechanisms, limit.Token).ConfigureAwait(false);
            var transport = new FramedTransport(stream, header, PayloadForm.AsSent, FrameBytesMax, _deliveryBytesMax);
            transport.Bound = connection => _peers[transport] = new Peer(connection, transport, _wall.GetUtcNow());
            transport.Closed = () =>
            {
                _peers.TryRemove(transport, out _);
                Interlocked.Decrement(ref _connections);
            };
            if (!_ready.Writer.TryWrite(transport)) transport.Close();
        }
        catch (Exception hostile) when (hostile is IOException or System.Security.Authentication.AuthenticationException or InvalidDataException or OperationCanceledException or ObjectDisposedException or SocketException or System.ComponentModel.Win32Exception)
        {
            // Garbage, a port scan, a client that does not trust us: its connection ends, nobody else's.
            await stream.DisposeAsync().ConfigureAwait(false);
            Interlocked.Decrement(ref _connections);
        }
    }
}
