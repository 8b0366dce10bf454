using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

public class DeviceScorerTests
{
    private const int Healthy = 6000; // a little over four days at one message a minute

    private static OneDevice New(int metrics = 3) => new(metrics);

    private static List<Finding> After(int seed, int count, Func<int, (long At, long Sequence, double[] Values), IEnumerable<(long, long, double[])>> attack)
    {
        var scorer = New();
        Streams.Observe(scorer, Streams.Device(seed, Healthy));
        return Streams.Observe(scorer, Streams.Device(seed, Healthy + count).Skip(Healthy).SelectMany((message, i) => attack(i, message)));
    }

    [Fact]
    public void A_healthy_device_is_quiet_over_seeds()
    {
        var alerts = Enumerable.Range(0, 20).Sum(seed => Streams.Observe(New(), Streams.Device(seed, 8 * 1440)).Count(f => f.AtMs > Streams.Start + (2 * 86_400_000)));
        Assert.InRange(alerts, 0, 2); // 120 device-days at 0.01
    }

    [Fact]
    public void A_spike_on_one_metric_is_named() =>
        Assert.Contains(After(1, 10, (i, m) => [i == 5 ? (m.At, m.Sequence, [m.Values[0], m.Values[1], 90]) : m]), f => f.Kind is FindingKind.Spike or FindingKind.Fuzz && f.Metric == 2);

    [Fact]
    public void What_is_not_a_number_is_fuzz() =>
        Assert.Contains(After(2, 10, (i, m) => [i == 5 ? (m.At, m.Sequence, [m.Values[0], double.PositiveInfinity, m.Values[2]]) : m]), f => f.Kind == FindingKind.Fuzz && f.Metric == 1);

    [Fact]
    public void A_broken_relation_is_found_although_each_value_is_plausible() =>
        Assert.Contains(After(3, 300, (_, m) => [(m.At, m.Sequence, [m.Values[0], 100 - m.Values[1], m.Values[2]])]), f => f.Kind is FindingKind.Correlation or FindingKind.Drift);

    [Fact]
    public void A_slow_drift_of_one_metric_is_found() =>
        Assert.Contains(After(4, 600, (i, m) => [(m.At, m.Sequence, [m.Values[0], m.Values[1] + (0.02 * i), m.Values[2]])]), f => f.Kind is FindingKind.Drift or FindingKind.Correlation);

    [Fact]
    public void A_stuck_metric_is_found() =>
        Assert.Contains(After(5, 120, (_, m) => [(m.At, m.Sequence, [m.Values[0], m.Values[1], 20.3])]), f => f.Kind == FindingKind.Stuck && f.Metric == 2);

    [Fact]
    public void A_metric_at_zero_is_a_flatline() =>
        Assert.Contains(After(6, 120, (_, m) => [(m.At, m.Sequence, [m.Values[0], m.Values[1], 0])]), f => f.Kind == FindingKind.Flatline && f.Metric == 2);

    [Fact]
    public void A_replayed_window_under_fresh_times_and_counters_is_found()
    {
        var recorded = Streams.Device(7, Healthy).TakeLast(48).Select(m => m.Values).ToArray();
        Assert.Contains(After(7, 60, (i, m) => [(m.At, m.Sequence, recorded[i % 48])]), f => f.Kind == FindingKind.Replay);
    }

    [Fact]
    public void A_flood_is_found() =>
        Assert.Contains(After(8, 5, (i, m) => Enumerable.Range(0, 8).Select(k => (m.At + (k * 5000L), (m.Sequence * 8) + k, m.Values))), f => f.Kind == FindingKind.Flood);

    [Fact]
    public void A_clone_that_copies_the_counter_is_found_with_its_first_message() =>
        Assert.Contains(After(9, 3, (i, m) => i < 2 ? [m] : [m, (m.At + 20_000, m.Sequence, m.Values)]), f => f.Kind == FindingKind.Clone);

    [Fact]
    public void A_clone_with_a_counter_of_its_own_is_found() =>
        Assert.Contains(After(10, 3, (i, m) => [m, (m.At + 20_000, i + 1, m.Values)]), f => f.Kind == FindingKind.Clone);

    [Fact]
    public void A_restart_after_a_pause_is_no_clone() =>
        Assert.DoesNotContain(After(11, 200, (i, m) => i < 4 ? [] : [(m.At, i - 3, m.Values)]), f => f.Kind is FindingKind.Clone or FindingKind.Flood);

    [Fact]
    public void A_gap_of_four_messages_is_not_silence_and_the_eighth_missing_message_is()
    {
        var scorer = New();
        Streams.Observe(scorer, Streams.Device(12, Healthy));
        var last = Streams.Device(12, Healthy).Last().At;
        Assert.False(scorer.Scorer.Silent(last + (5 * Streams.Minute), out _));
        Assert.True(scorer.Scorer.DueMs <= last + (8 * Streams.Minute));
        Assert.True(scorer.Scorer.Silent(scorer.Scorer.DueMs, out var silence));
        Assert.Equal(FindingKind.Silence, silence.Kind);
        Assert.Equal(long.MaxValue, scorer.Scorer.DueMs);
        Assert.False(scorer.Scorer.Silent(last + (60 * Streams.Minute), out _)); // once
    }

    [Fact]
    public void Continuing_from_a_snapshot_at_any_point_gives_identical_findings()
    {
        var messages = Streams.Device(13, 2600).Select((m, i) => i % 500 == 499 ? (m.At, m.Sequence, new[] { m.Values[0], 400, m.Values[2] }) : m).ToList();
        var whole = New();
        var split = New();
        var (left, right) = (new Finding[DeviceScorer.FindingsMax], new Finding[DeviceScorer.FindingsMax]);
        foreach (var (at, sequence, values) in messages)
        {
            Assert.Null(DeviceMemory.Check(split.Memory));
            split = new OneDevice([.. split.Memory]);
            var found = whole.Observe(at, sequence, values, left);
            Assert.Equal(found, split.Observe(at, sequence, values, right));
            Assert.Equal(left[..found], right[..found]);
        }
        Assert.Equal(whole.Memory, split.Memory);
    }

    [Fact]
    public void State_is_at_most_512_bytes_a_metric() =>
        Assert.All(Enumerable.Range(1, Relation.MetricsMax), metrics => Assert.InRange(DeviceMemory.BytesOf(metrics) / (double)metrics, 1, 512));

    [Fact]
    public void State_of_another_version_number_of_metrics_or_length_is_refused()
    {
        var bytes = New(2).Memory;
        Assert.Null(DeviceMemory.Check(bytes));
        Assert.Equal("device-state-length", DeviceMemory.Check(bytes.AsSpan(0, bytes.Length - 1))?.Code);
        Assert.Equal("device-state-length", DeviceMemory.Check(bytes.AsSpan(0, 1))?.Code);
        bytes[1] = Relation.MetricsMax + 1;
        Assert.Equal("device-state-metrics", DeviceMemory.Check(bytes)?.Code);
        bytes[1] = 0;
        Assert.Equal("device-state-metrics", DeviceMemory.Check(bytes)?.Code);
        bytes[0]++;
        Assert.Equal("device-state-version", DeviceMemory.Check(bytes)?.Code);
    }

    [Fact]
    public void Hostile_counters_times_and_values_never_throw()
    {
        var random = new Random(14);
        long[] numbers = [0, 1, -1, long.MaxValue, long.MinValue, Streams.Start];
        double[] values = [0, -0.0, 1e300, -1e300, double.Epsilon, double.NaN, double.PositiveInfinity, double.MaxValue, 1];
        var scorer = New(2);
        var room = new Finding[DeviceScorer.FindingsMax];
        for (var i = 0; i < 20_000; i++)
        {
            var found = scorer.Observe(numbers[random.Next(numbers.Length)], numbers[random.Next(numbers.Length)], [values[random.Next(values.Length)], values[random.Next(values.Length)]], room);
            for (var k = 0; k < found; k++) Assert.InRange(room[k].Score, 0, 1);
            scorer.Scorer.Silent(numbers[random.Next(numbers.Length)], out _);
        }
    }

    [Fact]
    public void A_message_costs_no_allocation()
    {
        var scorer = New();
        var room = new Finding[DeviceScorer.FindingsMax];
        var messages = Streams.Device(15, 3000).ToList();
        foreach (var (at, sequence, values) in messages.Take(1500)) scorer.Observe(at, sequence, values, room);
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var (at, sequence, values) in messages.Skip(1500)) scorer.Observe(at, sequence, values, room);
        // The enumeration itself allocates once, whatever the number of messages.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    [Fact]
    public void Every_kind_is_explained_in_words_and_figures()
    {
        foreach (var kind in Enum.GetValues<FindingKind>())
        {
            var explanation = Explanation.Of(new(kind, 0, Streams.Start + 1, Streams.Start, 3.5, 1.25, 20.5, 1, 2), "pressure");
            Assert.All([explanation.Seen, explanation.Expected, explanation.Silent], text => Assert.NotEmpty(text));
            Assert.Contains("1.25", explanation.Weight, StringComparison.Ordinal);
            Assert.Contains("score", explanation.ToString(), StringComparison.Ordinal);
        }
        Assert.Contains("pressure", Explanation.Of(new(FindingKind.Spike, 0, 1, 0, 3, 1, 20, 1, 2), "pressure").Seen, StringComparison.Ordinal);
    }
}
