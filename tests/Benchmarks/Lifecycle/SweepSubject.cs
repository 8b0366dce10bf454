using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Sweeps;
using Serverless.Rest;

namespace Serverless.Benchmarks.Lifecycle;

/// <summary>What a sweep costs over a fleet of a million in memory and over a fleet in Azurite, and how long ten thousand ends take under the
/// quotas of one S1 unit. Options: <c>--devices</c> in memory, default 1,000,000; <c>--tables</c> devices in Azurite, default 20,000 (0 for
/// none), as many as it fills within a few minutes on two cores.</summary>
internal static class SweepSubject
{
    public const string What = "a sweep over 1,000,000 devices in memory, and over --tables N in Azurite: requests, rows, time, memory; 10,000 ends under the S1 quota on a clock that runs ahead";

    public static async Task<int> Run(string[] args)
    {
        await Fleet(Option(args, "--devices", 1_000_000), due: 1_000).ConfigureAwait(false);
        if (Option(args, "--tables", 20_000) is > 0 and var stored) await SweepOnTables.Run(stored, due: Math.Min(1_000, stored / 20)).ConfigureAwait(false);
        await Quota(10_000).ConfigureAwait(false);
        return 0;
    }

    private static int Option(string[] args, string name, int otherwise) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? int.Parse(args[at + 1], System.Globalization.CultureInfo.InvariantCulture) : otherwise;

    private static async Task Fleet(int devices, int due)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
        var memory = await Filled(devices, due, clock).ConfigureAwait(false);
        var ledger = new CountingLedger(memory);
        var planes = new MemoryPlanes(null, null, null);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var watch = Stopwatch.StartNew();
        var report = await Sweep(ledger, planes, clock, TimeSpan.FromHours(1)).Run(CancellationToken.None).ConfigureAwait(false);
        watch.Stop();
        if (report.Ended != due) throw new InvalidOperationException($"{report.Ended} of {due} ended.");
        Figure.Print("sweep-fleet", devices, "devices");
        Figure.Print("sweep-rows-read", ledger.Reads / (double)due, "rows/due device", "<=", 2);
        Figure.Print("sweep-rows-written", ledger.Writes / (double)due, "changes/due device");
        Figure.Print("sweep-time", watch.Elapsed.TotalMicroseconds / due, "us/due device");
        Figure.Print("sweep-allocated", (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)due, "B/due device");
    }

    private static async Task Quota(int due)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
        var memory = await Filled(due, due, clock).ConfigureAwait(false);
        using var registry = new RateBudget(100, TimeSpan.FromMinutes(1), clock);
        using var dps = new RateBudget(1000, TimeSpan.FromMinutes(1), clock);
        var planes = new MemoryPlanes(registry, dps, clock);
        var began = clock.GetUtcNow();
        var ended = 0;
        while (ended < due)
        {
            var run = Sweep(memory, planes, clock, TimeSpan.FromMinutes(4)).Run(CancellationToken.None);
            while (!run.IsCompleted)
            {
                await Task.WhenAny(run, Task.Delay(1)).ConfigureAwait(false);
                clock.Advance(TimeSpan.FromSeconds(1));
            }

            ended += (await run.ConfigureAwait(false)).Ended;
        }

        var took = clock.GetUtcNow() - began;
        var predicted = SweepCost.Least(due, 100, 1000, 100);
        Figure.Print("sweep-quota-predicted", predicted.TotalMinutes, "min");
        Figure.Print("sweep-quota-simulated", took.TotalMinutes, "min", "<=", predicted.TotalMinutes * 1.5);
        Figure.Print("sweep-quota-busiest-minute", planes.Busiest(), "registry operations", "<=", 100);
    }

    internal static SweepRun Sweep(IDeviceLedger ledger, MemoryPlanes planes, TimeProvider clock, TimeSpan tick) => new(
        ledger, new PlaneWork(planes, planes, ledger), new DeathCertificates(planes, planes, planes, clock), planes, new ExpiryPolicy(),
        new SweepSettings { TickTime = tick, Window = 100_000 }, clock, NullLogger<SweepRun>.Instance);

    private static async Task<MemoryLedger> Filled(int devices, int due, TimeProvider clock)
    {
        var ledger = new MemoryLedger();
        var now = clock.GetUtcNow();
        for (var i = 0; i < devices; i++)
        {
            var id = DeviceId.From("device-" + i.ToString("D7", System.Globalization.CultureInfo.InvariantCulture));
            var record = new DeviceRecord
            {
                Id = id,
                State = DeviceState.Enrolled,
                Model = "pump",
                Owner = "owner-1",
                Current = new DeviceKey(KeyKind.X509, KeyThumbprint.Of(BitConverter.GetBytes(i)), now.AddDays(-30), now.AddDays(300)),
                EnrolledAt = now,
                DueAt = now.AddDays(210),
            };
            var made = Value(await ledger.Create(record, new Deed(Act.Enroll, "bench", "bench", now), default).ConfigureAwait(false));
            if (i % (devices / due) != 0 || i / (devices / due) >= due) continue;
            var ending = Value(Decommissioning.Begin(made, new EndingRequest("bench", TimeSpan.Zero, false), now));
            Value(await ledger.Change(made, ending, new Deed(Act.Decommission, "bench", "bench", now), default).ConfigureAwait(false));
        }

        return ledger;
    }

    internal static T Value<T>(Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());
}
