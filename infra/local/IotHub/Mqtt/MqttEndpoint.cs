using Microsoft.AspNetCore.Connections;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub.Mqtt;

/// <summary>The hub's MQTT door: from an accepted TLS connection to CONNACK.</summary>
internal sealed class MqttEndpoint(Hub hub)
{
    /// <summary>Serves one connection to its end.</summary>
    public async Task Serve(ConnectionContext connection)
    {
        var wire = new MqttWire(connection.Transport);
        using var patience = new CancellationTokenSource(hub.Options.ConnectTimeout, hub.Wall);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        try
        {
            var decision = await Decide(wire, connection, until.Token).ConfigureAwait(false);
            if (decision.TryGet(out var greeting, out var fault))
            {
                await MqttSession.Serve(hub, wire, greeting.Connect, greeting.Admission, connection).ConfigureAwait(false);
                return;
            }

            hub.Counters.Add("connects.refused." + fault.Code);
            if (Code(fault) is { } code) await wire.Write(MqttSession.Connack(code, sessionPresent: false), until.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            hub.Counters.Add("connects.refused.connect-timeout");
        }
        catch (Exception broken) when (broken is IOException or ConnectionAbortedException or ConnectionResetException)
        {
            hub.Counters.Add("connects.refused.connection-closed");
        }
    }

    /// <returns>Who comes in, or <c>connect-expected</c>, <c>will-topic</c>, <c>throttled</c>, and those of <see cref="MqttWire.Read"/> and
    /// <see cref="DeviceAuthenticator.Decide"/>.</returns>
    private async Task<Parsed<Greeting>> Decide(MqttWire wire, ConnectionContext connection, CancellationToken cancel)
    {
        if (!(await wire.Read(HubLimits.ConnectBytesMax, cancel).ConfigureAwait(false)).TryGet(out var packet, out var fault)) return fault;
        if (packet is not MqttConnectPacket connect) return new Fault("connect-expected", "packet");
        if (hub.Throttles.Take(Metered.Connect) > TimeSpan.Zero) return new Fault("throttled", "connect");
        var claim = new DeviceClaim(connect.ClientId ?? "", connect.Username ?? "", connect.Password, PeerCertificates.Of(connection));
        if (!hub.Authenticator.Decide(claim).TryGet(out var admission, out fault)) return fault;
        if (connect.WillFlag && !(Topic.Parse(connect.WillTopic ?? "", admission.Identity.DeviceId).TryGet(out var will, out _) && will is TelemetryTopic))
        {
            return new Fault("will-topic", "willTopic");
        }

        return new Greeting(connect, admission);
    }

    // MQTT 3.1.1 table 3.1. Bytes that are no CONNECT get no answer at all.
    private static MqttConnectReturnCode? Code(Fault fault) => fault.Code switch
    {
        "protocol-version" => MqttConnectReturnCode.ConnectionRefusedUnacceptableProtocolVersion,
        "throttled" => MqttConnectReturnCode.ConnectionRefusedServerUnavailable,
        "connection-closed" or "packet-size" or "packet-malformed" or "connect-expected" => null,
        _ => MqttConnectReturnCode.ConnectionRefusedNotAuthorized,
    };

    private sealed record Greeting(MqttConnectPacket Connect, Admission Admission);
}
