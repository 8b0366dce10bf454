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
        if (args is ["--endurance", var points])
        {
            Endurance(long.Parse(points, System.Globalization.CultureInfo.InvariantCulture));
            return Task.FromResult(0);
        }

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
        var peers = default(PeerValues);
        Pass(limits, scorers, ref peers, table, room, values, 0, messages / 2);
        var watch = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Pass(limits, scorers, ref peers, table, room, values, messages / 2, messages);
        var seconds = watch.Elapsed.TotalSeconds;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var points = (double)devices * (messages - (messages / 2)) * Metrics;
        Figure.Print($"scoring_points_per_second_{devices}_devices", points / seconds, "points/s/core", ">=", 1_000_000);
        Figure.Print($"scoring_allocated_per_point_{devices}_devices", allocated / points, "bytes", "<=", 0);
    }

    private static void Pass(DeviceLimits limits, byte[][] scorers, ref PeerValues peers, double[] table, Finding[] room, Span<double> values, int from, int to)
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
                if (scorer.Observe(new(at, at, i, 200), values, room) == 0) scorer.Compare(ref peers, scorers.Length, at, values, out _);
            }
        }
    }

    /// <summary>One device for so many points of a calm life: what it expects and how often it speaks must be at the end what it was after a thousandth.</summary>
    private static void Endurance(long points)
    {
        var memory = new byte[DeviceMemory.BytesOf(Metrics)];
        DeviceMemory.Begin(memory, Metrics, 0);
        var (limits, room) = (new DeviceLimits(), new Finding[DeviceScorer.FindingsMax]);
        Span<double> values = stackalloc double[Metrics];
        var messages = points / Metrics;
        var (state, counter, early, late) = (88_172_645_463_325_252UL, 0L, 0L, 0L);
        for (var i = 0L; i < messages; i++)
        {
            // xorshift64 (Marsaglia 2003): the table of the other figures repeats itself, and a scorer would notice.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            var (a, b, c) = ((state & 0xFFFF) / 65_536.0, (state >> 16 & 0xFFFF) / 65_536.0, (state >> 32 & 0xFFFF) / 65_536.0);
            counter += 1 + (long)(state >> 60);
            (values[0], values[1], values[2], values[3]) = (20 + a, 40 + (2 * a) + (0.1 * b), c, counter);
            var scorer = new DeviceScorer(memory, limits);
            var found = scorer.Observe(new(1_767_571_200_000 + (i * 60_000), 0, i + 1), values, room);
            if (i < messages / 2) early += found;
            else late += found;
            if (i != messages / 1000 && i != messages - 1) continue;
            var when = i == messages - 1 ? "end" : "early";
            for (var metric = 0; metric < Metrics; metric++)
            {
                var (low, high) = scorer.Range(metric);
                Figure.Print($"scoring_endurance_{when}_low_{metric}", low, "units");
                Figure.Print($"scoring_endurance_{when}_high_{metric}", high, "units");
            }
        }
        Figure.Print("scoring_endurance_points", messages * (double)Metrics, "points");
        Figure.Print("scoring_endurance_findings_first_half", early, "findings");
        Figure.Print("scoring_endurance_findings_second_half", late, "findings");
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
