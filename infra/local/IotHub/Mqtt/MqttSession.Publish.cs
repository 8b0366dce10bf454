using System.Buffers;
using System.Text.Json.Nodes;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;
using Serverless.Local.IotHub.Messages;

namespace Serverless.Local.IotHub.Mqtt;

/// <content>What the device publishes.</content>
internal sealed partial class MqttSession
{
    /// <returns>Why the connection must end: <c>publish-qos2</c>, <c>topic-unknown</c>, <c>message-size</c>, <c>evicted</c>.</returns>
    private async ValueTask<Fault?> HandlePublish(MqttPublishPacket packet)
    {
        if (packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.ExactlyOnce) return new Fault("publish-qos2", "qos");
        if (!Topic.Parse(packet.Topic, DeviceId).TryGet(out var topic, out var fault)) return fault;
        var body = packet.Payload.ToArray();
        switch (topic)
        {
            case TelemetryTopic telemetry:
                while (_hub.Throttles.Take(Metered.Telemetry) is { Ticks: > 0 } wait)
                {
                    await Task.Delay(wait, _hub.Wall, _end.Token).ConfigureAwait(false); // shaped, as documented: later, not lost
                    _end.CancelAfter(_silence); // the silence was ours
                }

                if (Accept(telemetry.Bag, body, packet.Retain, will: false) is { } refused) return refused;
                break;
            case TwinGetTopic get:
                AnswerTwinGet(get.RequestId);
                break;
            case TwinReportTopic report:
                AnswerTwinReport(report.RequestId, body);
                break;
            case MethodAnswerTopic answer:
                if (body.Length > HubLimits.MethodBytesMax) return new Fault("message-size", "message");
                _hub.Methods.Answer(_device, answer.RequestId, new MethodAnswer(answer.Status, body));
                break;
        }

        if (packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtLeastOnce)
        {
            await Send(new MqttPubAckPacket { PacketIdentifier = packet.PacketIdentifier }).ConfigureAwait(false);
        }

        return null;
    }

    // Accepted and acknowledged only after the append: a message the device saw acknowledged is in the event hub.
    private Fault? Accept(string bag, byte[] body, bool retain, bool will)
    {
        var stamped = Telemetry.Stamp(_admission, PropertyBag.Parse(bag), body, retain, will, _hub.Clock.GetUtcNow());
        if (!stamped.TryGet(out var draft, out var fault)) return fault;
        lock (_device.Gate)
        {
            if (!Live) return _cut ?? new Fault("evicted", "clientId");
            _device.LastActivityAt = _hub.Clock.GetUtcNow();
            _hub.Route.Append(_hub.Options.EventHub, draft);
        }

        _hub.Counters.Add("telemetry.accepted");
        _hub.Counters.Add("telemetry.bytes", body.Length);
        return null;
    }

    // Under the gate. The topic was checked at CONNECT.
    private void PublishWill()
    {
        if (!_connect.WillFlag || !Topic.Parse(_connect.WillTopic, DeviceId).TryGet(out var topic, out _) || topic is not TelemetryTopic telemetry) return;
        Accept(telemetry.Bag, _connect.WillMessage ?? [], _connect.WillRetain, will: true);
    }

    private void AnswerTwinGet(string requestId)
    {
        lock (_device.Gate)
        {
            if (!Live) return;
            if (_hub.Throttles.Take(Metered.TwinRead) > TimeSpan.Zero)
            {
                AnswerTwin(429, requestId, "", []);
                return;
            }

            var twin = new JsonObject
            {
                ["desired"] = _device.Twin.Desired.Document(metadata: false),
                ["reported"] = _device.Twin.Reported.Document(metadata: false),
            };
            AnswerTwin(200, requestId, "", HubJson.Bytes(twin));
        }
    }

    private void AnswerTwinReport(string requestId, byte[] body)
    {
        lock (_device.Gate)
        {
            if (!Live) return;
            if (_hub.Throttles.Take(Metered.TwinUpdate) > TimeSpan.Zero) AnswerTwin(429, requestId, "", []);
            else if (!HubJson.ParseObject(body).TryGet(out var patch, out _)) AnswerTwin(400, requestId, "", []);
            else if (_hub.Twins.Report(_device, patch).TryGet(out var section, out var fault)) AnswerTwin(204, requestId, $"&$version={section.Version}", []);
            else AnswerTwin(fault.Code == "twin-size" ? 413 : 400, requestId, "", []);
        }
    }

    private void AnswerTwin(int status, string requestId, string more, byte[] body)
    {
        // An answer to a device that does not listen for answers goes nowhere.
        if (Granted(Channel.TwinAnswers) is null) return;
        Publish($"$iothub/twin/res/{status}/?$rid={requestId}{more}", body, 0, 0);
    }
}
