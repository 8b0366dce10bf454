using System.Security.Cryptography.X509Certificates;
using MQTTnet;
using MQTTnet.Protocol;

namespace Serverless.Local.Fleet;

/// <summary>Where and how a device connects.</summary>
/// <param name="HubHostName">The hub's name, as in the MQTT user name and the TLS server name.</param>
/// <param name="Port">TCP port on 127.0.0.1.</param>
/// <param name="TrustedRoot">The only root the device trusts.</param>
public sealed record HubAddress(string HubHostName, int Port, X509Certificate2 TrustedRoot);

/// <summary>One device on MQTT 3.1.1 over TLS with its own X.509 certificate, sending its script at device time.</summary>
/// <remarks>Publishes with QoS 1 and waits for the acknowledgement, so that its own order is kept. A lost connection is taken up
/// again and the unacknowledged message sent once more: at-least-once, as a real device does it.</remarks>
public sealed class SimulatedDevice : IAsyncDisposable
{
    private const int AttemptsMax = 5;
    private static readonly MqttClientFactory Factory = new();
    private readonly IMqttClient _client = Factory.CreateMqttClient();
    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly TimeProvider _wall;
    private MqttClientOptions _options;

    /// <summary>Prepares a device; nothing connects yet.</summary>
    /// <param name="script">What it will send.</param>
    /// <param name="identity">Its certificate with private key; owned by the caller.</param>
    /// <param name="hub">Where.</param>
    /// <param name="wall">Wall clock, for back-off.</param>
    public SimulatedDevice(DeviceScript script, X509Certificate2 identity, HubAddress hub, TimeProvider wall)
    {
        ArgumentNullException.ThrowIfNull(script);
        ArgumentNullException.ThrowIfNull(hub);
        Script = script;
        _wall = wall;
        _options = Options(identity, hub);
    }

    /// <summary>What it sends.</summary>
    public DeviceScript Script { get; }

    private MqttClientOptions Options(X509Certificate2 identity, HubAddress hub) =>
        Factory.CreateClientOptionsBuilder()
            .WithTcpServer("127.0.0.1", hub.Port)
            .WithClientId(Script.DeviceId)
            .WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V311)
            .WithCredentials($"{hub.HubHostName}/{Script.DeviceId}/?api-version=2021-04-12")
            .WithCleanSession(false)
            .WithKeepAlivePeriod(TimeSpan.FromSeconds(60))
            .WithTimeout(TimeSpan.FromSeconds(30))
            .WithTlsOptions(tls => tls
                .UseTls()
                .WithTargetHost(hub.HubHostName)
                .WithClientCertificates([identity])
                .WithTrustChain([hub.TrustedRoot])
                .WithRevocationMode(X509RevocationMode.NoCheck))
            .Build();

    /// <summary>Whether its session lives.</summary>
    public bool IsConnected => _client.IsConnected;

    /// <summary>Connects, or says why the hub refused.</summary>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="InvalidOperationException">The hub refused the connection; the message carries the CONNACK code.</exception>
    public async Task Connect(CancellationToken cancel)
    {
        var answer = await _client.ConnectAsync(_options, cancel).ConfigureAwait(false);
        if (answer.ResultCode != MqttClientConnectResultCode.Success)
            throw new InvalidOperationException($"{Script.DeviceId}: the hub refused the connection ({answer.ResultCode})");
    }

    /// <summary>Registers again and goes on as what came of it, between two messages: meanwhile it sends nothing, as a device that
    /// rotates its certificate does.</summary>
    /// <param name="register">Its new identity and where it connects; <see langword="null"/> to go on as before. The certificate is owned by
    /// the caller.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="InvalidOperationException">The hub refused the connection; the message carries the CONNACK code.</exception>
    public async Task Reregister(Func<CancellationToken, Task<(X509Certificate2 Identity, HubAddress Hub)?>> register, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(register);
        await _oneAtATime.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (await register(cancel).ConfigureAwait(false) is not { } next) return;
            _options = Options(next.Identity, next.Hub);
            if (_client.IsConnected) await _client.DisconnectAsync(cancellationToken: cancel).ConfigureAwait(false);
            await Connect(cancel).ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <summary>Sends one message and waits until the hub has taken it.</summary>
    /// <param name="body">The payload.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task Send(ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        var message = new MqttApplicationMessageBuilder()
            .WithTopic($"devices/{Script.DeviceId}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8")
            .WithPayload(new System.Buffers.ReadOnlySequence<byte>(body))
            .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
            .Build();
        await _oneAtATime.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await Send(message, cancel).ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_client.IsConnected) await _client.DisconnectAsync().ConfigureAwait(false);
        }
        catch (MQTTnet.Exceptions.MqttCommunicationException)
        {
            // The hub was gone first: nothing is left to close.
        }

        _client.Dispose();
        _oneAtATime.Dispose();
    }

    private async Task Send(MqttApplicationMessage message, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (!_client.IsConnected) await Connect(cancel).ConfigureAwait(false);
                await _client.PublishAsync(message, cancel).ConfigureAwait(false);
                return;
            }
            catch (Exception fault) when (attempt < AttemptsMax && fault is MQTTnet.Exceptions.MqttCommunicationException or InvalidOperationException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100 << attempt), _wall, cancel).ConfigureAwait(false);
            }
        }
    }
}
