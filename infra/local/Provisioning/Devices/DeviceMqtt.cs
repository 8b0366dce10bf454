using System.Text;
using Microsoft.AspNetCore.Connections;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Mqtt;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Devices;

/// <summary>The MQTT door: from an accepted TLS connection to CONNACK, then one session.</summary>
/// <remarks>CONNECT is judged by its shape only: service, ids, and that something is shown as a proof. The proof itself is judged with each
/// request, so that a device hears 401 and why, as from Azure. What is refused here is counted as <c>connects.refused.{fault}</c>.</remarks>
internal sealed class DeviceMqtt(Dps dps, DeviceApi api)
{
    /// <summary>Serves one connection to its end.</summary>
    public async Task Serve(ConnectionContext connection)
    {
        var wire = new MqttWire(connection.Transport);
        using var patience = new CancellationTokenSource(dps.Options.ConnectTimeout, dps.Wall);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        try
        {
            var decision = await Decide(wire, connection, until.Token).ConfigureAwait(false);
            if (decision.TryGet(out var greeting, out var fault))
            {
                dps.Counters.Add("connects.accepted");
                await wire.Write(Connack(MqttConnectReturnCode.ConnectionAccepted), until.Token).ConfigureAwait(false);
                await new DeviceMqttSession(dps, api, wire, greeting.Proof, greeting.Connect).Run(connection.ConnectionClosed).ConfigureAwait(false);
                return;
            }

            dps.Counters.Add("connects.refused." + fault.Code);
            if (Code(fault) is { } code) await wire.Write(Connack(code), until.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            dps.Counters.Add("connects.refused.connect-timeout");
        }
        catch (Exception broken) when (broken is IOException or ConnectionAbortedException or ConnectionResetException)
        {
            dps.Counters.Add("connects.refused.connection-closed");
        }
    }

    private static MqttConnAckPacket Connack(MqttConnectReturnCode code) => new() { ReturnCode = code };

    /// <returns>Who comes in, or <c>connect-expected</c>, <c>will-topic</c>, <c>user-name</c>, <c>scope-unknown</c>, <c>registration-id</c>,
    /// <c>client-id</c>, <c>credentials-missing</c>, and those of <see cref="MqttWire.Read"/>.</returns>
    private async Task<Parsed<Greeting>> Decide(MqttWire wire, ConnectionContext connection, CancellationToken cancel)
    {
        if (!(await wire.Read(ProvisioningLimits.ConnectBytesMax, cancel).ConfigureAwait(false)).TryGet(out var packet, out var fault)) return fault;
        if (packet is not MqttConnectPacket connect) return new Fault("connect-expected", "packet");
        if (connect.WillFlag) return new Fault("will-topic", "willTopic"); // there is nowhere for it to go
        // {idScope}/registrations/{registrationId}/api-version=…[&ClientVersion=…]
        var parts = (connect.Username ?? "").Split('/', 4);
        if (parts.Length != 4 || parts[1] != "registrations" || !parts[3].StartsWith("api-version=", StringComparison.Ordinal)) return new Fault("user-name", "userName");
        if (!string.Equals(parts[0], dps.Options.IdScope, StringComparison.OrdinalIgnoreCase)) return new Fault("scope-unknown", "userName");
        if (!RegistrationName.Parse(parts[2]).TryGet(out var id, out fault)) return fault;
        if (!RegistrationName.Comparer.Equals(connect.ClientId, id)) return new Fault("client-id", "clientId");
        var token = connect.Password is { Length: > 0 } password ? Encoding.UTF8.GetString(password) : null;
        var shown = PeerCertificates.Of(connection);
        return token is null && shown is null ? new Fault("credentials-missing", "password") : new Greeting(connect, new DeviceProof(id, token, shown));
    }

    // MQTT 3.1.1 table 3.1. Bytes that are no CONNECT get no answer at all.
    private static MqttConnectReturnCode? Code(Fault fault) => fault.Code switch
    {
        "protocol-version" => MqttConnectReturnCode.ConnectionRefusedUnacceptableProtocolVersion,
        "connection-closed" or "packet-size" or "packet-malformed" or "connect-expected" => null,
        _ => MqttConnectReturnCode.ConnectionRefusedNotAuthorized,
    };

    private sealed record Greeting(MqttConnectPacket Connect, DeviceProof Proof);
}
