using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning.Registrations;

namespace Serverless.Local.Provisioning;

/// <summary>The hubs a service may give devices to, and what it does in them. On Azure a link is a shared access policy's connection
/// string; here it is the hub itself.</summary>
/// <param name="hubs">1 to <see cref="ProvisioningLimits.HubsMax"/>, each under its own name.</param>
internal sealed class LinkedHubs(IReadOnlyList<IotHubService> hubs)
{
    private volatile IReadOnlyList<IotHubService> _hubs = hubs;

    /// <summary>Host names, in the order they were linked.</summary>
    public IReadOnlyList<string> Names => [.. _hubs.Select(hub => hub.HostName)];

    /// <summary>Takes a link away. Identities in the hub stay.</summary>
    public void Unlink(string hostName) => _hubs = [.. _hubs.Where(hub => !Allocation.Same(hub.HostName, hostName))];

    /// <summary>Makes or refreshes the device's identity in its hub, and takes the one it leaves behind away.</summary>
    /// <param name="device">Identity and initial twin.</param>
    /// <param name="plan">Where, and what of its twin.</param>
    /// <param name="current">Where it lives, or null.</param>
    /// <param name="disabled">What becomes of a disabled identity.</param>
    /// <returns>Null, or <c>hub-unlinked</c>, or the hub's fault. The new identity is made before the old one goes: a refusal leaves the device where it was.</returns>
    public Fault? Settle(DeviceSpec device, AllocationPlan plan, Assignment? current, DisabledIdentities disabled)
    {
        if (Find(plan.Hub) is not { } hub) return new Fault("hub-unlinked", "iotHubs"); // since it was chosen
        var left = current is not null && current != new Assignment(hub.HostName, device.DeviceId) ? Find(current.HubHostName) : null;
        var moved = plan.Twin == TwinSource.Migrated ? left?.TwinOf(current!.DeviceId) : null;
        var adopted = moved is { } twin ? hub.Adopt(device with { Tags = twin.Tags, Desired = twin.Desired }, twin.Reported) : hub.Adopt(device);
        if (!adopted.TryGet(out var identity, out var fault)) return fault;
        if (identity.Status == DeviceStatus.Disabled && disabled == DisabledIdentities.Enable) _ = hub.SetStatus(device.DeviceId, DeviceStatus.Enabled);
        if (left is not null) _ = left.Delete(current!.DeviceId); // gone already is as good
        return null;
    }

    private IotHubService? Find(string hostName) => _hubs.FirstOrDefault(hub => Allocation.Same(hub.HostName, hostName));
}
