using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>Seeded streams the tests share.</summary>
internal static class Streams
{
    public const long Start = 1_767_571_200_000; // a Monday, 00:00 UTC
    public const long Minute = 60_000;

    public static double Normal(Random random)
    {
        var (u, v) = (1 - random.NextDouble(), random.NextDouble());
        return Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(Math.Tau * v);
    }

    /// <summary>A daily cycle with noise, and a spike every 997 values.</summary>
    public static IEnumerable<(long At, double Value)> Daily(int seed, int count, double scale = 1, double offset = 0)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var at = Start + (i * 5 * Minute);
            var value = (3 * Math.Sin(Math.Tau * i / 288)) + Normal(random) + (i % 997 == 996 ? 40 : 0);
            yield return (at, (value * scale) + offset);
        }
    }

    /// <summary>A healthy device: two related metrics and one of its own, one message a minute, jittered.</summary>
    public static IEnumerable<(long At, long Sequence, double[] Values)> Device(int seed, int count)
    {
        var random = new Random(seed);
        double at = Start, wander = 0;
        for (var i = 0; i < count; i++)
        {
            wander = (0.98 * wander) + Normal(random);
            var speed = 100 + (20 * Math.Sin(Math.Tau * at / 86_400_000)) + wander;
            yield return ((long)at, i + 10, [Math.Round(speed, 2), Math.Round((0.5 * speed) + (0.1 * Normal(random)), 2), Math.Round(20 + Normal(random), 1)]);
            at += Minute * (0.95 + (0.1 * random.NextDouble()));
        }
    }

    public static List<Finding> Observe(OneDevice scorer, IEnumerable<(long At, long Sequence, double[] Values)> messages)
    {
        var all = new List<Finding>();
        var room = new Finding[DeviceScorer.FindingsMax];
        foreach (var (at, sequence, values) in messages)
        {
            var found = scorer.Observe(at, sequence, values, room);
            all.AddRange(room[..found]);
        }
        return all;
    }
}

/// <summary>A device's bytes and the scorer over them.</summary>
internal sealed class OneDevice
{
    private readonly DeviceLimits _limits;

    public OneDevice(int metrics, DeviceLimits? limits = null)
    {
        (_limits, Memory) = (limits ?? new DeviceLimits(), new byte[DeviceMemory.BytesOf(metrics)]);
        DeviceMemory.Begin(Memory, metrics, shape: 0);
    }

    public OneDevice(byte[] memory) => (_limits, Memory) = (new DeviceLimits(), memory);

    public byte[] Memory { get; }

    public DeviceScorer Scorer => new(Memory, _limits);

    public int Observe(long at, long sequence, ReadOnlySpan<double> values, Span<Finding> findings)
    {
        var scorer = Scorer;
        scorer.Heard(at, Punctuality.Longest);
        return scorer.Observe(new(at, at, sequence), values, findings);
    }
}
