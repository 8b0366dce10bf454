using System.Diagnostics;
using Serverless.Devices;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Sweeps;

/// <summary>Which port closes which plane, and reads it back.</summary>
internal sealed class PlaneWork(IRegistrations registrations, IHubs hubs, IDeviceLedger ledger)
{
    /// <summary>Most devices of one call of <see cref="Close"/>.</summary>
    public static int Together(Plane plane) => plane.Name == Planes.Hub ? 100 : 1;

    /// <summary>Closes one plane of some devices.</summary>
    /// <param name="plane">The plane.</param>
    /// <param name="devices">At most <see cref="Together"/>.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancel">Stops the call; it may have landed.</param>
    /// <returns>One outcome a device.</returns>
    public async Task<IReadOnlyList<PlaneOutcome>> Close(Plane plane, IReadOnlyList<DeviceRecord> devices, DateTimeOffset now, CancellationToken cancel)
    {
        if (plane.Name == Planes.Hub) return await hubs.Shut(devices, cancel).ConfigureAwait(false);
        var device = devices.Single();
        return [plane.Name switch
        {
            Planes.FactoryReset => await hubs.Reset(device, cancel).ConfigureAwait(false),
            Planes.Enrollment => await registrations.Lock(device, cancel).ConfigureAwait(false),
            Planes.Registration => await registrations.Forget(device, cancel).ConfigureAwait(false),
            Planes.Keys => Keys(device),
            Planes.Denial => await Deny(device, now, cancel).ConfigureAwait(false),
            Planes.Firmware => await hubs.Withdraw(device, cancel).ConfigureAwait(false),
            Planes.Personal => await hubs.Purge(device, cancel).ConfigureAwait(false),
            Planes.Release => await hubs.Delete(device, cancel).ConfigureAwait(false),
            _ => throw new UnreachableException(),
        }];
    }

    /// <summary>Tells a living device when its support ends.</summary>
    public Task Announce(DeviceRecord device, DateTimeOffset endsAt, CancellationToken cancel) => hubs.Announce(device, endsAt, cancel);

    /// <summary>Reads every plane back.</summary>
    /// <param name="device">The device.</param>
    /// <param name="cancel">Stops the call.</param>
    public async Task<IReadOnlyList<PlaneReading>> Read(DeviceRecord device, CancellationToken cancel)
    {
        var readings = new List<PlaneReading>();
        readings.AddRange(await registrations.Read(device, cancel).ConfigureAwait(false));
        readings.AddRange(await hubs.Read(device, cancel).ConfigureAwait(false));
        var keys = LedgerKeys.Of(device).ToList();
        var denied = 0;
        foreach (var key in keys) denied += await ledger.IsDenied(key, cancel).ConfigureAwait(false) ? 1 : 0;
        readings.Add(new PlaneReading(Planes.Denial, denied == keys.Count, $"{denied} of {keys.Count} keys denied"));
        var expected = Planes.Of(device).Where(plane => plane.Verified).Select(plane => plane.Name).Order(StringComparer.Ordinal);
        return expected.SequenceEqual(readings.Select(reading => reading.Plane).Order(StringComparer.Ordinal)) ? readings
            : throw new UnreachableException("each verified plane is read exactly once");
    }

    // The two planes before it did the work; this one says so, plainly and by itself, for the statement.
    private static PlaneOutcome Keys(DeviceRecord device) => new(
        Planes.Keys, Stages.Closed, device.Current.Kind == KeyKind.SymmetricKey ? "replaced in DPS and at the hubs by keys nobody knows" : "none in DPS; the hubs' are keys nobody knows");

    private async Task<PlaneOutcome> Deny(DeviceRecord device, DateTimeOffset now, CancellationToken cancel)
    {
        var keys = LedgerKeys.Of(device).ToList();
        foreach (var key in keys) await ledger.Deny(key, new Deed(Act.Close, SweepRun.Who, "device " + device.Id.Text + " ended", now), cancel).ConfigureAwait(false);
        return new PlaneOutcome(Planes.Denial, Stages.Closed, $"{keys.Count} keys");
    }
}
