using System.Security.Cryptography.X509Certificates;

namespace Serverless.Local.IotHub;

/// <summary>Which of the hub's own events are routed beside telemetry. On Azure no such route exists until one is made.</summary>
[Flags]
public enum HubEventSources
{
    /// <summary>Telemetry only.</summary>
    None = 0,

    /// <summary><c>deviceConnectionStateEvents</c>: deviceConnected, deviceDisconnected.</summary>
    ConnectionState = 1,

    /// <summary><c>deviceLifecycleEvents</c>: createDeviceIdentity, deleteDeviceIdentity.</summary>
    Lifecycle = 2,

    /// <summary><c>twinChangeEvents</c>: updateTwin, replaceTwin.</summary>
    TwinChange = 4,

    /// <summary>All of them.</summary>
    All = ConnectionState | Lifecycle | TwinChange,
}

/// <summary>Whether the hub keeps the rates of its tier.</summary>
public enum HubThrottles
{
    /// <summary>No limit: for runs faster than time.</summary>
    Off,

    /// <summary>The S1 figures, times <see cref="IotHubOptions.Units"/>.</summary>
    S1,
}

/// <summary>What one local IoT hub is called and how strict it is.</summary>
/// <remarks>Trusted: whoever sets <see cref="DeviceAuthorities"/> decides which devices exist.</remarks>
public sealed record IotHubOptions
{
    /// <summary>The name devices, tokens and SNI use; the sockets are on 127.0.0.1. Default <c>hub-local.azure-devices.net</c>.</summary>
    public string HostName { get; init; } = "hub-local.azure-devices.net";

    /// <summary>The event hub that all routes end in. Default <c>telemetry</c>.</summary>
    public string EventHub { get; init; } = "telemetry";

    /// <summary>The resource path that role assignments name. Default <c>iothub</c>.</summary>
    public string Scope { get; init; } = "iothub";

    /// <summary>The hub's own events that are routed too. Default all.</summary>
    public HubEventSources Events { get; init; } = HubEventSources.All;

    /// <summary>Whether the tier's rates are kept. Default off.</summary>
    public HubThrottles Throttles { get; init; } = HubThrottles.Off;

    /// <summary>Units of the tier, 1 to 200.</summary>
    public int Units { get; init; } = 1;

    /// <summary>Identities the hub may have. Default 1,000,000, the service's limit.</summary>
    public int DevicesMax { get; init; } = 1_000_000;

    /// <summary>CA certificates registered with the hub for devices of type <c>certificateAuthority</c>; roots or intermediates. Not
    /// owned by the hub.</summary>
    public IReadOnlyList<X509Certificate2> DeviceAuthorities { get; init; } = [];

    /// <summary>Port for MQTT over TLS, 0 for any free one.</summary>
    public int MqttPort { get; init; }

    /// <summary>Port for HTTPS, 0 for any free one.</summary>
    public int HttpsPort { get; init; }

    /// <summary>How long a socket may take to send its CONNECT. Default 10 s (our own figure; Azure's is not published).</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first label of <see cref="HostName"/>: <c>hubName</c> in events.</summary>
    public string Name => HostName.Split('.', 2)[0];
}
