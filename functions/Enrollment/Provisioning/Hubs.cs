using System.Collections.Concurrent;
using System.Collections.Immutable;
using Azure.Core;
using Serverless.Enrollment.Admission;
using Serverless.IotHub;

namespace Serverless.Enrollment.Provisioning;

/// <summary>The IoT hubs through their service APIs, one client a hub.</summary>
/// <param name="addresses">Where hubs answer that have an address other than their name.</param>
/// <param name="credential">The app's identity: it may read registries.</param>
/// <param name="clock">Waits and rates.</param>
internal sealed class Hubs(IReadOnlyDictionary<string, string> addresses, TokenCredential credential, TimeProvider clock) : IHubs, IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<IotHubClient>> _clients = new(StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public async Task<SeenByHub> Look(string hub, string id, CancellationToken cancel)
    {
        var client = _clients.GetOrAdd(hub, name => new Lazy<IotHubClient>(() => new IotHubClient(addresses.GetValueOrDefault(name, name), credential, clock))).Value;
        if ((await client.GetDevice(id, cancel).ConfigureAwait(false)).TryGet(out var device, out var fault))
        {
            var authentication = device.Authentication;
            ImmutableArray<string> thumbprints = [.. new[] { authentication.PrimaryThumbprint, authentication.SecondaryThumbprint }.OfType<string>().Where(text => text.Length > 0).Select(text => text.ToLowerInvariant())];
            return new SeenByHub(hub, device.Status == HubDeviceStatus.Enabled, device.GenerationId, authentication.Kind == HubCredential.SymmetricKeys, thumbprints);
        }

        return fault.Code == "hub-device-unknown" ? new SeenByHub(hub, null, null, false, []) : throw new IOException($"the hub did not do as asked: {fault.Code}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var client in _clients.Values.Where(client => client.IsValueCreated)) client.Value.Dispose();
    }
}
