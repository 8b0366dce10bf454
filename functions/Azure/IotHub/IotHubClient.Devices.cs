using System.Text.Json.Nodes;
using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.IotHub;

public sealed partial class IotHubClient
{
    private const int TriesMax = 5;

    /// <summary>Reads a device's identity.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>It, without its keys; or <c>hub-device-unknown</c>.</returns>
    public async Task<Parsed<HubDevice>> GetDevice(string deviceId, CancellationToken cancel)
    {
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        return await Ask(new("device-get", RequestMethod.Get, Device(deviceId), _budgets.Registry, Repeat.Read), HubJson.Default.DeviceBody, HubDevices.Device, cancel).ConfigureAwait(false);
    }

    /// <summary>Makes a device where there is none.</summary>
    /// <param name="device">The device.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>hub-device-exists</c>.</returns>
    public Task<Parsed<HubDevice>> CreateDevice(HubDevice device, CancellationToken cancel) => Write("device-create", device, null, Repeat.Guarded, cancel);

    /// <summary>Replaces a device. A device by symmetric keys that are not given gets new ones; to change only its status use <see cref="SetStatus"/>.</summary>
    /// <param name="device">The device; with its ETag only that version is replaced, without one whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>hub-device-stale</c>, <c>hub-device-unknown</c>.</returns>
    public Task<Parsed<HubDevice>> UpdateDevice(HubDevice device, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Write("device-update", device, device.ETag ?? "*", device.ETag is null ? Repeat.Harmless : Repeat.Guarded, cancel);
    }

    /// <summary>Enables or disables a device and leaves everything else as it is, its keys included. Two operations or more.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="status">The status it shall have.</param>
    /// <param name="reason">At most 128 characters; whoever may read devices reads it.</param>
    /// <param name="generationId">Which device of that name is meant, or <see langword="null"/> for whichever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>hub-device-unknown</c>, <c>hub-device-generation-stale</c> (another device has the name now),
    /// <c>hub-device-stale</c> (somebody else kept changing it).</returns>
    public Task<Parsed<HubDevice>> SetStatus(string deviceId, HubDeviceStatus status, string? reason, string? generationId, CancellationToken cancel) =>
        Change("device-status", deviceId, generationId, device =>
        {
            HubDevices.SetStatus(device, status, reason);
            return true;
        }, cancel);

    /// <summary>Gives a device by symmetric keys two new ones that nobody gets to know: tokens made with the old ones die. A device with
    /// other credentials is left as it is.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="generationId">Which device of that name is meant, or <see langword="null"/> for whichever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; faults as <see cref="SetStatus"/>.</returns>
    public Task<Parsed<HubDevice>> RenewKeys(string deviceId, string? generationId, CancellationToken cancel) =>
        Change("device-keys", deviceId, generationId, HubDevices.RenewKeys, cancel);

    /// <summary>Deletes a device. DPS may make it anew, with another generation: disable it there first.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="etag">The version to delete; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns><see langword="null"/> when it is gone; or <c>hub-device-unknown</c>, <c>hub-device-stale</c>.</returns>
    public async Task<Fault?> DeleteDevice(string deviceId, string? etag, CancellationToken cancel)
    {
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        var call = new ServiceCall("device-delete", RequestMethod.Delete, Device(deviceId), _budgets.Registry, etag is null ? Repeat.Harmless : Repeat.Guarded)
        {
            IfMatch = Requests.IfMatch(etag ?? "*"),
        };
        var (reply, earlier) = await Send(call, cancel).ConfigureAwait(false);
        // Gone after a try that got no answer: by us or by somebody else, but gone.
        return reply.Status < 300 || (reply.Status == 404 && earlier) ? null : HubFaults.Of(reply);
    }

    /// <summary>Runs up to <see cref="BulkMax"/> changes, each by itself; counts as one registry operation here.</summary>
    /// <param name="changes">1 to 100 changes of different devices.</param>
    /// <param name="cancel">Cancels; some may have landed.</param>
    /// <returns>What failed, per device: <c>hub-device-exists</c>, <c>hub-device-unknown</c>, <c>hub-device-stale</c>, <c>hub-refused</c>,
    /// <c>hub-item-busy</c> (throttled: again later), <c>hub-item-failed</c> (the service broke on it).</returns>
    public async Task<Parsed<BulkOutcome>> Bulk(IReadOnlyList<HubChange> changes, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentOutOfRangeException.ThrowIfLessThan(changes.Count, 1, nameof(changes));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(changes.Count, BulkMax, nameof(changes));
        var ids = changes.Select(change => change.Device.DeviceId).ToHashSet(StringComparer.Ordinal);
        if (ids.Count < changes.Count) throw new ArgumentException("a device is there twice: which change counts?", nameof(changes));
        foreach (var id in ids) if (HubDeviceId.Check(id) is { } fault) return fault;
        var harmless = changes.All(change => change.Mode is HubChangeMode.Update or HubChangeMode.UpdateTwin);
        var call = new ServiceCall("device-bulk", RequestMethod.Post, "devices", _budgets.Registry, harmless ? Repeat.Harmless : Repeat.Guarded)
        {
            Body = Requests.Body(changes.Select(HubDevices.From).ToList(), HubJson.Default.ListChangeBody),
        };
        var (reply, earlier) = await Send(call, cancel).ConfigureAwait(false);
        if (reply.Status >= 300) return HubFaults.Of(reply);
        var outcome = _caller.Read(call, reply, HubJson.Default.BulkAnswerBody, answer => HubFaults.Of(answer, ids));
        // A repeated bulk finds its own work done: what then exists, or is gone or stale, may be ours.
        if (earlier && outcome.Failures.Values.Any(failure => failure.Status is 404 or 409 or 412))
        {
            throw new ServiceOutageException(Host, "device-bulk", "outcome-unknown", mayHaveLanded: true);
        }

        return outcome;
    }

    /// <summary>How many devices there are.</summary>
    /// <param name="cancel">Cancels.</param>
    public Task<Parsed<HubStatistics>> GetStatistics(CancellationToken cancel) =>
        Ask(new("statistics-get", RequestMethod.Get, "statistics/devices", _budgets.Registry, Repeat.Read), HubJson.Default.StatisticsBody,
            body => new HubStatistics(body.TotalDeviceCount ?? 0, body.EnabledDeviceCount ?? 0, body.DisabledDeviceCount ?? 0), cancel);

    private async Task<Parsed<HubDevice>> Write(string operation, HubDevice device, string? etag, Repeat repeat, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (HubDeviceId.Check(device.DeviceId) is { } fault) return fault;
        var call = new ServiceCall(operation, RequestMethod.Put, Device(device.DeviceId), _budgets.Registry, repeat)
        {
            Body = Requests.Body(HubDevices.From(device), HubJson.Default.DeviceBody),
            IfMatch = Requests.IfMatch(etag),
        };
        return await Ask(call, HubJson.Default.DeviceBody, HubDevices.Device, cancel).ConfigureAwait(false);
    }

    // Reads, changes and writes one version; another writer in between means once more. The document holds keys: it stays in here.
    private async Task<Parsed<HubDevice>> Change(string operation, string deviceId, string? generationId, Func<JsonObject, bool> change, CancellationToken cancel)
    {
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        for (var tries = 1; ; tries++)
        {
            var get = new ServiceCall(operation + "-get", RequestMethod.Get, Device(deviceId), _budgets.Registry, Repeat.Read);
            var (read, _) = await Send(get, cancel).ConfigureAwait(false);
            if (read.Status >= 300) return HubFaults.Of(read);
            var known = _caller.Read(get, read, HubJson.Default.DeviceBody, HubDevices.Device);
            if (generationId is not null && known.GenerationId != generationId) return new Fault("hub-device-generation-stale", "generationId");
            var device = _caller.Read(get, read, HubJson.Default.JsonObject, body => body);
            if (!change(device)) return known;
            var etag = known.ETag ?? read.ETag ?? throw _caller.Malformed(get, read);
            var put = new ServiceCall(operation, RequestMethod.Put, Device(deviceId), _budgets.Registry, Repeat.Guarded)
            {
                Body = Requests.Body(device, HubJson.Default.JsonObject),
                IfMatch = Requests.IfMatch(etag),
            };
            var (written, _) = await Send(put, cancel).ConfigureAwait(false);
            if (written.Status < 300) return _caller.Read(put, written, HubJson.Default.DeviceBody, HubDevices.Device);
            if (written.Status != 412 || tries == TriesMax) return HubFaults.Of(written);
        }
    }
}
