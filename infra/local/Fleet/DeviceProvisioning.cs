using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Mqtt;

namespace Serverless.Local.Fleet;

/// <summary>Where a device registers.</summary>
/// <param name="HostName">The service's name, for TLS.</param>
/// <param name="Port">TCP port on 127.0.0.1.</param>
/// <param name="IdScope">Which service is meant.</param>
/// <param name="TrustedRoot">The only root the device trusts.</param>
public sealed record ProvisioningAddress(string HostName, int Port, string IdScope, X509Certificate2 TrustedRoot);

/// <summary>What a device shows. A hostile one shows what it likes.</summary>
/// <param name="RegistrationId">Whom it says it is.</param>
/// <param name="Leaf">Its certificate with private key, or null to show none. Owned by the caller.</param>
/// <param name="Intermediates">What it sends beside it, nearest first: <see cref="Tls.LocalAuthority.Intermediates"/>.</param>
/// <param name="Payload">What it tells the allocation webhook, or null.</param>
public sealed record DeviceIdentityShown(string RegistrationId, X509Certificate2? Leaf, IReadOnlyList<X509Certificate2>? Intermediates = null, JsonNode? Payload = null);

/// <summary>How a registration ended: exactly one of the two is set.</summary>
/// <param name="Assigned">The hub the device was given.</param>
/// <param name="Refused">Why it was given none.</param>
public sealed record RegistrationOutcome(DeviceAssignment? Assigned, RegistrationRefusal? Refused);

/// <summary>A hub given to a device.</summary>
/// <param name="HubHostName">The hub.</param>
/// <param name="DeviceId">Its name there.</param>
/// <param name="Payload">What the webhook had for it, or null.</param>
public sealed record DeviceAssignment(string HubHostName, string DeviceId, JsonNode? Payload);

/// <summary>What a refused device is told.</summary>
/// <param name="Stage"><c>closed</c> (no word at all), <c>connack</c>, an HTTP status such as <c>401</c>, or the registration's <c>failed</c>
/// and <c>disabled</c>.</param>
/// <param name="ErrorCode">The service's six digits; the CONNACK's return code; 0 for none.</param>
/// <param name="Message">The service's text, or empty.</param>
public sealed record RegistrationRefusal(string Stage, int ErrorCode, string Message);

/// <summary>A device's side of DPS: MQTT 3.1.1 over TLS with X.509, the way Microsoft's SDKs do it, and with any certificates a test wants to
/// show.</summary>
/// <remarks>Not MQTTnet's client: on Linux it sends no intermediate certificates, which a group device needs.</remarks>
public static class DeviceProvisioning
{
    private const int AnswerBytesMax = 128 * 1024;

    /// <summary>Registers, and waits for the end.</summary>
    /// <param name="dps">Where.</param>
    /// <param name="device">What it shows.</param>
    /// <param name="wall">Wall clock, for polling.</param>
    /// <param name="cancel">Cancels; a registration that has begun goes on without the device.</param>
    /// <exception cref="IOException">The service went away in the middle; the device may or may not have been given a hub.</exception>
    public static async Task<RegistrationOutcome> Register(ProvisioningAddress dps, DeviceIdentityShown device, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(dps);
        ArgumentNullException.ThrowIfNull(device);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", dps.Port, cancel).ConfigureAwait(false);
        var tls = new SslStream(tcp.GetStream());
        await using (tls.ConfigureAwait(false))
        {
            await tls.AuthenticateAsClientAsync(Options(dps, device), cancel).ConfigureAwait(false);
            var talk = new Talk(new MqttWire(new StreamPipe(tls)), wall);
            if (await talk.Connect(dps.IdScope, device.RegistrationId, cancel).ConfigureAwait(false) is { } refused) return new RegistrationOutcome(null, refused);
            var body = new JsonObject { ["registrationId"] = device.RegistrationId };
            if (device.Payload is { } payload) body["payload"] = payload.DeepClone();
            return await talk.Register(body, cancel).ConfigureAwait(false);
        }
    }

    private static SslClientAuthenticationOptions Options(ProvisioningAddress dps, DeviceIdentityShown device)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(dps.TrustedRoot);
        return new SslClientAuthenticationOptions
        {
            TargetHost = dps.HostName,
            CertificateChainPolicy = trust,
            ClientCertificateContext = device.Leaf is null ? null : SslStreamCertificateContext.Create(device.Leaf, [.. device.Intermediates ?? []], offline: true),
        };
    }

    private sealed class StreamPipe(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }

    private sealed class Talk(MqttWire wire, TimeProvider wall)
    {
        private static readonly TimeSpan PollEvery = TimeSpan.FromSeconds(2); // where the service does not say
        private int _requests;
        private string? _operation;

        public async Task<RegistrationRefusal?> Connect(string idScope, string registrationId, CancellationToken cancel)
        {
            await wire.Write(
                new MqttConnectPacket { ClientId = registrationId, Username = $"{idScope}/registrations/{registrationId}/api-version=2019-03-31", CleanSession = true, KeepAlivePeriod = 180 },
                cancel).ConfigureAwait(false);
            if (await Next(cancel).ConfigureAwait(false) is not MqttConnAckPacket connack) return new RegistrationRefusal("closed", 0, "");
            if (connack.ReturnCode != MqttConnectReturnCode.ConnectionAccepted) return new RegistrationRefusal("connack", (int)connack.ReturnCode, "");
            var subscribe = new MqttSubscribePacket { PacketIdentifier = 1 };
            subscribe.TopicFilters.Add(new MqttTopicFilter { Topic = "$dps/registrations/res/#", QualityOfServiceLevel = MqttQualityOfServiceLevel.AtMostOnce });
            await wire.Write(subscribe, cancel).ConfigureAwait(false);
            return await Next(cancel).ConfigureAwait(false) is MqttSubAckPacket ? null : new RegistrationRefusal("closed", 0, "");
        }

        public async Task<RegistrationOutcome> Register(JsonObject body, CancellationToken cancel)
        {
            var polls = 0;
            var answer = await Ask("PUT/iotdps-register/?", HubJson.Bytes(body), cancel).ConfigureAwait(false);
            while (answer is { Status: 202 or 429 })
            {
                await Task.Delay(Pause(answer.RetryAfter, polls++), wall, cancel).ConfigureAwait(false);
                // Too early is no refusal: the same operation is asked for again.
                _operation = (string?)answer.Body["operationId"] ?? _operation;
                answer = _operation is null
                    ? await Ask("PUT/iotdps-register/?", HubJson.Bytes(body), cancel).ConfigureAwait(false)
                    : await Ask($"GET/iotdps-get-operationstatus/?operationId={Uri.EscapeDataString(_operation)}&", [], cancel).ConfigureAwait(false);
            }

            return Outcome(answer);
        }

        // 0 s: at once, but more patiently each time, as the service counts polls.
        private static TimeSpan Pause(TimeSpan? asked, int polls) =>
            asked is { Ticks: 0 } ? TimeSpan.FromMilliseconds(10 << Math.Min(polls, 7)) : asked ?? PollEvery;

        private static RegistrationOutcome Outcome(Answer? answer)
        {
            if (answer is null) return new(null, new RegistrationRefusal("closed", 0, ""));
            if (answer.Status != 200) return new(null, new RegistrationRefusal(answer.Status.ToString(CultureInfo.InvariantCulture), (int?)answer.Body["errorCode"] ?? 0, (string?)answer.Body["message"] ?? ""));
            var state = answer.Body["registrationState"];
            var status = (string?)answer.Body["status"] ?? "";
            return status == "assigned" && (string?)state?["assignedHub"] is { } hub && (string?)state["deviceId"] is { } deviceId
                ? new(new DeviceAssignment(hub, deviceId, state["payload"]?.DeepClone()), null)
                : new(null, new RegistrationRefusal(status, (int?)state?["errorCode"] ?? 0, (string?)state?["errorMessage"] ?? ""));
        }

        private async Task<Answer?> Ask(string what, byte[] body, CancellationToken cancel)
        {
            var rid = (++_requests).ToString(CultureInfo.InvariantCulture);
            await wire.Write(new MqttPublishPacket { Topic = $"$dps/registrations/{what}$rid={rid}", Payload = new ReadOnlySequence<byte>(body) }, cancel).ConfigureAwait(false);
            while (await Next(cancel).ConfigureAwait(false) is { } packet)
            {
                // $dps/registrations/res/{status}/?$rid={rid}[&retry-after={s}]
                if (packet is not MqttPublishPacket publish || publish.Topic.Split('/') is not ["$dps", "registrations", "res", var status, var fields]) continue;
                var pairs = fields.TrimStart('?').Split('&');
                if (!pairs.Contains("$rid=" + rid)) continue;
                var wait = pairs.FirstOrDefault(pair => pair.StartsWith("retry-after=", StringComparison.Ordinal))?["retry-after=".Length..];
                return new Answer(
                    int.Parse(status, CultureInfo.InvariantCulture),
                    JsonNode.Parse(publish.Payload.ToArray()) as JsonObject ?? [],
                    wait is null ? null : TimeSpan.FromSeconds(int.Parse(wait, CultureInfo.InvariantCulture)));
            }

            return null;
        }

        // Null when the service closed: it never says why.
        private async Task<MqttPacket?> Next(CancellationToken cancel)
        {
            try
            {
                return (await wire.Read(AnswerBytesMax, cancel).ConfigureAwait(false)).TryGet(out var packet, out _) ? packet : null;
            }
            catch (IOException)
            {
                return null;
            }
        }

        private sealed record Answer(int Status, JsonObject Body, TimeSpan? RetryAfter);
    }
}
