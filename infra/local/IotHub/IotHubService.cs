using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
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
        var server = Build(hub, certificate, new ServiceApi(hub, tokens, directory));
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

        using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _server.StopAsync(brief.Token).ConfigureAwait(false);
        await _server.DisposeAsync().ConfigureAwait(false);
        _certificate.Dispose();
    }

    private static WebApplication Build(Hub hub, X509Certificate2 certificate, ServiceApi api)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Logging.ClearProviders(); // devices' refusals are counters, not log lines
        builder.WebHost.UseSetting(WebHostDefaults.PreventHostingStartupKey, "true");
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoSignals>();
        var mqtt = new MqttEndpoint(hub);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = ServiceApi.BodyBytesMax;
            kestrel.Limits.MaxConcurrentConnections = 20_000;
            kestrel.Listen(IPAddress.Loopback, hub.Options.MqttPort, listen =>
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    OnConnection = tls => ValueTask.FromResult(PeerCertificates.Ask(certificate, tls.Connection)),
                });
                listen.Use(_ => mqtt.Serve);
            });
            kestrel.Listen(IPAddress.Loopback, hub.Options.HttpsPort, listen => listen.UseHttps(certificate));
        });
        var server = builder.Build();
        api.Map(server);
        return server;
    }

    private void TakePorts()
    {
        // Addresses come in the order of Listen.
        var ports = _server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address).Port)
            .ToArray();
        (MqttPort, HttpsPort) = (ports[0], ports[1]);
        string[] names = ["localhost", "127.0.0.1"];
        _hub.Hosts = [HostName, .. names, .. names.SelectMany(name => new[] { $"{name}:{MqttPort}", $"{name}:{HttpsPort}" })];
    }

    // The program that hosts the cloud decides when to stop; a hub must not listen for Ctrl-C itself.
    private sealed class NoSignals : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
