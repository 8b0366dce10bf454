using System.Diagnostics;
using System.Text;
using Serverless.Benchmarks.Ingest;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Benchmarks.State;

/// <summary>What scoring keeps of a fleet: bytes a device and metric, in memory and stored; how fast a partition is read back; what an event
/// costs as the fleet grows; and how two partitions run beside each other.</summary>
internal static class StateSubject
{
    public const string What = "what scoring keeps: bytes a device and metric, reading a partition back, a million devices, cost an event, two partitions";
    private const int Metrics = 4;
    private static readonly DeviceLimits Limits = new();

    public static async Task<int> Run(string[] args)
    {
        foreach (var metrics in (int[])[1, 2, 4, 8]) Figure.Print($"state-bytes-per-metric-of-{metrics}", DeviceMemory.BytesOf(metrics) / (double)metrics, "B", "<=", 512);
        await Restore(100_000).ConfigureAwait(false);
        Scaling(10_000);
        foreach (var devices in args is ["--devices", var most] ? [int.Parse(most, System.Globalization.CultureInfo.InvariantCulture)] : (int[])[1_000, 10_000, 100_000, 1_000_000]) Grow(devices);
        return 0;
    }

    // A partition as it is between two batches, then a snapshot and a log as long as it: the worst moment to be read back.
    private static async Task Restore(int devices)
    {
        var blobs = new StubBlobs(keep: true);
        var (log, state) = await StateLog.Open(blobs, "telemetry/0/", Empty, CancellationToken.None).ConfigureAwait(false);
        await log.Claim("a", CancellationToken.None).ConfigureAwait(false);
        Fill(state, devices);
        state.LastSequence = 1;
        await log.Commit(state, CancellationToken.None).ConfigureAwait(false);
        await log.Compact(state, "a", CancellationToken.None).ConfigureAwait(false);
        var stored = blobs.Appended / 2.0 / devices; // committed and compacted
        for (var slot = 0; slot < devices; slot++) state.MarkChanged(slot);
        await log.Commit(state, CancellationToken.None).ConfigureAwait(false);
        var (times, busy) = (new List<double>(), new List<double>());
        using var self = Process.GetCurrentProcess();
        for (var round = 0; round < 5; round++)
        {
            self.Refresh();
            var before = self.TotalProcessorTime;
            var began = Stopwatch.GetTimestamp();
            var (_, read) = await StateLog.Open(blobs, "telemetry/0/", Empty, CancellationToken.None).ConfigureAwait(false);
            _ = new ScoreRule(read, read.Columns.OfType<ScoresColumn>().Single(), read.Columns.OfType<ConnectsColumn>().Single(), "0", "/");
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            self.Refresh();
            busy.Add((self.TotalProcessorTime - before).TotalSeconds);
            if (read.Devices.Count != devices) throw new InvalidOperationException("devices are missing");
        }

        Figure.Print("state-restore-100000-devices-of-4-metrics", times.Order().ElementAt(times.Count / 2), "s", "<=", 2);
        Figure.Print("state-restore-processor-time", busy.Order().ElementAt(busy.Count / 2), "s"); // what a busy machine cannot stretch
        Figure.Print("state-stored", stored / Metrics, "B/device and metric", "<=", 512);
    }

    private static void Grow(int devices)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var state = Empty();
        Fill(state, devices);
        state.MarkCommitted();
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        var rounds = Math.Max(2, 1_000_000 / devices);
        var began = Stopwatch.GetTimestamp();
        for (var round = 0; round < rounds; round++) Pass(state, devices, 10 + round);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Figure.Print($"state-memory-{devices}-devices", held / (double)devices / Metrics, "B/device and metric", "<=", 512);
        Figure.Print($"state-event-{devices}-devices", seconds * 1e9 / rounds / devices, "ns/event");
        GC.KeepAlive(state);
    }

    // Two partitions share nothing, so two cores should do twice as much.
    private static void Scaling(int devices)
    {
        var states = new[] { Empty(), Empty() };
        foreach (var state in states) Fill(state, devices);
        double Time(int partitions)
        {
            var began = Stopwatch.GetTimestamp();
            Parallel.For(0, partitions, new ParallelOptions { MaxDegreeOfParallelism = 2 }, at =>
            {
                for (var round = 0; round < 100; round++) Pass(states[at], devices, 10 + round);
            });
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }

        Time(2);
        var one = Enumerable.Range(0, 7).Select(_ => Time(1)).Min();
        var two = Enumerable.Range(0, 7).Select(_ => Time(2)).Min();
        Figure.Print("state-two-partitions-on-two-cores", 2 * one / two, "times one partition"); // of an idle machine; a busy one gives less
    }

    private static PartitionState Empty() => new(new ScoresColumn(Limits), new ConnectsColumn());

    private static void Fill(PartitionState state, int devices)
    {
        var column = state.Columns.OfType<ScoresColumn>().Single();
        var id = Encoding.ASCII.GetBytes("env-sensor-0000000");
        for (var device = 0; device < devices; device++)
        {
            for (var (at, number) = (id.Length - 1, device); at > id.Length - 8; at--, number /= 10) id[at] = (byte)('0' + (number % 10));
            var slot = state.Devices.FindOrAdd(id);
            state.Bindings[slot] = 1;
            column.Begin(slot, Metrics, 1);
            state.MarkChanged(slot);
        }

        column.TryGroup(1, out _);
        Pass(state, devices, 0);
    }

    private static void Pass(PartitionState state, int devices, int round)
    {
        var column = state.Columns.OfType<ScoresColumn>().Single();
        Span<double> values = stackalloc double[Metrics];
        var findings = new Finding[DeviceScorer.FindingsMax];
        for (var slot = 0; slot < devices; slot++)
        {
            var level = 20 + (((slot * 7919L) + (round * 104_729L)) % 1000 / 1000.0);
            (values[0], values[1], values[2], values[3]) = (level, 2 * level, 50 + (slot % 13), 5 + (round % 7));
            var at = 1_767_571_200_000 + (round * 60_000L) + (slot % 60_000);
            var scorer = new DeviceScorer(column[slot], Limits);
            scorer.Heard(at, Punctuality.Longest);
            if (scorer.Observe(new(at, at, round + 10, 200), values, findings) == 0) scorer.Compare(ref column.ValuesOf(0), devices, at, values, out _);
        }
    }
}
