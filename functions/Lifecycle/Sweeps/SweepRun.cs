using System.Collections.Concurrent;
using System.Diagnostics;
using Serverless.Devices;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;

namespace Serverless.Lifecycle.Sweeps;

/// <summary>One tick of the sweep: takes due devices, worst first, and brings each as far as it goes.</summary>
/// <remarks>
/// <para>A device is taken by moving its due time ahead with a compare-and-swap: who wins has it until then, and a crash gives it back by
/// itself. Every step is decided from the row, done, and written to the row with the same compare-and-swap; an instance that lost the device
/// meanwhile finds out there and stops. What it did until then does no harm done twice.</para>
/// <para>Crash after taking: the device waits for the lease. After a plane's call: the call is made again. After writing: nothing is lost.</para>
/// </remarks>
internal sealed class SweepRun(
    IDeviceLedger ledger, PlaneWork work, DeathCertificates certificates, IAlerts alerts, ExpiryPolicy policy, SweepSettings settings, TimeProvider clock, ILogger<SweepRun> log)
{
    /// <summary>Who the audit trail names.</summary>
    public const string Who = "ExpireCredentials";

    private const int OutagesMax = 3; // of one plane, before the rest of a chunk is left for later
    private static readonly TimeSpan OutageWait = TimeSpan.FromMinutes(1);

    /// <summary>Runs until nothing is due or the time is over.</summary>
    /// <param name="cancel">Stops it; devices in hand come back with their lease.</param>
    public async Task<SweepReport> Run(CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var due = await DueDevices(cancel).ConfigureAwait(false);
        var tally = new Tally();
        var taken = 0;
        foreach (var chunk in due.Chunk(settings.Chunk))
        {
            if (taken > 0 && clock.GetElapsedTime(began) >= settings.TickTime) break;
            taken += chunk.Length;
            await One(chunk, tally, cancel).ConfigureAwait(false);
        }

        var report = new SweepReport(due.Count, tally.Ended, tally.Looked, tally.Failed, tally.Lost, due.Count - taken + tally.Failed, clock.GetElapsedTime(began));
        Log.Swept(log, report.Due, report.Ended, report.Looked, report.Failed, report.Lost, report.Left, report.PerMinute, report.Finish(clock.GetUtcNow()));
        return report;
    }

    /// <summary>The due rows, ending devices before living ones, longest due first: read from the index, which has due rows only.</summary>
    private async Task<IReadOnlyList<DueDevice>> DueDevices(CancellationToken cancel)
    {
        var found = new List<DueDevice>();
        string? after = null;
        do
        {
            var page = (await ledger.Due(clock.GetUtcNow(), after, 1000, cancel).ConfigureAwait(false)).TryGet(out var got, out var fault) ? got
                : throw new UnreachableException(fault.ToString());
            found.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null && found.Count < settings.Window);
        return [.. found.OrderBy(item => item.State is DeviceState.Decommissioned or DeviceState.Dead ? 0 : 1).ThenBy(item => item.DueAt).ThenBy(item => item.Id)];
    }

    private async Task One(IReadOnlyList<DueDevice> chunk, Tally tally, CancellationToken cancel)
    {
        var rows = new ConcurrentBag<DeviceRecord>();
        await ForEach(chunk, async item =>
        {
            var row = await ledger.Get(item.Id, cancel).ConfigureAwait(false);
            if (row?.DueAt is { } at && at <= clock.GetUtcNow()) rows.Add(row);
        }, cancel).ConfigureAwait(false);

        var hand = new Hand();
        foreach (var row in rows.Order(Urgency.WorstFirst))
        {
            if (row.Ending is null) await Guarded(row, tally, () => Look(row, tally, cancel), cancel).ConfigureAwait(false);
            else await Guarded(row, tally, () => Take(row, hand, tally, cancel), cancel).ConfigureAwait(false);
        }

        // Every round brings each device in hand one step on; a device leaves by being done, failing or being lost.
        while (hand.Rows.Count > 0)
        {
            var steps = hand.Rows.Select(row => (Row: row, Next: ClosingPlan.Of(row, clock.GetUtcNow()))).ToList();
            foreach (var group in steps.GroupBy(step => step.Next, (next, group) => (Next: next, Rows: group.Select(step => step.Row).Order(Urgency.WorstFirst).ToList())).OrderBy(group => group.Next.Plane?.Order ?? int.MaxValue))
            {
                await Step(group.Next, group.Rows, hand, tally, cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task Take(DeviceRecord row, Hand hand, Tally tally, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (ClosingPlan.Of(row, now).Step is NextStep.Wait or NextStep.Rest)
        {
            await Write(row, row with { DueAt = row.State == DeviceState.Dead ? null : row.Ending!.DueAt }, Act.Observe, "not due", hand, tally, keep: false, cancel).ConfigureAwait(false);
            return;
        }

        await Write(row, row with { DueAt = now + settings.Lease }, Act.Observe, "taken by a sweep", hand, tally, keep: true, cancel).ConfigureAwait(false);
    }

    private async Task Step(Next next, List<DeviceRecord> rows, Hand hand, Tally tally, CancellationToken cancel)
    {
        switch (next.Step)
        {
            case NextStep.Close:
                var breaker = new Breaker();
                await ForEach([.. rows.Chunk(PlaneWork.Together(next.Plane!))], part => Close(next.Plane!, part, breaker, hand, tally, cancel), cancel).ConfigureAwait(false);
                break;
            case NextStep.Verify:
                await ForEach(rows, row => Guarded(row, hand, tally, async () =>
                {
                    var readings = await work.Read(row, cancel).ConfigureAwait(false);
                    var now = clock.GetUtcNow();
                    foreach (var open in readings.Where(reading => !reading.Closed))
                    {
                        Log.PlaneOpen(log, row.Id.Text, open.Plane, open.Answer);
                        if (open.Plane is Planes.Registration or Planes.Hub) await certificates.Returned(row.Id, new ReturnAttempt(now, open.Plane, "found open, closed again"), cancel).ConfigureAwait(false);
                    }

                    var opened = readings.Any(reading => !reading.Closed);
                    var tries = readings.Where(reading => !reading.Closed).Select(reading => row.Closings[reading.Plane]?.Attempts ?? 1).DefaultIfEmpty(1).Max();
                    var after = ClosingPlan.After(row, readings, now, opened ? now + ClosingPlan.RetryWait(tries) : now + settings.Lease);
                    if (opened) tally.Fail();
                    await Write(row, after, Act.Close, opened ? "a plane was found open" : "read back", hand, tally, keep: !opened, cancel).ConfigureAwait(false);
                }, cancel), cancel).ConfigureAwait(false);
                break;
            case NextStep.Bury:
                await ForEach(rows, row => Guarded(row, hand, tally, () =>
                    Write(row, row with { State = DeviceState.Dead, DueAt = clock.GetUtcNow() + settings.Lease }, Act.Bury, "every plane was seen closed", hand, tally, keep: true, cancel), cancel), cancel).ConfigureAwait(false);
                break;
            case NextStep.Certify:
                await ForEach(rows, row => Guarded(row, hand, tally, async () =>
                {
                    var answer = await certificates.Issue(row, cancel).ConfigureAwait(false);
                    var after = ClosingPlan.After(row, new PlaneOutcome(Planes.Certificate, Stages.Closed, answer), clock.GetUtcNow(), clock.GetUtcNow());
                    await Write(row, after with { DueAt = null }, Act.Close, "statement stored", hand, tally, keep: false, cancel).ConfigureAwait(false);
                    tally.End();
                    Log.DeviceEnded(log, row.Id.Text);
                }, cancel), cancel).ConfigureAwait(false);
                break;
            case NextStep.Rest or NextStep.Wait:
                await ForEach(rows, row => Guarded(row, hand, tally, () =>
                    Write(row, row with { DueAt = next.Step == NextStep.Wait ? row.Ending!.DueAt : null }, Act.Observe, "nothing left to do", hand, tally, keep: false, cancel), cancel), cancel).ConfigureAwait(false);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private async Task Close(Plane plane, DeviceRecord[] rows, Breaker breaker, Hand hand, Tally tally, CancellationToken cancel)
    {
        IReadOnlyList<PlaneOutcome> outcomes;
        if (breaker.Open)
        {
            // The service is down: the rest of the chunk costs it nothing, and us no waiting.
            foreach (var row in rows) await Guarded(row, hand, tally, () => GiveBack(row, hand, tally, cancel), cancel).ConfigureAwait(false);
            return;
        }

        try
        {
            outcomes = await work.Close(plane, rows, clock.GetUtcNow(), cancel).ConfigureAwait(false);
            if (outcomes.Count != rows.Length) throw new UnreachableException("one outcome a device");
            breaker.Answered();
        }
        catch (Exception outage) when (IsOutage(outage, cancel))
        {
            breaker.Failed();
            Log.PlaneOutage(log, outage, plane.Name, rows.Length);
            // A reset is asked once: whether it arrived is not known, and the device is not to be kept alive for it.
            var stage = plane.Name == Planes.FactoryReset ? Stages.Noted : Stages.Failed;
            outcomes = [.. rows.Select(_ => new PlaneOutcome(plane.Name, stage, "outage: " + outage.GetType().Name))];
        }

        for (var i = 0; i < rows.Length; i++)
        {
            var (row, outcome) = (rows[i], outcomes[i]);
            var failed = outcome.Stage == Stages.Failed;
            var now = clock.GetUtcNow();
            var due = failed ? now + ClosingPlan.RetryWait((row.Closings[plane.Name]?.Attempts ?? 0) + 1) : now + settings.Lease;
            if (failed)
            {
                tally.Fail();
                Log.PlaneFailed(log, row.Id.Text, plane.Name, outcome.Answer);
            }

            await Guarded(row, hand, tally, () => Write(row, ClosingPlan.After(row, outcome, now, due), Act.Close, plane.Name + " " + outcome.Stage, hand, tally, keep: !failed, cancel), cancel).ConfigureAwait(false);
        }
    }

    private Task GiveBack(DeviceRecord row, Hand hand, Tally tally, CancellationToken cancel)
    {
        tally.Fail();
        return Write(row, row with { DueAt = clock.GetUtcNow() + OutageWait }, Act.Observe, "a service is down", hand, tally, keep: false, cancel);
    }

    /// <summary>A living device: what is to be warned of is told first, then the next look is set. A crash between tells it again, under the same id.</summary>
    private async Task Look(DeviceRecord row, Tally tally, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var warnings = Expiry.Due(row, policy, row.DueAt!.Value - TimeSpan.FromTicks(1), now).ToList();
        foreach (var support in warnings.Where(warning => warning.Word == "support-ends")) await work.Announce(row, support.EndsAt, cancel).ConfigureAwait(false);
        if (warnings.Count > 0) await alerts.Raise([.. warnings.Select(warning => LifecycleAlert.Of(warning, now))], cancel).ConfigureAwait(false);
        await Write(row, row with { DueAt = Expiry.NextLook(row, policy, now) }, Act.Observe, $"{warnings.Count} warnings", new Hand(), tally, keep: false, cancel).ConfigureAwait(false);
        tally.Look();
    }

    private async Task Write(DeviceRecord before, DeviceRecord after, Act act, string why, Hand hand, Tally tally, bool keep, CancellationToken cancel)
    {
        hand.Drop(before);
        var done = await ledger.Change(before, after, new Deed(act, Who, why, clock.GetUtcNow()), cancel).ConfigureAwait(false);
        if (done.TryGet(out var stored, out var fault))
        {
            if (keep) hand.Keep(stored);
        }
        else if (fault.Code == "device-stale")
        {
            tally.Lose(); // somebody else has it: they decide from what is there
        }
        else
        {
            throw new UnreachableException($"the plan and the table of transitions differ: {fault}");
        }
    }

    private Task Guarded(DeviceRecord row, Tally tally, Func<Task> step, CancellationToken cancel) => Guarded(row, new Hand(), tally, step, cancel);

    /// <summary>One device's trouble is not the others'.</summary>
    private async Task Guarded(DeviceRecord row, Hand hand, Tally tally, Func<Task> step, CancellationToken cancel)
    {
        try
        {
            await step().ConfigureAwait(false);
        }
        catch (Exception outage) when (IsOutage(outage, cancel))
        {
            hand.Drop(row); // its lease runs out, and it is due again
            tally.Fail();
            Log.DeviceOutage(log, outage, row.Id.Text);
        }
    }

    private Task ForEach<T>(IReadOnlyList<T> items, Func<T, Task> act, CancellationToken cancel) =>
        Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = settings.Parallel, CancellationToken = cancel }, async (item, _) => await act(item).ConfigureAwait(false));

    private static bool IsOutage(Exception failed, CancellationToken cancel) =>
        failed is not (UnreachableException or InvalidOperationException or ArgumentException or NullReferenceException) && !(failed is OperationCanceledException && cancel.IsCancellationRequested);

    private sealed class Hand
    {
        private readonly ConcurrentDictionary<DeviceId, DeviceRecord> _rows = new();

        public IReadOnlyCollection<DeviceRecord> Rows => [.. _rows.Values];

        public void Keep(DeviceRecord row) => _rows[row.Id] = row;

        public void Drop(DeviceRecord row) => _rows.TryRemove(row.Id, out _);
    }

    private sealed class Breaker
    {
        private int _failed;

        public bool Open => Volatile.Read(ref _failed) >= OutagesMax;

        public void Failed() => Interlocked.Increment(ref _failed);

        public void Answered() => Volatile.Write(ref _failed, 0);
    }

    private sealed class Tally
    {
        private int _ended;
        private int _looked;
        private int _failed;
        private int _lost;

        public int Ended => _ended;

        public int Looked => _looked;

        public int Failed => _failed;

        public int Lost => _lost;

        public void End() => Interlocked.Increment(ref _ended);

        public void Look() => Interlocked.Increment(ref _looked);

        public void Fail() => Interlocked.Increment(ref _failed);

        public void Lose() => Interlocked.Increment(ref _lost);
    }
}
