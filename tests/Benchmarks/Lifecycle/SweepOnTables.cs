using System.Diagnostics;
using System.Globalization;
using Azure.Data.Tables;
using Microsoft.Extensions.Time.Testing;
using Serverless.Devices;
using Serverless.Devices.Tables;
using Serverless.Lifecycle.Endings;

namespace Serverless.Benchmarks.Lifecycle;

/// <summary>A sweep over a fleet in table storage. Azurite answers every query by looking at every row it has, so times are Azurite's; what
/// tells of Azure is the requests and the rows, and that they are the same for ten times as many devices.</summary>
internal static class SweepOnTables
{
    private const int ActionsMax = 100; // of one entity-group transaction
    private static readonly string Certificate = new('A', 800); // a P-256 leaf in base64 is about so long
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Fills a table in two steps and sweeps after each.</summary>
    /// <param name="devices">Devices in the end.</param>
    /// <param name="due">Devices that are due at each sweep.</param>
    public static async Task Run(int devices, int due)
    {
        var clock = new FakeTimeProvider(Now);
        var storage = await MeteredStorage.Start(clock).ConfigureAwait(false);
        await using (storage.ConfigureAwait(false))
        {
            await Fill(storage, 0, devices / 10, due).ConfigureAwait(false);
            await Sweep(storage, clock, devices / 10, due).ConfigureAwait(false);
            await Fill(storage, devices / 10, devices, due).ConfigureAwait(false);
            await Sweep(storage, clock, devices, due).ConfigureAwait(false);
        }
    }

    private static async Task Fill(MeteredStorage storage, int from, int to, int due)
    {
        var watch = Stopwatch.StartNew();
        // A device's row and its due row, as one transaction of the ledger leaves them when its audit entry has been moved to the trail.
        var rows = Enumerable.Range(from, to - from).GroupBy(i => Rows.BucketOf(Id(i)))
            .SelectMany(bucket => bucket.Chunk(ActionsMax / 2))
            .Select(some => some.Select(i => Device(i, ending: i - from < due)));
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (some, stop) =>
        {
            var actions = some.SelectMany(record => new TableTransactionAction[]
            {
                new(TableTransactionActionType.Add, DeviceRow.From(record, "filled")),
                new(TableTransactionActionType.Add, new TableEntity(Rows.Bucket(record.Id), Rows.Due(record.DueAt!.Value, record.Id)) { ["State"] = Words.Of(record.State) }),
            });
            await storage.Table.SubmitTransactionAsync(actions, stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
        Figure.Print($"sweep-tables-{to}.filled", (to - from) / watch.Elapsed.TotalSeconds, "devices/s");
    }

    private static async Task Sweep(MeteredStorage storage, FakeTimeProvider clock, int devices, int due)
    {
        var ledger = new CountingLedger(storage.Ledger);
        storage.Requests.Reset();
        var (before, peak, over) = (GC.GetTotalMemory(forceFullCollection: true), 0L, new CancellationTokenSource());
        var weigh = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: false));
                await Task.Delay(20).ConfigureAwait(false);
            }
        });
        var watch = Stopwatch.StartNew();
        var report = await SweepSubject.Sweep(ledger, new MemoryPlanes(null, null, null), clock, TimeSpan.FromHours(1)).Run(CancellationToken.None).ConfigureAwait(false);
        watch.Stop();
        await over.CancelAsync().ConfigureAwait(false);
        await weigh.ConfigureAwait(false);
        over.Dispose();
        if (report.Ended != due) throw new InvalidOperationException($"{report.Ended} of {due} ended.");
        var name = string.Create(CultureInfo.InvariantCulture, $"sweep-tables-{devices}");
        Figure.Print(name + ".due", due, "devices");
        Figure.Print(name + ".range-reads", storage.Requests.Queries, "requests", "<=", Rows.Buckets + (due / 1000) + 2);
        Figure.Print(name + ".row-reads", storage.Requests.Reads / (double)due, "requests/due device");
        Figure.Print(name + ".writes", storage.Requests.Writes / (double)due, "requests/due device");
        Figure.Print(name + ".rows-read", ledger.Reads / (double)due, "rows/due device", "<=", 2);
        Figure.Print(name + ".time", watch.Elapsed.TotalSeconds, "s");
        Figure.Print(name + ".heap", (peak - before) / 1048576.0, "MiB"); // garbage and storage's front included, which is in this process

        storage.Requests.Reset();
        watch.Restart();
        if ((await SweepSubject.Sweep(ledger, new MemoryPlanes(null, null, null), clock, TimeSpan.FromHours(1)).Run(CancellationToken.None).ConfigureAwait(false)).Due != 0) throw new InvalidOperationException("Still due.");
        Figure.Print(name + ".nothing-due.range-reads", storage.Requests.Queries, "requests", "<=", Rows.Buckets);
        Figure.Print(name + ".nothing-due.time", watch.Elapsed.TotalSeconds, "s");
    }

    private static DeviceId Id(int i) => DeviceId.From(string.Create(CultureInfo.InvariantCulture, $"device-{i:D7}"));

    private static DeviceRecord Device(int i, bool ending)
    {
        var key = KeyThumbprint.Of(BitConverter.GetBytes(i));
        var living = new DeviceRecord
        {
            Id = Id(i),
            State = DeviceState.Active,
            Model = "pump",
            Owner = "owner-1",
            Current = new DeviceKey(KeyKind.X509, key, Now.AddDays(-30), Now.AddDays(300), Certificate, key.Text),
            Hub = "hub-a.azure-devices.net",
            EnrolledAt = Now.AddDays(-30),
            LastSeenAt = Now,
            DueAt = Now.AddDays(210),
            Revision = 2,
        };
        return ending ? SweepSubject.Value(Decommissioning.Begin(living, new EndingRequest("bench", TimeSpan.Zero, false), Now)) with { Revision = 3 } : living;
    }
}
