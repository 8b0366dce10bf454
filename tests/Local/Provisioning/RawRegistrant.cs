using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.Local.Provisioning;
using Serverless.Local.Tests.IotHub;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>A device that writes bytes to DPS, for what no SDK would send.</summary>
internal sealed class RawRegistrant : IAsyncDisposable
{
    private readonly TcpClient _tcp = new();
    private SslStream? _tls;

    private static CancellationToken Cancel => ProvisioningFixture.Cancel;

    public static async Task<RawRegistrant> Open(ProvisioningFixture dps, X509Certificate2? leaf = null)
    {
        var device = new RawRegistrant();
        await device._tcp.ConnectAsync("127.0.0.1", dps.Service.MqttPort, Cancel);
        device._tls = new SslStream(device._tcp.GetStream());
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(ProvisioningFixture.Authority.Certificate);
        await device._tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = ProvisioningOptions.GlobalHostName,
                ClientCertificates = leaf is null ? null : [leaf],
                LocalCertificateSelectionCallback = (_, _, _, _, _) => leaf!,
                CertificateChainPolicy = trust,
            },
            Cancel);
        return device;
    }

    /// <summary>Opens and is let in, with a certificate of any kind; listens for answers.</summary>
    public static async Task<RawRegistrant> Connect(ProvisioningFixture dps, string id, X509Certificate2? leaf = null, bool listens = true)
    {
        using var any = leaf is null ? ProvisioningFixture.Authority.IssueDevice(id) : null;
        var device = await Open(dps, leaf ?? any);
        await device.Send(Connect(dps.Service.IdScope, id));
        Assert.Equal([0x20, 0x02, 0x00, 0x00], await device.Read(4));
        if (!listens) return device;
        Assert.Equal([0x90, 0x03, 0x00, 0x05, 0x00], await device.Subscribe("$dps/registrations/res/#", 0));
        return device;
    }

    public static byte[] Connect(string scope, string id, string? userName = null, string? clientId = null, byte flags = 0x82, ushort keepAlive = 60, byte[]? rest = null) => RawDevice.Packet(
        0x10,
        [
            .. RawDevice.Text("MQTT"), 4, flags, (byte)(keepAlive >> 8), (byte)(keepAlive & 0xFF), .. RawDevice.Text(clientId ?? id),
            .. (flags & 0x04) == 0 ? [] : (byte[])[.. RawDevice.Text("will"), 0, 1, 0x21],
            .. RawDevice.Text(userName ?? $"{scope}/registrations/{id}/api-version=2019-03-31"), .. rest ?? [],
        ]);

    public async Task<byte[]> Subscribe(string filter, byte qos)
    {
        await Send(RawDevice.Packet(0x82, [0, 5, .. RawDevice.Text(filter), qos]));
        return await Read(5);
    }

    public Task Publish(string topic, string body) => Send(RawDevice.PublishPacket(topic, Encoding.UTF8.GetBytes(body)));

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

    /// <summary>The next answer, sent at QoS 0.</summary>
    public async Task<(string Topic, JsonObject Body)> Next()
    {
        Assert.Equal([0x30], await Read(1));
        var (length, shift) = (0, 0);
        byte part;
        do
        {
            part = (await Read(1))[0];
            length |= (part & 0x7F) << shift;
            shift += 7;
        }
        while ((part & 0x80) != 0);
        var packet = await Read(length);
        var topic = (packet[0] << 8) | packet[1];
        return (Encoding.UTF8.GetString(packet, 2, topic), (JsonObject)JsonNode.Parse(packet.AsSpan(2 + topic))!);
    }

    /// <summary>Everything the service still sends before it closes; fails when it does not close.</summary>
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
