using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Devices;
using Serverless.Faults;
using Serverless.IotHub;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;
using Serverless.Rest;

namespace Serverless.Lifecycle.Stores;

/// <summary>Every hub that DPS may place devices at.</summary>
/// <param name="hubs">One client a hub; at least one.</param>
/// <param name="personalTags">Twin tags that hold personal data.</param>
internal sealed class LinkedHubs(IReadOnlyList<IotHubClient> hubs, IReadOnlyList<string> personalTags) : IHubs
{
    private const string Reason = "decommissioned";
    private static readonly string[] FirmwareTags = ["ring"];
    private const string FirmwareDesired = "firmware";
    private const string LifeTag = "lifecycle", Ended = "ended"; // telemetry reads it, in order with the device's own events

    /// <inheritdoc/>
    public async Task<PlaneOutcome> Reset(DeviceRecord device, CancellationToken cancel)
    {
        foreach (var hub in hubs.Where(hub => device.Hub is null || Same(hub, device.Hub)))
        {
            var called = await hub.CallMethod(device.Id.Text, new MethodCall("factoryReset") { ResponseTimeout = TimeSpan.FromSeconds(10) }, cancel).ConfigureAwait(false);
            // The device's own number; its words are its own, and stay out of the statement.
            return new PlaneOutcome(Planes.FactoryReset, Stages.Noted, called.TryGet(out var answer, out var fault) ? $"answered {answer.Status}" : fault.Code);
        }

        return new PlaneOutcome(Planes.FactoryReset, Stages.Noted, "at no linked hub");
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PlaneOutcome>> Shut(IReadOnlyList<DeviceRecord> devices, CancellationToken cancel)
    {
        var answers = devices.ToDictionary(device => device.Id.Text, _ => new List<string>(), StringComparer.Ordinal);
        var failed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var hub in hubs)
        {
            // Keys nobody knows take the place of thumbprints and authorities too: even enabled by hand, the identity lets nobody in.
            var changes = devices.Select(device => new HubChange(HubChangeMode.Update, new HubDevice
            {
                DeviceId = device.Id.Text,
                Status = HubDeviceStatus.Disabled,
                StatusReason = Reason,
                Authentication = new HubAuthentication(HubCredential.SymmetricKeys) { Keys = DeviceKeys.Random() },
            })).ToArray();
            var done = await hub.Bulk(changes, cancel).ConfigureAwait(false);
            var whole = done.TryGet(out var outcome, out var refused) ? null : refused;
            foreach (var device in devices)
            {
                var fault = whole ?? outcome!.Failures.GetValueOrDefault(device.Id.Text);
                var gone = fault?.Code == "hub-device-unknown";
                answers[device.Id.Text].Add($"{Name(hub)} {(fault is null ? "disabled" : gone ? "none" : Told(fault))}");
                if (fault is not null && !gone) failed.Add(device.Id.Text);
            }
        }

        return [.. devices.Select(device => new PlaneOutcome(Planes.Hub, failed.Contains(device.Id.Text) ? Stages.Failed : Stages.Closed, string.Join(", ", answers[device.Id.Text])))];
    }

    /// <inheritdoc/>
    public Task<PlaneOutcome> Withdraw(DeviceRecord device, CancellationToken cancel) =>
        Patch(Planes.Firmware, device, () => new TwinPatch(Tags(), new JsonObject { [FirmwareDesired] = null }), cancel);

    /// <inheritdoc/>
    public Task<PlaneOutcome> Purge(DeviceRecord device, CancellationToken cancel) =>
        personalTags.Count == 0 ? Task.FromResult(new PlaneOutcome(Planes.Personal, Stages.Closed, "none kept"))
        : Patch(Planes.Personal, device, () => new TwinPatch(Nulls(personalTags), null), cancel);

    /// <inheritdoc/>
    public async Task Announce(DeviceRecord device, DateTimeOffset endsAt, CancellationToken cancel)
    {
        foreach (var hub in hubs.Where(hub => device.Hub is not null && Same(hub, device.Hub)))
        {
            var told = new TwinPatch(null, new JsonObject { ["supportEndsAt"] = endsAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) });
            var done = await hub.PatchTwin(device.Id.Text, told, null, cancel).ConfigureAwait(false);
            if (done.Fault is { } fault && fault.Code != "hub-device-unknown") throw new IOException($"the hub does not take the end of support: {Told(fault)}");
        }
    }

    /// <inheritdoc/>
    public async Task<PlaneOutcome> Delete(DeviceRecord device, CancellationToken cancel)
    {
        var answers = new List<string>();
        var failed = false;
        foreach (var hub in hubs)
        {
            var fault = await hub.DeleteDevice(device.Id.Text, null, cancel).ConfigureAwait(false);
            var gone = fault is null || fault.Code == "hub-device-unknown";
            answers.Add($"{Name(hub)} {(fault is null ? "deleted" : gone ? "none" : Told(fault))}");
            failed |= !gone;
        }

        return new PlaneOutcome(Planes.Release, failed ? Stages.Failed : Stages.Closed, string.Join(", ", answers));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PlaneReading>> Read(DeviceRecord device, CancellationToken cancel)
    {
        var (identity, firmware, personal, release) = (new Seen(), new Seen(), new Seen(), new Seen());
        foreach (var hub in hubs)
        {
            var read = await hub.GetDevice(device.Id.Text, cancel).ConfigureAwait(false);
            if (!read.TryGet(out var found, out var fault))
            {
                var gone = fault.Code == "hub-device-unknown";
                foreach (var seen in (Seen[])[identity, firmware, personal, release]) seen.Add(hub, gone, gone ? "none" : fault.Code);
                continue;
            }

            identity.Add(hub, found.Status == HubDeviceStatus.Disabled, $"{(found.Status == HubDeviceStatus.Disabled ? "disabled" : "enabled")} {found.ETag}");
            release.Add(hub, false, "still there");
            var twin = await hub.GetTwin(device.Id.Text, cancel).ConfigureAwait(false);
            if (!twin.TryGet(out var state, out fault))
            {
                foreach (var seen in (Seen[])[firmware, personal]) seen.Add(hub, fault.Code == "hub-device-unknown", fault.Code);
                continue;
            }

            var entitled = Has(state.Desired, FirmwareDesired) || FirmwareTags.Any(tag => Has(state.Tags, tag));
            var ended = state.Tags.ValueKind == JsonValueKind.Object && state.Tags.TryGetProperty(LifeTag, out var life) && life.ValueKind == JsonValueKind.String && life.ValueEquals(Ended);
            firmware.Add(hub, !entitled && ended, entitled ? "entitled" : ended ? "not entitled, ended" : "not marked as ended");
            var kept = personalTags.Any(tag => Has(state.Tags, tag));
            personal.Add(hub, !kept, kept ? "kept" : "purged");
        }

        var readings = new List<PlaneReading> { identity.Of(Planes.Hub), firmware.Of(Planes.Firmware), personal.Of(Planes.Personal) };
        if (device.Ending?.NewOwner is not null) readings.Add(release.Of(Planes.Release));
        return readings;
    }

    private async Task<PlaneOutcome> Patch(string plane, DeviceRecord device, Func<TwinPatch> patch, CancellationToken cancel)
    {
        var answers = new List<string>();
        var failed = false;
        foreach (var hub in hubs)
        {
            var done = await hub.PatchTwin(device.Id.Text, patch(), null, cancel).ConfigureAwait(false);
            var gone = done.Fault?.Code == "hub-device-unknown";
            answers.Add($"{Name(hub)} {(done.TryGet(out var twin, out var fault) ? "twin " + twin.ETag : gone ? "none" : Told(fault))}");
            failed |= done.Fault is not null && !gone;
        }

        return new PlaneOutcome(plane, failed ? Stages.Failed : Stages.Closed, string.Join(", ", answers));
    }

    private static JsonObject Tags()
    {
        var patch = Nulls(FirmwareTags);
        patch[LifeTag] = Ended;
        return patch;
    }

    private static JsonObject Nulls(IEnumerable<string> names)
    {
        var patch = new JsonObject();
        foreach (var name in names) patch[name] = null;
        return patch;
    }

    private static bool Has(JsonElement section, string name) => section.ValueKind == JsonValueKind.Object && section.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    private static string Told(Fault fault) => fault is ServiceFault service ? $"{fault.Code} {service.ServiceCode} {service.TrackingId}" : fault.Code;

    private static string Name(IotHubClient hub) => hub.Host.Split('.', 2)[0];

    private static bool Same(IotHubClient hub, string host) => hub.Host.Equals(host, StringComparison.OrdinalIgnoreCase);

    private sealed class Seen
    {
        private readonly List<string> _answers = [];
        private bool _open;

        public void Add(IotHubClient hub, bool closed, string answer)
        {
            _answers.Add($"{Name(hub)} {answer}");
            _open |= !closed;
        }

        public PlaneReading Of(string plane) => new(plane, !_open, string.Join(", ", _answers));
    }
}
