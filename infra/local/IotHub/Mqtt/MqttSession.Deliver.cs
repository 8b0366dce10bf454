using System.Text.Json.Nodes;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Mqtt;

/// <content>What the device listens to and receives.</content>
internal sealed partial class MqttSession
{
    /// <inheritdoc/>
    public void NotifyDesired(JsonObject patch, long version)
    {
        if (Granted(Channel.Desired) is not { } qos) return;
        var body = (JsonObject)patch.DeepClone();
        body["$version"] = version;
        Publish($"$iothub/twin/PATCH/properties/desired/?$version={version}", HubJson.Bytes(body), qos, qos == 0 ? (ushort)0 : NextPacketId());
    }

    /// <inheritdoc/>
    public bool TryCallMethod(string requestId, string method, ReadOnlyMemory<byte> payload)
    {
        if (Granted(Channel.Methods) is null) return false;
        Publish($"$iothub/methods/POST/{method}/?$rid={requestId}", payload, 0, 0); // always at most once, as documented
        return true;
    }

    /// <inheritdoc/>
    public void DeliverQueue()
    {
        if (Granted(Channel.Messages) is not { } qos) return;
        foreach (var (message, packetId) in _device.Queue.Take(_hub.Clock.GetUtcNow(), acknowledged: qos > 0, NextPacketId))
        {
            var bag = string.Join('&', message.Properties.Select(pair => Uri.EscapeDataString(pair.Key) + "=" + Uri.EscapeDataString(pair.Value)));
            Publish($"devices/{DeviceId}/messages/devicebound/{bag}", message.Body, qos, packetId);
            _hub.Counters.Add("c2d.delivered");
            if (qos == 0) _hub.Counters.Add("c2d.completed");
        }
    }

    /// <returns>Why the connection must end: <c>packet-malformed</c> for a SUBSCRIBE without filters.</returns>
    private async ValueTask<Fault?> HandleSubscribe(MqttSubscribePacket packet)
    {
        if (packet.TopicFilters.Count == 0) return new Fault("packet-malformed", "packet"); // MQTT-3.8.3-3
        var answers = new List<MqttSubscribeReasonCode>(packet.TopicFilters.Count);
        lock (_device.Gate)
        {
            if (!Live) return _cut ?? new Fault("evicted", "clientId");
            foreach (var filter in packet.TopicFilters)
            {
                var kept = _device.KeptSubscriptions;
                if (Topic.ChannelOf(filter.Topic, DeviceId) is null || (!kept.ContainsKey(filter.Topic) && kept.Count >= HubLimits.SubscriptionsMax))
                {
                    answers.Add(MqttSubscribeReasonCode.UnspecifiedError); // 128: refused
                    continue;
                }

                // QoS 2 is granted as 1, as documented.
                kept[filter.Topic] = Math.Min((int)filter.QualityOfServiceLevel, 1);
                answers.Add((MqttSubscribeReasonCode)kept[filter.Topic]);
            }
        }

        await Send(new MqttSubAckPacket { PacketIdentifier = packet.PacketIdentifier, ReasonCodes = answers }).ConfigureAwait(false);
        lock (_device.Gate)
        {
            if (!Live) return _cut ?? new Fault("evicted", "clientId");
            DeliverQueue();
            _device.SignalReachable();
        }

        return null;
    }

    // Under the gate: the QoS a channel was granted, or null when the device does not listen.
    private int? Granted(Channel channel)
    {
        foreach (var (filter, qos) in _device.KeptSubscriptions)
        {
            if (Topic.ChannelOf(filter, DeviceId) == channel) return qos;
        }

        return null;
    }
}
