using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>How fast one core scores, what it allocates, and what that is beside the bare tokenizing of the same bytes.</summary>
internal static class Speed
{
    private const int Metrics = 4, MessagesPerDevice = 2000;

    public static Task<int> Run(string[] args)
    {
        // More devices than the caches hold, interleaved as a partition interleaves them.
        foreach (var devices in args is ["--devices", var one] ? [int.Parse(one, System.Globalization.CultureInfo.InvariantCulture)] : new[] { 100, 1_000, 10_000 })
        {
            Measure(devices, Math.Max(20, Math.Min(MessagesPerDevice, 2_000_000 / devices)));
        }
        Tokenize();
        Series();
        Figure.Print("scoring_state_bytes_per_metric", DeviceMemory.BytesOf(Metrics) / (double)Metrics, "bytes", "<=", 512);
        return Task.FromResult(0);
    }

    private static void Measure(int devices, int messages)
    {
        var limits = new DeviceLimits();
        var scorers = new byte[devices][];
        for (var i = 0; i < devices; i++)
        {
            scorers[i] = new byte[DeviceMemory.BytesOf(Metrics)];
            DeviceMemory.Begin(scorers[i], Metrics, 0);
        }

        var random = new Random(1);
        // Values are made beforehand: the generator must not be what is measured.
        var table = Enumerable.Range(0, 4096).Select(i => 20 + Math.Sin(i / 100.0) + (0.1 * random.NextDouble())).ToArray();
        var room = new Finding[DeviceScorer.FindingsMax];
        Span<double> values = stackalloc double[Metrics];
        Pass(limits, scorers, table, room, values, 0, messages / 2);
        var watch = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Pass(limits, scorers, table, room, values, messages / 2, messages);
        var seconds = watch.Elapsed.TotalSeconds;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var points = (double)devices * (messages - (messages / 2)) * Metrics;
        Figure.Print($"scoring_points_per_second_{devices}_devices", points / seconds, "points/s/core", ">=", 1_000_000);
        Figure.Print($"scoring_allocated_per_point_{devices}_devices", allocated / points, "bytes", "<=", 0);
    }

    private static void Pass(DeviceLimits limits, byte[][] scorers, double[] table, Finding[] room, Span<double> values, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            for (var d = 0; d < scorers.Length; d++)
            {
                var place = (i * 37) + (d * 101);
                var first = table[place & 4095];
                (values[0], values[1], values[2], values[3]) = (first, 2 * first, table[(place + 1000) & 4095], table[(place + 2000) & 4095]);
                var at = 1_767_571_200_000 + (i * 60_000L) + (d % 1000);
                var scorer = new DeviceScorer(scorers[d], limits);
                scorer.Heard(at, Punctuality.Longest);
                scorer.Observe(new(at, at, i), values, room);
            }
        }
    }

    /// <summary>Bytes of typical messages: only tokenized, then tokenized and scored.</summary>
    private static void Tokenize()
    {
        const int Devices = 500, Rounds = 200;
        var lines = new List<byte[]>();
        var random = new Random(2);
        for (var i = 0; i < Rounds; i++)
        {
            for (var d = 0; d < Devices; d++)
            {
                lines.Add(Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"{{\"deviceId\":\"pump-{d:D6}\",\"messageId\":\"77ac0ead-c0a8-4587-9112-{i:D6}{d:D6}\",\"sentAt\":\"{DateTime.UnixEpoch.AddDays(20000).AddMinutes(i):yyyy-MM-ddTHH:mm:ss.fffZ}\",\"sequence\":{i + 1},\"metrics\":{{\"rpm\":{1200 + random.Next(100)},\"current\":{5 + random.NextDouble():F2},\"vibration\":{2 + random.NextDouble():F3},\"bearingTemp\":{31 + random.NextDouble():F2}}}}}")));
            }
        }
        var tokens = 0L;
        var bare = Best(() =>
        {
            foreach (var line in lines)
            {
                var json = new Utf8JsonReader(line);
                while (json.Read()) tokens++;
            }
        });
        var scored = Best(() =>
        {
            var partition = new FleetPartition(new DeviceLimits(), (_, _) => { });
            foreach (var line in lines) partition.See(line);
        });
        Figure.Print("scoring_tokens", tokens, "tokens");
        Figure.Print("scoring_parse_and_score_points_per_second", lines.Count * (double)Metrics / scored, "points/s/core", ">=", 1_000_000);
        Figure.Print("scoring_to_tokenizing", bare / scored, "times its speed", ">=", 0.5);
    }

    private static void Series()
    {
        const int Count = 1_000_000;
        var scorer = default(SeriesScorer);
        var random = new Random(3);
        var values = Enumerable.Range(0, 4096).Select(_ => random.NextDouble()).ToArray();
        var watch = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Count; i++) scorer.ScoreAndLearn(i * 60_000L, values[i & 4095]);
        var seconds = watch.Elapsed.TotalSeconds;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Figure.Print("scoring_series_points_per_second", Count / seconds, "points/s/core", ">=", 1_000_000);
        Figure.Print("scoring_series_allocated_per_point", allocated / (double)Count, "bytes", "<=", 0);
    }

    private static double Best(Action work)
    {
        var best = double.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var watch = Stopwatch.StartNew();
            work();
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
        }
        return best;
    }
}
