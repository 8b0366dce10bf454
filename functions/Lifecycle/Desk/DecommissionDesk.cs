using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Desk;

/// <summary>Where people ask for ends and take them back.</summary>
internal sealed class DecommissionDesk(IDeviceLedger ledger, LifecycleSettings settings, TimeProvider clock, ILogger<DecommissionDesk> log)
{
    private const int Parallel = 16;

    /// <summary>Decommissions one device.</summary>
    /// <returns>Its row; or <c>device-unknown</c> and the faults of <see cref="Decommissioning.Check"/>, <see cref="Decommissioning.Begin"/>.</returns>
    public async Task<Parsed<DeviceRecord>> Begin(DeviceId id, EndingRequest request, string caller, CancellationToken cancel)
    {
        if (Decommissioning.Check(request, settings.GraceMax) is { } refused) return refused;
        var now = clock.GetUtcNow();
        var done = await ledger.Change(id, new Deed(Act.Decommission, caller, request.Reason, now), record => Decommissioning.Begin(record, request, now), cancel).ConfigureAwait(false);
        if (done.Fault is null) Log.Decommissioned(log, caller, 1);
        return done;
    }

    /// <summary>Takes a device's end back while it is in grace.</summary>
    /// <returns>Its row; or <c>device-unknown</c>, <c>reason-missing</c>, <c>reason-length</c> and the faults of <see cref="Decommissioning.Cancel"/>.</returns>
    public async Task<Parsed<DeviceRecord>> Cancel(DeviceId id, string reason, string caller, CancellationToken cancel)
    {
        if (Decommissioning.Check(new EndingRequest(reason, TimeSpan.Zero, false), settings.GraceMax) is { } refused) return refused;
        var now = clock.GetUtcNow();
        var done = await ledger.Change(id, new Deed(Act.Restore, caller, reason, now), record => Decommissioning.Cancel(record, Look(record, now), now), cancel).ConfigureAwait(false);
        if (done.Fault is null) Log.Cancelled(log, caller, id.Text);
        return done;
    }

    /// <summary>The devices of a query that would end: all of them, or none.</summary>
    /// <returns>The living devices, by id; or <c>selection-empty-unsupported</c> (a query that names nothing), <c>selection-too-large</c>.</returns>
    public async Task<Parsed<IReadOnlyList<DeviceId>>> Select(DeviceQuery query, CancellationToken cancel)
    {
        if (query is { Model: null, Owner: null, Group: null }) return new Fault("selection-empty-unsupported", "query");
        var found = new List<DeviceId>();
        string? after = null;
        do
        {
            if (!(await ledger.List(query, after, 1000, cancel).ConfigureAwait(false)).TryGet(out var page, out var fault)) return fault;
            found.AddRange(page.Items.Where(record => record.Ending is null).Select(record => record.Id));
            if (found.Count > Decommissioning.SelectionMax) return new Fault("selection-too-large", "query");
            after = page.Next;
        }
        while (after is not null);
        found.Sort();
        return found;
    }

    /// <summary>Decommissions exactly the devices that were confirmed.</summary>
    /// <remarks>A crash in between leaves some of them decommissioned: the list is then another, and is to be looked at and confirmed again.</remarks>
    /// <returns>What became of each; or <c>selection-stale</c>, and the faults of <see cref="Select"/> and <see cref="Decommissioning.Check"/>.</returns>
    public async Task<Parsed<IReadOnlyList<(DeviceId Id, Fault? Fault)>>> BeginAll(DeviceQuery query, EndingRequest request, int count, string digest, string caller, CancellationToken cancel)
    {
        if (Decommissioning.Check(request, settings.GraceMax) is { } refused) return refused;
        if (!(await Select(query, cancel).ConfigureAwait(false)).TryGet(out var ids, out var fault)) return fault;
        if (Decommissioning.Confirm(ids, count, digest) is { } stale) return stale;
        var outcomes = new Fault?[ids.Count];
        await System.Threading.Tasks.Parallel.ForAsync(0, ids.Count, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancel }, async (i, stop) =>
        {
            var now = clock.GetUtcNow();
            var done = await ledger.Change(ids[i], new Deed(Act.Decommission, caller, request.Reason, now), record =>
                query.Covers(record) ? Decommissioning.Begin(record, request, now) : new Fault("selection-stale", "query"), stop).ConfigureAwait(false);
            outcomes[i] = done.Fault;
        }).ConfigureAwait(false);
        Log.Decommissioned(log, caller, outcomes.Count(outcome => outcome is null));
        return ids.Select((id, i) => (id, outcomes[i])).ToList();
    }

    private DateTimeOffset? Look(DeviceRecord record, DateTimeOffset now) =>
        record.Ending is { } ending ? Expiry.NextLook(record with { State = ending.Before, Ending = null }, settings.Expiry, now) : null;
}
