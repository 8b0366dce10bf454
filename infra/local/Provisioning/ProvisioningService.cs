using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Access;
using Serverless.Local.Provisioning.Devices;
using Serverless.Local.Provisioning.Rest;
using Serverless.Local.Tls;

namespace Serverless.Local.Provisioning;

/// <summary>One Device Provisioning Service on this machine: devices over MQTT 3.1.1 on TLS and over HTTPS, the service API over HTTPS, linked
/// IoT hubs that it makes identities in.</summary>
/// <remarks>State is in memory and ends with the process. Listens on 127.0.0.1 only, under one certificate for its own name and the
/// global one. Thread-safe.</remarks>
public sealed class ProvisioningService : IAsyncDisposable
{
    private readonly Dps _dps;
    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly HttpClient _webhooks;

    private ProvisioningService(Dps dps, WebApplication server, X509Certificate2 certificate, HttpClient webhooks) =>
        (_dps, _server, _certificate, _webhooks) = (dps, server, certificate, webhooks);

    /// <summary>The service's own name, as tokens and SDKs spell it.</summary>
    public string HostName => _dps.Options.HostName;

    /// <summary>What devices say which service they mean.</summary>
    public string IdScope => _dps.Options.IdScope;

    /// <summary>Port of MQTT over TLS on 127.0.0.1.</summary>
    public int MqttPort { get; private set; }

    /// <summary>Port of HTTPS on 127.0.0.1, for devices and the service API.</summary>
    public int HttpsPort { get; private set; }

    /// <summary>The service API's address.</summary>
    public Uri ServiceUri => new($"https://localhost:{HttpsPort}");

    /// <summary>What happened so far: <c>connects.accepted</c>, <c>connects.refused.{fault}</c>, <c>sessions.closed</c>, <c>sessions.cut.{fault}</c>,
    /// <c>registrations.assigned</c>, <c>registrations.disabled</c>, <c>registrations.joined</c>, <c>registrations.failed.{fault}</c>, <c>registrations.refused.{fault}</c>,
    /// <c>polls.refused.{fault}</c>, <c>webhook.calls</c>, <c>rest.{collection}</c>, <c>rest.refused.{fault}</c>, <c>bulk.refused.{fault}</c>, <c>throttled.{what}</c>,
    /// <c>busiest-minute.{what}</c> (a maximum).</summary>
    public HubCounters Counters => _dps.Counters;

    /// <summary>Host names of the linked hubs.</summary>
    public IReadOnlyList<string> LinkedHubs => _dps.Hubs.Names;

    /// <summary>Starts a service.</summary>
    /// <param name="options">Its name and strictness.</param>
    /// <param name="hubs">Hubs to link, 1 to <see cref="ProvisioningLimits.HubsMax"/>.</param>
    /// <param name="authority">Issues its server certificate, and is whom it trusts when it calls webhooks.</param>
    /// <param name="tokens">Verifies callers of the service API.</param>
    /// <param name="directory">Says what they may do.</param>
    /// <param name="clock">Device time, for stamps.</param>
    /// <param name="wall">Wall time, for tokens, certificates, rates and timeouts.</param>
    /// <param name="cancel">Stops the start.</param>
    /// <exception cref="IOException">A port that was asked for is taken.</exception>
    public static async Task<ProvisioningService> Start(
        ProvisioningOptions options, IReadOnlyList<IotHubService> hubs, LocalAuthority authority, Tokens tokens, TenantDirectory directory,
        TimeProvider clock, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(hubs);
        ArgumentNullException.ThrowIfNull(authority);
        ArgumentOutOfRangeException.ThrowIfZero(hubs.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hubs.Count, ProvisioningLimits.HubsMax);
        var handler = LocalTrust.Handler(authority);
        handler.AllowAutoRedirect = false;
        var webhooks = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        var dps = new Dps(options, hubs, webhooks, clock, wall);
        var certificate = authority.IssueServer(options.HostName, ProvisioningOptions.GlobalHostName);
        var api = new DeviceApi(dps);
        var server = DeviceDoors.Build(
            new DoorOptions(options.MqttPort, options.HttpsPort, ProvisioningLimits.BodyBytesMax, AsksOverHttps: true), certificate, new DeviceMqtt(dps, api).Serve);
        new DeviceHttp(dps, api).Map(server);
        new ServiceApi(dps, tokens, directory).Map(server);
        var service = new ProvisioningService(dps, server, certificate, webhooks);
        try
        {
            await server.StartAsync(cancel).ConfigureAwait(false);
        }
        catch
        {
            await service.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        (service.MqttPort, service.HttpsPort) = DeviceDoors.Ports(server);
        dps.Hosts = [ProvisioningOptions.GlobalHostName, .. DeviceDoors.Hosts(options.HostName, (service.MqttPort, service.HttpsPort))];
        return service;
    }

    /// <summary>Registers a CA certificate: the first step of a proof of possession. (On Azure: the portal or ARM.)</summary>
    /// <param name="name">What references call it.</param>
    /// <param name="certificate">A root or an intermediate; copied.</param>
    /// <returns>The verification code, or <c>authority-exists</c>, <c>authority-shape</c>, <c>authorities-full</c>.</returns>
    public Parsed<string> AddAuthority(string name, X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(certificate);
        return _dps.Authorities.Add(name, certificate);
    }

    /// <summary>Verifies a registered CA: only then may chains end in it and references name it.</summary>
    /// <param name="name">As registered.</param>
    /// <param name="proof">Signed by the CA itself, its common name the verification code: <see cref="LocalAuthority.Prove"/>.</param>
    /// <returns>Null, or <c>authority-unknown</c>, <c>authority-proof</c>.</returns>
    public Fault? ProveAuthority(string name, X509Certificate2 proof)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(proof);
        return _dps.Authorities.Prove(name, proof, _dps.Wall.GetUtcNow());
    }

    /// <summary>Removes a CA, as after its key leaked: no chain ends in it any more. Identities in hubs stay.</summary>
    /// <param name="name">As registered.</param>
    /// <returns>Null, or <c>authority-unknown</c>.</returns>
    public Fault? RemoveAuthority(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _dps.Authorities.Remove(name);
    }

    /// <summary>Takes a hub's link away: no device is given to it any more, and those it has stay.</summary>
    /// <param name="hubHostName">The hub; nothing happens when it is not linked.</param>
    public void Unlink(string hubHostName)
    {
        ArgumentNullException.ThrowIfNull(hubHostName);
        _dps.Hubs.Unlink(hubHostName);
    }

    /// <summary>Where a device lives, or null.</summary>
    /// <param name="registrationId">Whose; its case does not count.</param>
    public (string HubHostName, string DeviceId)? Find(string registrationId)
    {
        ArgumentNullException.ThrowIfNull(registrationId);
        if (_dps.Registrations.Find(registrationId) is not { } record) return null;
        lock (record.Gate) return record.Assigned is { } assigned ? (assigned.HubHostName, assigned.DeviceId) : null;
    }

    /// <summary>A shared access token of the service's policy, as whoever stole its key would make it.</summary>
    /// <param name="lifetime">From now, wall time.</param>
    public string SignPolicyToken(TimeSpan lifetime) =>
        SasToken.Sign(HostName, _dps.Policies.Key(ServicePolicies.Owner), _dps.Wall.GetUtcNow() + lifetime, ServicePolicies.Owner);

    /// <summary>The policy's connection string, for tools. A secret for as long as the process lives.</summary>
    public string ConnectionString() => $"HostName={HostName};SharedAccessKeyName={ServicePolicies.Owner};SharedAccessKey={_dps.Policies.Key(ServicePolicies.Owner)}";

    /// <summary>Stops listening and what is being registered.</summary>
    public async ValueTask DisposeAsync()
    {
        await DeviceDoors.Stop(_server, _certificate).ConfigureAwait(false);
        await _dps.DisposeAsync().ConfigureAwait(false);
        _webhooks.Dispose();
    }
}
