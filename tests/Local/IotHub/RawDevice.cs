using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Serverless.Local.Tests.IotHub;

/// <summary>A device that writes bytes, for what no MQTT library would send.</summary>
public sealed class RawDevice : IAsyncDisposable
{
    private readonly TcpClient _tcp = new();
    private SslStream? _tls;

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Opens TLS; with <paramref name="chain"/> the intermediates are sent too, which MQTTnet's client does not do on Linux.</summary>
    public static async Task<RawDevice> Open(HubFixture hub, X509Certificate2? certificate = null, SslStreamCertificateContext? chain = null)
    {
        var device = new RawDevice();
        await device._tcp.ConnectAsync("127.0.0.1", hub.Service.MqttPort, Cancel);
        device._tls = new SslStream(device._tcp.GetStream());
        await device._tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = hub.Service.HostName,
                ClientCertificates = certificate is null ? null : [certificate],
                ClientCertificateContext = chain,
                RemoteCertificateValidationCallback = (_, shown, _, _) => hub.IssuedByAuthority(shown),
            },
            Cancel);
        return device;
    }

    /// <summary>Opens, sends a good CONNECT and reads its CONNACK.</summary>
    public static async Task<RawDevice> Connect(HubFixture hub, string deviceId, X509Certificate2 certificate)
    {
        var device = await Open(hub, certificate);
        await device.Send(ConnectPacket(hub, deviceId));
        Assert.Equal([0x20, 0x02, 0x00, 0x00], await device.Read(4));
        return device;
    }

    public static byte[] ConnectPacket(HubFixture hub, string deviceId, byte level = 4, string name = "MQTT", byte flags = 0x82, ushort keepAlive = 60) => Packet(
        0x10,
        [.. Text(name), level, flags, (byte)(keepAlive >> 8), (byte)(keepAlive & 0xFF), .. Text(deviceId), .. Text($"{hub.Service.HostName}/{deviceId}/?api-version=2021-04-12")]);

    public static byte[] PublishPacket(string topic, byte[] payload, byte first = 0x30) =>
        Packet(first, (first & 6) == 0 ? [.. Text(topic), .. payload] : [.. Text(topic), 0, 7, .. payload]);

    public static byte[] Packet(byte first, byte[] body)
    {
        var head = new List<byte> { first };
        var length = body.Length;
        do
        {
            head.Add((byte)((length & 0x7F) | (length > 0x7F ? 0x80 : 0)));
            length >>= 7;
        }
        while (length > 0);
        return [.. head, .. body];
    }

    public static byte[] Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return [(byte)(bytes.Length >> 8), (byte)(bytes.Length & 0xFF), .. bytes];
    }

    public async Task Send(params byte[] bytes)
    {
        await _tls!.WriteAsync(bytes, Cancel);
        await _tls.FlushAsync(Cancel);
    }

    public async Task<byte[]> Read(int count)
    {
        var bytes = new byte[count];
        await _tls!.ReadExactlyAsync(bytes, Cancel);
        return bytes;
    }

    /// <summary>Everything the hub still sends before it closes; fails when it does not close.</summary>
    public async Task<byte[]> ReadToClose()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(10));
        using var all = new MemoryStream();
        try
        {
            await _tls!.CopyToAsync(all, patience.Token);
        }
        catch (IOException)
        {
            // A reset is a close.
        }

        return all.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        if (_tls is not null) await _tls.DisposeAsync();
        _tcp.Dispose();
    }
}
