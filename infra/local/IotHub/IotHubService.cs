using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Serverless.Faults;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Mqtt;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Tls;

namespace Serverless.Local.IotHub;

/// <summary>One IoT hub on this machine: devices over MQTT 3.1.1 on TLS, the service API over HTTPS, events to a route.</summary>
/// <remarks>State is in memory and ends with the process. Listens on 127.0.0.1 only, under one certificate for its host name. Several
/// can run side by side. Thread-safe.</remarks>
public sealed class IotHubService : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly Hub _hub;

    private IotHubService(Hub hub, WebApplication server, X509Certificate2 certificate) => (_hub, _server, _certificate) = (hub, server, certificate);

    /// <summary>The hub's name, as devices and tokens spell it.</summary>
    public string HostName => _hub.Options.HostName;

    /// <summary>Port of MQTT over TLS on 127.0.0.1.</summary>
    public int MqttPort { get; private set; }

    /// <summary>Port of the service API on 127.0.0.1.</summary>
    public int HttpsPort { get; private set; }

    /// <summary>The service API's address.</summary>
    public Uri ServiceUri => new($"https://localhost:{HttpsPort}");

    /// <summary>What happened so far.</summary>
    public HubCounters Counters => _hub.Counters;

    /// <summary>How many identities exist.</summary>
    public int DeviceCount => _hub.Registry.Count;

    /// <summary>How many devices are connected now.</summary>
    public int ConnectedCount => _hub.Registry.Records.Count(device => { lock (device.Gate) return device.Session is not null; });

    /// <summary>Starts a hub.</summary>
    /// <param name="options">Its name and strictness.</param>
    /// <param name="route">Where its events go.</param>
    /// <param name="authority">Issues its server certificate.</param>
    /// <param name="tokens">Verifies callers of the service API.</param>
    /// <param name="directory">Says what they may do.</param>
    /// <param name="clock">Device time, for stamps.</param>
    /// <param name="wall">Wall time, for tokens, certificates and timeouts.</param>
    /// <param name="cancel">Stops the start.</param>
    /// <exception cref="IOException">A port that was asked for is taken.</exception>
    public static async Task<IotHubService> Start(
        IotHubOptions options, IEventRoute route, LocalAuthority authority, Tokens tokens, TenantDirectory directory,
        TimeProvider clock, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(authority);
        var hub = new Hub(options, route, clock, wall);
        var certificate = authority.IssueServer(options.HostName);
        var server = DeviceDoors.Build(
            new DoorOptions(options.MqttPort, options.HttpsPort, ServiceApi.BodyBytesMax, AsksOverHttps: false), certificate, new MqttEndpoint(hub).Serve);
        new ServiceApi(hub, tokens, directory).Map(server);
        var service = new IotHubService(hub, server, certificate);
        try
        {
            await server.StartAsync(cancel).ConfigureAwait(false);
        }
        catch
        {
            await service.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        service.TakePorts();
        return service;
    }

    /// <summary>Registers devices in order, as trusted code of the same process: no token, no throttle; events are routed as for any
    /// creation.</summary>
    /// <param name="devices">At most <see cref="IotHubOptions.DevicesMax"/> in all.</param>
    /// <returns>The identities made, or the first fault; what came before it stays. Codes as the service API: <c>device-id</c>,
    /// <c>device-credentials</c>, <c>device-reason</c>, <c>device-exists</c>, <c>hub-full</c>, <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<IReadOnlyList<DeviceIdentity>> Create(params IEnumerable<DeviceSpec> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        var made = new List<DeviceIdentity>();
        foreach (var spec in devices)
        {
            if (!_hub.Registry.Create(spec).TryGet(out var device, out var fault)) return fault;
            made.Add(device.Identity);
        }

        return made;
    }

    /// <summary>The identity under an id, or null.</summary>
    /// <param name="deviceId">Case-sensitive.</param>
    public DeviceIdentity? Find(string deviceId)
    {
        if (!_hub.Registry.TryFind(deviceId, out var device)) return null;
        lock (device.Gate) return device.Identity;
    }

    /// <summary>Enables or disables a device; disabling cuts its session before this returns.</summary>
    /// <param name="deviceId">Case-sensitive.</param>
    /// <param name="status">The status to set.</param>
    /// <param name="reason">At most 128 characters.</param>
    /// <returns>The identity after it, or <c>device-not-found</c>, <c>device-reason</c>.</returns>
    public Parsed<DeviceIdentity> SetStatus(string deviceId, DeviceStatus status, string? reason = null) =>
        Find(deviceId) is not { } known
            ? new Fault("device-not-found", "deviceId")
            : _hub.Registry.Update(new DeviceSpec(deviceId, known.Credentials, status, reason, IotEdge: known.IotEdge), "*")
                .Then<DeviceIdentity>(device => device.Identity);

    /// <summary>Makes an identity, or gives an existing one these credentials, as DPS does for a device it has admitted.</summary>
    /// <remarks>An existing identity keeps its status, twin and generation; new credentials cut its session, the same ones do not.</remarks>
    /// <param name="device">Its twin counts only where the identity is new.</param>
    /// <param name="reported">Reported properties to begin with, from another hub; null for none.</param>
    /// <returns>The identity after it, or a fault of <see cref="Create"/>.</returns>
    internal Parsed<DeviceIdentity> Adopt(DeviceSpec device, JsonObject? reported = null)
    {
        while (true)
        {
            if (Find(device.DeviceId) is not { } known)
            {
                var made = _hub.Registry.Create(device, reported);
                if (made.Fault is { Code: "device-exists" }) continue; // somebody was faster
                return made.Then<DeviceIdentity>(record => record.Identity);
            }

            var credentials = device.Credentials;
            if (known.Credentials == credentials) return known;
            var updated = _hub.Registry.Update(
                new DeviceSpec(device.DeviceId, credentials, known.Status, known.StatusReason, IotEdge: device.IotEdge), known.ETag);
            if (updated.Fault is { Code: "etag-mismatch" or "device-not-found" }) continue;
            return updated.Then<DeviceIdentity>(record => record.Identity);
        }
    }

    /// <summary>Patches what a device reports, as the device itself would.</summary>
    /// <param name="deviceId">Case-sensitive; must exist.</param>
    /// <param name="reported">Patch.</param>
    internal void Report(string deviceId, JsonObject reported)
    {
        if (!_hub.Registry.TryFind(deviceId, out var device)) throw new InvalidOperationException("no such device");
        lock (device.Gate) _ = _hub.Twins.Report(device, reported);
    }

    /// <summary>A device's twin sections, or null.</summary>
    /// <param name="deviceId">Case-sensitive.</param>
    internal (JsonObject Tags, JsonObject Desired, JsonObject Reported)? TwinOf(string deviceId)
    {
        if (!_hub.Registry.TryFind(deviceId, out var device)) return null;
        lock (device.Gate) return (device.Twin.Tags.Values, device.Twin.Desired.Values, device.Twin.Reported.Values);
    }

    /// <summary>Deletes a device; its session is cut before this returns.</summary>
    /// <param name="deviceId">Case-sensitive.</param>
    /// <returns>The identity that was, or <c>device-not-found</c>.</returns>
    public Parsed<DeviceIdentity> Delete(string deviceId) => _hub.Registry.Delete(deviceId, "*").Then<DeviceIdentity>(device => device.Identity);

    /// <summary>Patches a twin's tags and desired properties.</summary>
    /// <param name="deviceId">Case-sensitive.</param>
    /// <param name="tags">Patch, null for none; a null member deletes.</param>
    /// <param name="desired">Likewise.</param>
    /// <returns>The twin, or <c>device-not-found</c>, <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<JsonObject> PatchTwin(string deviceId, JsonObject? tags = null, JsonObject? desired = null) => _hub.Twins.Patch(deviceId, "*", tags, desired);

    /// <summary>A shared access token of a hub policy, as whoever stole its key would make it.</summary>
    /// <param name="policy">iothubowner, service, device, registryRead or registryReadWrite.</param>
    /// <param name="lifetime">From now, wall time.</param>
    /// <param name="resource">What it is for; the whole hub by default.</param>
    /// <exception cref="KeyNotFoundException">No such policy.</exception>
    public string SignPolicyToken(string policy, TimeSpan lifetime, string? resource = null) =>
        SasToken.Sign(resource ?? HostName, _hub.Policies.Key(policy), _hub.Wall.GetUtcNow() + lifetime, policy);

    /// <summary>A hub policy's connection string, for tools. A secret for as long as the process lives.</summary>
    /// <param name="policy">As <see cref="SignPolicyToken"/>.</param>
    public string ConnectionString(string policy) => $"HostName={HostName};SharedAccessKeyName={policy};SharedAccessKey={_hub.Policies.Key(policy)}";

    /// <summary>Cuts every session (<c>hub-stopped</c>) and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var device in _hub.Registry.Records)
        {
            lock (device.Gate) _hub.Registry.Disconnect(device, new Fault("hub-stopped", "hub"));
        }

        await DeviceDoors.Stop(_server, _certificate).ConfigureAwait(false);
    }

    private void TakePorts()
    {
        (MqttPort, HttpsPort) = DeviceDoors.Ports(_server);
        _hub.Hosts = DeviceDoors.Hosts(HostName, (MqttPort, HttpsPort));
    }
}
