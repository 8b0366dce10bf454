using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Connections;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Mqtt;
using Serverless.Local.Provisioning.Access;

namespace Serverless.Local.Provisioning.Devices;

/// <summary>One device's connection: a request, its answer, the next. Nothing is ever sent unasked, so reading and writing take turns and a
/// device that stops reading stops being read.</summary>
/// <remarks>An end is never explained to the device; it is counted as <c>sessions.cut.{fault}</c>: <c>topic-unknown</c>, <c>publish-qos2</c>,
/// <c>packet-unexpected</c>, <c>packet-malformed</c>, <c>keep-alive</c> (silence), <c>connection-closed</c>, and those of <see cref="MqttWire.Read"/>.</remarks>
internal sealed class DeviceMqttSession(Dps dps, DeviceApi api, MqttWire wire, DeviceProof proof, MqttConnectPacket connect)
{
    private int? _granted;
    private ushort _packetId;

    /// <summary>Serves until either side ends it.</summary>
    /// <param name="closed">The socket is gone, or the server stops.</param>
    public async Task Run(CancellationToken closed)
    {
        // MQTT 3.1.1 section 3.1.2.10: one and a half times the keep-alive; the service caps it.
        var asked = TimeSpan.FromSeconds(connect.KeepAlivePeriod * 1.5);
        var silence = asked == TimeSpan.Zero || asked > ProvisioningLimits.SilenceMax ? ProvisioningLimits.SilenceMax : asked;
        using var quiet = new CancellationTokenSource(silence, dps.Wall);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(quiet.Token, closed);
        Fault? reason;
        try
        {
            do
            {
                reason = (await wire.Read(ProvisioningLimits.PacketBytesMax, end.Token).ConfigureAwait(false)).TryGet(out var packet, out var fault) ? null : fault;
                quiet.CancelAfter(silence); // a whole packet is a sign of life, a trickle of bytes is not
                if (packet is MqttDisconnectPacket)
                {
                    dps.Counters.Add("sessions.closed");
                    return;
                }

                reason ??= await Handle(packet!, end.Token).ConfigureAwait(false);
            }
            while (reason is null);
        }
        catch (OperationCanceledException)
        {
            reason = quiet.IsCancellationRequested ? new Fault("keep-alive", "connection") : new Fault("connection-closed", "connection");
        }
        catch (Exception broken) when (broken is IOException or ConnectionAbortedException or ConnectionResetException)
        {
            reason = new Fault("connection-closed", "connection");
        }

        dps.Counters.Add("sessions.cut." + reason.Code);
    }

    private async ValueTask<Fault?> Handle(MqttPacket packet, CancellationToken cancel)
    {
        switch (packet)
        {
            case MqttPublishPacket publish:
                return await Publish(publish, cancel).ConfigureAwait(false);
            case MqttSubscribePacket subscribe:
                if (subscribe.TopicFilters.Count == 0) return new Fault("packet-malformed", "packet"); // MQTT-3.8.3-3
                await wire.Write(new MqttSubAckPacket { PacketIdentifier = subscribe.PacketIdentifier, ReasonCodes = [.. subscribe.TopicFilters.Select(Grant)] }, cancel).ConfigureAwait(false);
                return null;
            case MqttUnsubscribePacket unsubscribe:
                if (unsubscribe.TopicFilters.Contains(DeviceTopic.Answers)) _granted = null;
                await wire.Write(new MqttUnsubAckPacket { PacketIdentifier = unsubscribe.PacketIdentifier }, cancel).ConfigureAwait(false);
                return null;
            case MqttPingReqPacket:
                await wire.Write(MqttPingRespPacket.Instance, cancel).ConfigureAwait(false);
                return null;
            case MqttPubAckPacket:
                return null; // of an answer sent at QoS 1; it is not sent again
            default:
                return new Fault("packet-unexpected", "packet");
        }
    }

    private async ValueTask<Fault?> Publish(MqttPublishPacket packet, CancellationToken cancel)
    {
        if (packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.ExactlyOnce) return new Fault("publish-qos2", "qos");
        if (!DeviceTopic.Parse(packet.Topic).TryGet(out var topic, out var fault)) return fault;
        if (packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtLeastOnce)
        {
            await wire.Write(new MqttPubAckPacket { PacketIdentifier = packet.PacketIdentifier }, cancel).ConfigureAwait(false);
        }

        var reply = topic switch
        {
            RegisterTopic => api.Register(proof, packet.Payload.ToArray()),
            PollTopic poll => api.Poll(proof, poll.OperationId),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        // An answer to a device that does not listen for answers goes nowhere; what it asked for is done all the same.
        if (_granted is { } qos) await Answer(topic.RequestId, reply, qos, cancel).ConfigureAwait(false);
        return null;
    }

    private async ValueTask Answer(string requestId, DeviceReply reply, int qos, CancellationToken cancel)
    {
        var retry = reply.RetryAfter is { } wait ? "&retry-after=" + wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) : "";
        await wire.Write(
            new MqttPublishPacket
            {
                Topic = $"$dps/registrations/res/{reply.Status}/?$rid={requestId}{retry}",
                Payload = new ReadOnlySequence<byte>(HubJson.Bytes(reply.Body)),
                QualityOfServiceLevel = (MqttQualityOfServiceLevel)qos,
                PacketIdentifier = qos == 0 ? (ushort)0 : _packetId = (ushort)(_packetId == ushort.MaxValue ? 1 : _packetId + 1),
            },
            cancel).ConfigureAwait(false);
    }

    // QoS 2 is granted as 1, as documented.
    private MqttSubscribeReasonCode Grant(MqttTopicFilter filter)
    {
        if (filter.Topic != DeviceTopic.Answers) return MqttSubscribeReasonCode.UnspecifiedError; // 128: refused
        _granted = Math.Min((int)filter.QualityOfServiceLevel, 1);
        return (MqttSubscribeReasonCode)_granted;
    }
}
