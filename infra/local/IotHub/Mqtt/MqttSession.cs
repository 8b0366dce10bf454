using System.Buffers;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Mqtt;

/// <summary>One device's live connection: reads its packets in order, writes ours in order, ends for one reason.</summary>
/// <remarks>IoT Hub is not a broker: nothing a device publishes reaches another device, so there is no subscription matching here.
/// An end is never explained to the device (MQTT 3.1.1 has no server DISCONNECT); the reason is counted: those of
/// <see cref="HandlePublish"/>, <see cref="HandleSubscribe"/> and <see cref="MqttWire.Read"/>, <c>packet-unexpected</c> (a second CONNECT, or
/// what only servers send), <c>keep-alive</c> (silence), <c>token-expired</c>, <c>slow-reader</c> (does not take what is sent to it),
/// <c>evicted</c> (a newer connection), <c>connection-closed</c> (without DISCONNECT), <c>route-failed</c> (the event hub's exception), and
/// the registry's <c>device-disabled</c>, <c>device-deleted</c>, <c>credentials-changed</c>, <c>hub-stopped</c>.</remarks>
internal sealed partial class MqttSession : ILiveSession, IDisposable
{
    // Packets written but not yet taken by the socket. A device that stops reading is cut, not buffered for.
    private const int OutboxMax = 256;
    private readonly Hub _hub;
    private readonly MqttWire _wire;
    private readonly MqttConnectPacket _connect;
    private readonly Admission _admission;
    private readonly DeviceRecord _device;
    private readonly TimeSpan _silence;
    private readonly Channel<MqttPacket> _outbox = System.Threading.Channels.Channel.CreateBounded<MqttPacket>(
        new BoundedChannelOptions(OutboxMax) { SingleReader = true });

    private readonly CancellationTokenSource _end;
    private readonly Lock _endGate = new();
    private Fault? _cut;
    private bool _disposed;
    private ushort _packetId;

    private MqttSession(Hub hub, MqttWire wire, MqttConnectPacket connect, Admission admission)
    {
        (_hub, _wire, _connect, _admission, _device) = (hub, wire, connect, admission, admission.Device);
        // MQTT 3.1.1 section 3.1.2.10: one and a half times the keep-alive; the hub caps it.
        var asked = TimeSpan.FromSeconds(connect.KeepAlivePeriod * 1.5);
        _silence = asked == TimeSpan.Zero || asked > HubLimits.SilenceMax ? HubLimits.SilenceMax : asked;
        _end = new CancellationTokenSource(_silence, hub.Wall);
    }

    private string DeviceId => _admission.Identity.DeviceId;

    private bool Live => ReferenceEquals(_device.Session, this);

    /// <summary>Serves an admitted connection to its end.</summary>
    public static async Task Serve(Hub hub, MqttWire wire, MqttConnectPacket connect, Admission admission, ConnectionContext connection)
    {
        using var session = new MqttSession(hub, wire, connect, admission);
        if (!session.Join())
        {
            // Disabled, deleted or re-keyed between the decision and now.
            hub.Counters.Add("connects.refused.device-changed");
            await wire.Write(Connack(MqttConnectReturnCode.ConnectionRefusedNotAuthorized, false), connection.ConnectionClosed).ConfigureAwait(false);
            return;
        }

        using var expiry = admission.ExpiresAt is { } end
            ? hub.Wall.CreateTimer(_ => session.Cut(new Fault("token-expired", "se")), null, Later(end - hub.Wall.GetUtcNow()), Timeout.InfiniteTimeSpan)
            : null;
        await session.Run().ConfigureAwait(false);
    }

    public static MqttConnAckPacket Connack(MqttConnectReturnCode code, bool sessionPresent) => new() { ReturnCode = code, IsSessionPresent = sessionPresent };

    /// <inheritdoc/>
    public void Cut(Fault reason)
    {
        lock (_endGate)
        {
            if (_disposed) return;
            _cut ??= reason;
            _ = _end.CancelAsync(); // never inline: the caller holds the device's gate
        }
    }

    public void Dispose()
    {
        lock (_endGate)
        {
            _disposed = true;
            _end.Dispose();
        }
    }

    // A timer takes at most about 49 days; a token that lives longer outlives every run of this program.
    private static TimeSpan Later(TimeSpan due) => due <= TimeSpan.Zero ? TimeSpan.Zero : due < TimeSpan.FromDays(40) ? due : Timeout.InfiniteTimeSpan;

    private bool Join()
    {
        lock (_device.Gate)
        {
            if (_device.Deleted || !ReferenceEquals(_device.Identity, _admission.Identity)) return false;
            _hub.Registry.Disconnect(_device, new Fault("evicted", "clientId")); // one connection a device; the newer one stays
            var present = !_connect.CleanSession && _device.KeptSubscriptions.Count > 0;
            if (_connect.CleanSession) _device.KeptSubscriptions.Clear();
            _device.Session = this;
            _device.LastActivityAt = _hub.Clock.GetUtcNow();
            Post(Connack(MqttConnectReturnCode.ConnectionAccepted, present)); // first in the outbox: deliveries need the gate
            _hub.Events.Connection(_device, connected: true);
            _hub.Counters.Add("connects.accepted");
            DeliverQueue();
            _device.SignalReachable();
        }

        return true;
    }

    private async Task Run()
    {
        var writing = WriteOutbox();
        Fault? reason = null;
        var clean = false;
        try
        {
            (reason, clean) = await ReadPackets().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            reason = _cut ?? new Fault("keep-alive", "connection");
        }
        catch (Exception broken) when (broken is IOException or ConnectionAbortedException or ConnectionResetException)
        {
            reason = new Fault("connection-closed", "connection");
        }
        finally
        {
            // An exception of a route passes through to the server; the session leaves the registry first.
            reason = clean ? null : reason ?? new Fault("route-failed", "route");
            try
            {
                Leave(reason);
            }
            finally
            {
                _hub.Counters.Add(reason is null ? "sessions.closed" : "sessions.cut." + reason.Code);
                _outbox.Writer.TryComplete();
                await _end.CancelAsync().ConfigureAwait(false);
                await writing.ConfigureAwait(false);
            }
        }
    }

    private async Task<(Fault? Reason, bool Clean)> ReadPackets()
    {
        while (true)
        {
            if (!(await _wire.Read(HubLimits.PacketBytesMax, _end.Token).ConfigureAwait(false)).TryGet(out var packet, out var fault)) return (fault, false);
            _end.CancelAfter(_silence); // a whole packet is a sign of life, a trickle of bytes is not
            if (packet is MqttDisconnectPacket) return (null, true);
            if (await Handle(packet).ConfigureAwait(false) is { } cut) return (cut, false);
        }
    }

    private async ValueTask<Fault?> Handle(MqttPacket packet)
    {
        switch (packet)
        {
            case MqttPublishPacket publish:
                return await HandlePublish(publish).ConfigureAwait(false);
            case MqttPubAckPacket ack:
                lock (_device.Gate)
                {
                    if (Live && _device.Queue.Complete(ack.PacketIdentifier)) _hub.Counters.Add("c2d.completed");
                }

                return null;
            case MqttSubscribePacket subscribe:
                return await HandleSubscribe(subscribe).ConfigureAwait(false);
            case MqttUnsubscribePacket unsubscribe:
                lock (_device.Gate)
                {
                    if (Live) unsubscribe.TopicFilters.ForEach(filter => _device.KeptSubscriptions.Remove(filter));
                }

                await Send(new MqttUnsubAckPacket { PacketIdentifier = unsubscribe.PacketIdentifier }).ConfigureAwait(false);
                return null;
            case MqttPingReqPacket:
                await Send(MqttPingRespPacket.Instance).ConfigureAwait(false);
                return null;
            default: // a second CONNECT, or a packet only servers send
                return new Fault("packet-unexpected", "packet");
        }
    }

    private async Task WriteOutbox()
    {
        try
        {
            await foreach (var packet in _outbox.Reader.ReadAllAsync(_end.Token).ConfigureAwait(false))
            {
                await _wire.Write(packet, _end.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The session ended; what is unsent stays unsent.
        }
        catch (Exception broken) when (broken is IOException or ConnectionAbortedException or ConnectionResetException or InvalidOperationException)
        {
            Cut(new Fault("connection-closed", "connection"));
        }
    }

    // Waits for room: the read loop's own answers, where waiting is back-pressure on the device.
    private ValueTask Send(MqttPacket packet) => _outbox.Writer.WriteAsync(packet, _end.Token);

    // Does not wait: for callers that hold the gate.
    private void Post(MqttPacket packet)
    {
        if (!_outbox.Writer.TryWrite(packet)) Cut(new Fault("slow-reader", "connection"));
    }

    private void Publish(string topic, ReadOnlyMemory<byte> payload, int qos, ushort packetId) => Post(new MqttPublishPacket
    {
        Topic = topic,
        Payload = new ReadOnlySequence<byte>(payload),
        QualityOfServiceLevel = (MqttQualityOfServiceLevel)qos,
        PacketIdentifier = packetId,
    });

    private ushort NextPacketId() => _packetId = _packetId == ushort.MaxValue ? (ushort)1 : (ushort)(_packetId + 1);

    private void Leave(Fault? reason)
    {
        lock (_device.Gate)
        {
            if (Live) // else evicted, disabled or deleted: whoever did it has already said so
            {
                if (_connect.CleanSession) _device.KeptSubscriptions.Clear();
                try
                {
                    if (reason is not null) PublishWill();
                }
                finally
                {
                    _hub.Registry.Disconnect(_device, reason ?? new Fault("connection-closed", "connection"));
                }
            }
        }
    }
}
