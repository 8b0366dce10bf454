using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs.Tests;

/// <summary>A peer that sends any bytes it likes, at any stage of the connection.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly TcpClient _tcp = new();
    private SslStream? _tls;

    public Stream Stream => _tls ?? (Stream)_tcp.GetStream();

    public static async Task<RawPeer> Tcp(Broker broker)
    {
        var peer = new RawPeer();
        await peer._tcp.ConnectAsync(System.Net.IPAddress.Loopback, broker.Service.AmqpPort, Broker.Cancel);
        return peer;
    }

    public static async Task<RawPeer> Tls(Broker broker)
    {
        var peer = await Tcp(broker);
        peer._tls = new SslStream(peer._tcp.GetStream());
        await peer._tls.AuthenticateAsClientAsync((Broker.Quick with { TrustRoot = broker.Authority.Certificate }).Tls("localhost"), Broker.Cancel);
        return peer;
    }

    /// <summary>Through SASL, with open and one session sent.</summary>
    public static async Task<RawPeer> Amqp(Broker broker)
    {
        var peer = await Tls(broker);
        await Sasl.Ask(peer.Stream, "localhost", Broker.Cancel);
        await peer.Stream.WriteAsync(Sasl.AmqpHeader, Broker.Cancel);
        await peer.Send(0x10, writer =>
        {
            writer.Text("raw");
            return 1;
        });
        await peer.Send(0x11, writer =>
        {
            writer.Null();
            writer.Value(0u);
            writer.Value(2048u);
            writer.Value(2048u);
            return 4;
        });
        return peer;
    }

    /// <summary>Sends a performative on channel 0.</summary>
    public async Task Send(byte performative, Func<AmqpWriter, int> fields, byte[]? payload = null)
    {
        using var writer = new AmqpWriter();
        writer.Raw([0, 0, 0, 0, 2, 0, 0, 0]);
        writer.Descriptor(performative);
        var list = writer.Begin(0xd0);
        writer.End(list, fields(writer));
        writer.Raw(payload ?? []);
        var frame = writer.Written.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length);
        await Stream.WriteAsync(frame, Broker.Cancel);
    }

    /// <summary>Puts a token on <c>$cbs</c> and leaves the answer unread.</summary>
    public async Task PutToken(string token, string audience)
    {
        await Send(0x12, writer => Attach(writer, 0, "cbs", "$cbs", receives: true));
        await Send(0x12, writer => Attach(writer, 1, "cbs", "$cbs", receives: false));
        await Send(0x13, writer => Flow(writer, 0, 2048, 10));
        using var message = new AmqpWriter();
        message.Descriptor(0x73);
        var properties = message.Begin(0xd0);
        message.Text("1");
        for (var i = 0; i < 3; i++) message.Null();
        message.Text("cbs");
        message.End(properties, 5);
        BatchEncoder.Application(message, new Dictionary<string, object?> { ["operation"] = "put-token", ["type"] = "jwt", ["name"] = audience });
        message.Descriptor(0x77);
        message.Text(token);
        await Send(0x14, writer => Transfer(writer, 1, more: false), message.Written.ToArray());
        await Task.Delay(300, Broker.Cancel);
    }

    /// <summary>Fields of an attach.</summary>
    public static int Attach(AmqpWriter writer, uint handle, string name, string address, bool receives)
    {
        writer.Text(name);
        writer.Value(handle);
        writer.Value(receives);
        writer.Null();
        writer.Null();
        Terminus(0x28, receives ? address : null);
        Terminus(0x29, receives ? null : address);
        writer.Null();
        writer.Null();
        writer.Value(0u);
        return 10;

        void Terminus(byte descriptor, string? at)
        {
            writer.Descriptor(descriptor);
            var list = writer.Begin(0xd0);
            if (at is not null) writer.Text(at);
            writer.End(list, at is null ? 0 : 1);
        }
    }

    /// <summary>Fields of a flow.</summary>
    public static int Flow(AmqpWriter writer, uint handle, int window, int credit)
    {
        writer.Value(0u);
        writer.Value((uint)window);
        writer.Value(0u);
        writer.Value(2048u);
        writer.Value(handle);
        writer.Value(0u);
        writer.Value((uint)credit);
        return 7;
    }

    /// <summary>Fields of a transfer.</summary>
    public static int Transfer(AmqpWriter writer, uint handle, bool more)
    {
        writer.Value(handle);
        writer.Value(0u);
        writer.Value(new byte[] { 1 });
        writer.Value(0u);
        writer.Value(false);
        writer.Value(more);
        return 6;
    }

    /// <summary>Sends a whole frame around raw bytes.</summary>
    public async Task Frame(byte[] body)
    {
        var frame = new byte[8 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length);
        frame[4] = 2;
        body.CopyTo(frame, 8);
        await Stream.WriteAsync(frame, Broker.Cancel);
    }

    /// <summary>Whether the broker ends the connection within the time.</summary>
    public async Task<bool> IsClosedBy(TimeSpan limit)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Broker.Cancel);
        cancel.CancelAfter(limit);
        var buffer = new byte[4096];
        try
        {
            while (await Stream.ReadAsync(buffer, cancel.Token) > 0)
            {
                // whatever it still says
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_tls is not null) await _tls.DisposeAsync();
        _tcp.Dispose();
    }
}
