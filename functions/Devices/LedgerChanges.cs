using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>Changes that are decided anew when somebody was faster.</summary>
public static class LedgerChanges
{
    private const int TriesMax = 16; // each lost race means that another writer won one

    /// <summary>Reads, decides and swaps until no other writer comes between.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="id">Which device.</param>
    /// <param name="deed">Who, what, why, when.</param>
    /// <param name="decide">From the row as it is to the row as it shall be; pure, may run several times. The same row back means that
    /// nothing is to do.</param>
    /// <param name="cancel">Stops the call; a change may have landed.</param>
    /// <returns>The row as stored, or <c>device-unknown</c>, the fault of <paramref name="decide"/> or of <see cref="IDeviceLedger.Change"/>;
    /// <c>device-stale</c> only after many lost races.</returns>
    public static async Task<Parsed<DeviceRecord>> Change(
        this IDeviceLedger ledger, DeviceId id, Deed deed, Func<DeviceRecord, Parsed<DeviceRecord>> decide, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(decide);
        for (var tries = 1; ; tries++)
        {
            if (await ledger.Get(id, cancel).ConfigureAwait(false) is not { } before) return new Fault("device-unknown", "id");
            if (!decide(before).TryGet(out var after, out var refused)) return refused;
            if (after == before) return before;
            var done = await ledger.Change(before, after, deed, cancel).ConfigureAwait(false);
            if (tries == TriesMax || done.Fault?.Code != "device-stale") return done;
        }
    }
}
