using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Provisioning;
using Serverless.Faults;
using Serverless.Provisioning;

namespace Serverless.Enrollment.ShowDevice;

/// <summary>Asks everyone who knows a device, and says where they differ.</summary>
internal sealed class DeviceDesk(IDeviceLedger ledger, IProvisioning provisioning, IHubs hubs)
{
    private const int HistoryMax = 50;

    /// <summary>Looks a device up.</summary>
    /// <returns>What everyone says, or <c>device-unknown</c>.</returns>
    public async Task<Parsed<DeviceView>> Show(DeviceId id, CancellationToken cancel)
    {
        var looking = (Entry: provisioning.Get(id.Text, cancel), Assigned: provisioning.AssignedHub(id.Text, cancel), Trail: ledger.Audit(id, cancel));
        // The ledger last: what the others said may be older than its row, never newer.
        await Task.WhenAll(looking.Entry, looking.Assigned, looking.Trail).ConfigureAwait(false);
        var (entry, assigned, trail) = (await looking.Entry.ConfigureAwait(false), await looking.Assigned.ConfigureAwait(false), await looking.Trail.ConfigureAwait(false));
        if (await ledger.Get(id, cancel).ConfigureAwait(false) is not { } row) return new Fault("device-unknown", "id");
        var seen = new SeenByProvisioning(
            entry is null ? null : entry.Status == ProvisioningStatus.Enabled, entry?.Allocation == AllocationPolicy.Custom,
            entry is null ? [] : [.. EnrollmentEntries.Certificates(entry)], assigned);
        var identity = row.Hub is { } host ? await hubs.Look(host, id.Text, cancel).ConfigureAwait(false) : null;
        return new DeviceView(
            DeviceBody.Of(row),
            new ProvisioningView(seen.Enabled, seen.Custom, seen.Certificates, seen.AssignedHub),
            identity is null ? null : new HubView(identity.Hub, identity.Enabled, identity.GenerationId, identity.SymmetricKey, identity.Thumbprints),
            Disagreements.Between(row, seen, identity),
            [.. trail.TakeLast(HistoryMax).Select(one => new HistoryBody(one.Revision, one.Deed.At, Words.Of(one.Deed.By), one.Deed.Who, one.Deed.Why, one.From is { } from ? Words.Of(from) : null, Words.Of(one.To)))]);
    }
}
