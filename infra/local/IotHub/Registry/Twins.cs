using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub.Messages;

namespace Serverless.Local.IotHub.Registry;

/// <summary>Changes of twins, from either side. A change lands whole or not at all, then is told to the device and to the routes.</summary>
internal sealed class Twins(DeviceRegistry registry, HubEvents events, TimeProvider clock)
{
    /// <summary>Patches tags and desired properties.</summary>
    /// <param name="deviceId">Whose.</param>
    /// <param name="ifMatch">A twin ETag, or <c>*</c>.</param>
    /// <param name="tags">Patch, or null.</param>
    /// <param name="desired">Patch, or null.</param>
    /// <returns>The twin after it, or <c>device-not-found</c>, <c>etag-mismatch</c>, <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<JsonObject> Patch(string deviceId, string ifMatch, JsonObject? tags, JsonObject? desired) => Change(deviceId, ifMatch, device =>
    {
        var now = clock.GetUtcNow();
        TwinChange? newTags = null;
        TwinChange? newDesired = null;
        if (tags is not null && !device.Twin.Tags.Merge(tags, now).TryGet(out newTags, out var fault)) return fault;
        if (desired is not null && !device.Twin.Desired.Merge(desired, now).TryGet(out newDesired, out fault)) return fault;
        if (newTags is null && newDesired is null) return null;
        device.Twin.Commit(newTags?.Next, newDesired?.Next);
        events.TwinUpdated(device, newTags?.Applied, newDesired?.Applied, null);
        if (newDesired is not null) device.Session?.NotifyDesired(newDesired.Applied, newDesired.Next.Version);
        return null;
    });

    /// <summary>Replaces tags and desired properties; a section left out becomes empty.</summary>
    /// <returns>As <see cref="Patch"/>.</returns>
    public Parsed<JsonObject> Replace(string deviceId, string ifMatch, JsonObject? tags, JsonObject? desired) => Change(deviceId, ifMatch, device =>
    {
        var now = clock.GetUtcNow();
        if (!device.Twin.Tags.Replace(tags ?? [], now).TryGet(out var newTags, out var fault)) return fault;
        if (!device.Twin.Desired.Replace(desired ?? [], now).TryGet(out var newDesired, out fault)) return fault;
        device.Twin.Commit(newTags.Next, newDesired.Next);
        events.TwinReplaced(device);
        device.Session?.NotifyDesired(newDesired.Applied, newDesired.Next.Version);
        return null;
    });

    /// <summary>Patches reported properties. Called by the device's session, under the gate.</summary>
    /// <returns>The section's new version, or <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<TwinSection> Report(DeviceRecord device, JsonObject patch)
    {
        if (!device.Twin.Reported.Merge(patch, clock.GetUtcNow()).TryGet(out var change, out var fault)) return fault;
        device.Twin.CommitReported(change.Next);
        events.TwinUpdated(device, null, null, change.Applied);
        return change.Next;
    }

    private Parsed<JsonObject> Change(string deviceId, string ifMatch, Func<DeviceRecord, Fault?> change)
    {
        if (!registry.TryFind(deviceId, out var device)) return new Fault("device-not-found", "deviceId");
        lock (device.Gate)
        {
            if (device.Deleted) return new Fault("device-not-found", "deviceId");
            if (ifMatch != "*" && ifMatch != device.Twin.ETag) return new Fault("etag-mismatch", "If-Match");
            return change(device) is { } fault ? fault : device.TwinDocument();
        }
    }
}
