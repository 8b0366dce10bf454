using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>What must hold however long a device lives, in whatever unit and order it reports.</summary>
public class LongLifeTests
{
    [Fact] // counts of rises were halved alone once, so a counter stopped being one after a million and a half readings
    public void A_counter_is_a_counter_after_four_million_readings()
    {
        var (device, room, told, forgotten) = (new OneDevice(1), new Finding[DeviceScorer.FindingsMax], 0, 0);
        var metrics = DeviceMemory.Metrics(device.Memory);
        for (var i = 0L; i < 4_000_000; i++)
        {
            told += device.Observe(Streams.Start + (i * Streams.Minute), i + 10, [1000 + (i * 3) + (i % 2)], room);
            if (i > 1000 && metrics[0].Counts == 0) forgotten++;
        }

        Assert.Equal((0, 0), (told, forgotten));
        var (low, high) = device.Scorer.Range(0);
        Assert.InRange(low, 1, 3);
        Assert.InRange(high, 3, 5);
    }

    [Fact] // 10^9 points of one device: `scoring --endurance 1000000000` of tests/Benchmarks
    public void Counts_at_their_end_do_not_overflow()
    {
        var (device, random, room) = (new OneDevice(2), new Random(1), new Finding[DeviceScorer.FindingsMax]);
        for (var i = 0; i < 500; i++) device.Observe(Streams.Start + (i * Streams.Minute), i, [7, -i], room);
        // As if it had lived 2^31 messages longer: every count in the state is near its end.
        var metrics = DeviceMemory.Metrics(device.Memory);
        for (var m = 0; m < metrics.Length; m++) (metrics[m].Seen, metrics[m].Outside, metrics[m].Falls) = (int.MaxValue - 5, int.MaxValue - 5, int.MaxValue - 5);
        ref var head = ref DeviceMemory.Head(device.Memory);
        (head.Learned, head.Sized, head.SameUntil) = (int.MaxValue - 5, ushort.MaxValue - 5, int.MaxValue - 5);
        for (var i = 500; i < 600; i++) device.Observe(Streams.Start + (i * Streams.Minute), i, [i % 2 == 0 ? 7 : random.NextDouble(), -i], room);
        Assert.Equal(int.MaxValue, DeviceMemory.Head(device.Memory).Learned);
    }

    [Fact]
    public void The_order_of_its_metrics_does_not_matter_to_what_is_found_of_a_device()
    {
        var (straight, turned) = (new OneDevice(3), new OneDevice(3));
        var messages = Attacked(1).ToList();
        var found = Streams.Observe(straight, messages);
        var other = Streams.Observe(turned, messages.Select(m => (m.At, m.Sequence, (double[])[m.Values[2], m.Values[0], m.Values[1]])));
        Assert.NotEmpty(found);
        Assert.Equal(found.Select(f => (f.Kind, f.AtMs)).Order(), other.Select(f => (f.Kind, f.AtMs)).Order());
    }

    [Theory] // scales that are powers of two change no digit; offsets would turn a reading of zero into another
    [InlineData(4.0)]
    [InlineData(1.0 / 1024)]
    [InlineData(-1.0)]
    public void The_unit_of_its_metrics_does_not_matter_to_what_is_found_of_a_device(double scale)
    {
        var messages = Attacked(2).ToList();
        var found = Streams.Observe(new OneDevice(3), messages);
        var scaled = Streams.Observe(new OneDevice(3), messages.Select(m => (m.At, m.Sequence, (double[])[m.Values[0] * scale, m.Values[1] * scale, m.Values[2] * scale])));
        Assert.NotEmpty(found);
        Assert.Equal(found.Select(f => (f.Kind, f.AtMs, f.Metric)), scaled.Select(f => (f.Kind, f.AtMs, f.Metric)));
    }

    private static IEnumerable<(long At, long Sequence, double[] Values)> Attacked(int seed) => Streams.Device(seed, 6000).Select((m, i) =>
        i is > 5000 and < 5300 ? (m.At, m.Sequence, [m.Values[0], m.Values[1] - (0.05 * (i - 5000)), m.Values[2]])
        : i == 4000 ? (m.At, m.Sequence, [m.Values[0], m.Values[1], 90])
        : i is > 5600 and < 5800 ? (m.At, m.Sequence, [m.Values[0], m.Values[1], 20.3])
        : m);

    [Fact] // level and pressure of a tank, averaged, are one thing said twice; what too small a ridge costs shows in the fleet benchmark, seeds 3009 and 3013
    public void Two_metrics_that_say_the_same_do_not_make_the_relation_explode()
    {
        var random = new Random(3);
        var relation = new Relation(3, new byte[Relation.BytesOf(3)]);
        Span<double> residuals = stackalloc double[3];
        for (var i = 0; i < 60_000; i++)
        {
            var (at, level) = (Streams.Start + (i * Streams.Minute), 50 + (30 * Math.Sin(i / 300.0)));
            double[] values = [level, 100 + (level / 40) + (1e-5 * Streams.Normal(random)), 3 + (0.1 * Streams.Normal(random))];
            if (i > 5000)
            {
                relation.Residuals(at, values, residuals);
                foreach (var residual in residuals) Assert.InRange(residual, -5, 5);
            }

            relation.Learn(at, values);
        }
    }
}
