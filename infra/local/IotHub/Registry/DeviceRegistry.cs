using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub.Messages;

namespace Serverless.Local.IotHub.Registry;

/// <summary>The identity registry: who exists, under which credentials, enabled or not.</summary>
/// <remarks>Thread-safe. A change that takes a device's right to be connected cuts its session before it returns, and nothing the
/// device sent is accepted after it. (Azure promises no such bound; see the folder's README.) The session's reason is
/// <c>device-disabled</c>, <c>credentials-changed</c> or <c>device-deleted</c>.</remarks>
internal sealed class DeviceRegistry(HubEvents events, TimeProvider clock, int devicesMax)
{
    private readonly ConcurrentDictionary<string, DeviceRecord> _devices = new(StringComparer.Ordinal);
    private long _generation = clock.GetUtcNow().UtcTicks;
    private long _etag = clock.GetUtcNow().UtcTicks;

    public int Count => _devices.Count;

    /// <summary>All records in no order; each must be read under its gate.</summary>
    public IEnumerable<DeviceRecord> Records => _devices.Select(pair => pair.Value);

    public bool TryFind(string deviceId, [MaybeNullWhen(false)] out DeviceRecord device) => _devices.TryGetValue(deviceId, out device);

    /// <param name="spec">The device.</param>
    /// <param name="reported">Reported properties it begins with, where DPS moves it here from another hub.</param>
    /// <returns>The record, or <c>device-id</c>, <c>device-credentials</c>, <c>device-reason</c>, <c>device-exists</c>, <c>hub-full</c>,
    /// <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<DeviceRecord> Create(DeviceSpec spec, JsonObject? reported = null)
    {
        if (Check(spec) is { } refused) return refused;
        if (_devices.Count >= devicesMax) return new Fault("hub-full", "deviceId");
        var now = clock.GetUtcNow();
        var device = new DeviceRecord(new DeviceIdentity(
            spec.DeviceId, NextGeneration(), NextETag(), spec.Status, spec.StatusReason, now, WithKeys(spec.Credentials), spec.IotEdge));
        if (!Begin(device.Twin.Tags, spec.Tags).TryGet(out var tags, out var fault)) return fault;
        if (!Begin(device.Twin.Desired, spec.Desired).TryGet(out var desired, out fault)) return fault;
        if (!Begin(device.Twin.Reported, reported).TryGet(out var moved, out fault)) return fault;
        device.Twin.Start(tags, desired, moved);
        lock (device.Gate) // whoever finds the record waits here, so nothing is routed before its creation
        {
            if (!_devices.TryAdd(spec.DeviceId, device)) return new Fault("device-exists", "deviceId");
            events.Lifecycle(device, created: true);
        }

        return device;

        Parsed<TwinSection> Begin(TwinSection empty, JsonObject? values) =>
            values is null ? empty : empty.Merge(values, now).Then<TwinSection>(change => change.Next);
    }

    /// <summary>Replaces what is settable; like the real call it is not a patch, so credentials left out are new keys.</summary>
    /// <param name="spec">Everything.</param>
    /// <param name="ifMatch">An ETag, or <c>*</c>.</param>
    /// <returns>The record, or as <see cref="Create"/> and <c>device-not-found</c>, <c>etag-mismatch</c>.</returns>
    public Parsed<DeviceRecord> Update(DeviceSpec spec, string ifMatch)
    {
        if (Check(spec) is { } refused) return refused;
        if (!TryFind(spec.DeviceId, out var device)) return new Fault("device-not-found", "deviceId");
        lock (device.Gate)
        {
            if (device.Deleted) return new Fault("device-not-found", "deviceId");
            var before = device.Identity;
            if (ifMatch != "*" && ifMatch != before.ETag) return new Fault("etag-mismatch", "If-Match");
            device.Identity = before with
            {
                ETag = NextETag(),
                Status = spec.Status,
                StatusReason = spec.StatusReason,
                StatusUpdatedAt = spec.Status == before.Status ? before.StatusUpdatedAt : clock.GetUtcNow(),
                Credentials = WithKeys(spec.Credentials),
                IotEdge = spec.IotEdge,
            };
            if (device.Identity.Status == DeviceStatus.Disabled) Disconnect(device, new Fault("device-disabled", "status"));
            else if (device.Identity.Credentials != before.Credentials) Disconnect(device, new Fault("credentials-changed", "authentication"));
        }

        return device;
    }

    /// <returns>The removed record, or <c>device-not-found</c>, <c>etag-mismatch</c>.</returns>
    public Parsed<DeviceRecord> Delete(string deviceId, string ifMatch)
    {
        if (!TryFind(deviceId, out var device)) return new Fault("device-not-found", "deviceId");
        lock (device.Gate)
        {
            if (device.Deleted) return new Fault("device-not-found", "deviceId");
            if (ifMatch != "*" && ifMatch != device.Identity.ETag) return new Fault("etag-mismatch", "If-Match");
            Disconnect(device, new Fault("device-deleted", "deviceId"));
            device.Deleted = true;
            _devices.TryRemove(deviceId, out _);
            events.Lifecycle(device, created: false);
        }

        return device;
    }

    /// <summary>Ends the device's session, if it has one. Called under the gate.</summary>
    public void Disconnect(DeviceRecord device, Fault reason)
    {
        if (device.Session is not { } session) return;
        device.Session = null;
        device.Queue.Return();
        session.Cut(reason);
        events.Connection(device, connected: false);
    }

    private static Fault? Check(DeviceSpec spec) =>
        DeviceName.Parse(spec.DeviceId).Fault
        ?? (spec.StatusReason?.Length > HubLimits.StatusReasonMax ? new Fault("device-reason", "statusReason") : null)
        ?? CredentialRule.Check(spec.Credentials);

    private static DeviceCredentials WithKeys(DeviceCredentials credentials) => credentials.Type != AuthenticationType.Sas
        ? credentials with { PrimaryKey = null, SecondaryKey = null }
        : credentials with
        {
            PrimaryKey = string.IsNullOrEmpty(credentials.PrimaryKey) ? NewKey() : credentials.PrimaryKey,
            SecondaryKey = string.IsNullOrEmpty(credentials.SecondaryKey) ? NewKey() : credentials.SecondaryKey,
            PrimaryThumbprint = null,
            SecondaryThumbprint = null,
        };

    private static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    private string NextGeneration() => Interlocked.Increment(ref _generation).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private string NextETag() => Convert.ToBase64String(BitConverter.GetBytes(Interlocked.Increment(ref _etag)).AsSpan(0, 6));
}
