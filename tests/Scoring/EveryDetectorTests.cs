using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>One suite over all detector parts.</summary>
public class EveryDetectorTests
{
    /// <summary>A part as a function of a stream: evidence a value, 0 or more.</summary>
    public static TheoryData<string> Parts() => ["series", "records", "departure", "relation", "noise", "stillness", "day", "device"];

    [Theory]
    [MemberData(nameof(Parts))]
    public void The_same_stream_gives_the_same_evidence(string part) => Assert.Equal(Evidence(part, Calm(1)), Evidence(part, Calm(1)));

    [Theory]
    [MemberData(nameof(Parts))]
    public void No_value_makes_evidence_that_is_not_a_number(string part)
    {
        var random = new Random(2);
        double[] hostile = [0, -0.0, 1e300, -1e300, double.Epsilon, double.MaxValue, double.MinValue, 1e-300, 42];
        var stream = Enumerable.Range(0, 3000).Select(i => i % 3 == 0 ? hostile[random.Next(hostile.Length)] : Streams.Normal(random)).ToArray();
        Assert.All(Evidence(part, stream), evidence => Assert.True(double.IsFinite(evidence) && evidence >= 0, $"{part}: {evidence}"));
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_constant_stream_is_no_evidence_and_stays_so(string part)
    {
        var evidence = Evidence(part, Enumerable.Repeat(7.25, 5000).ToArray());
        Assert.Equal(0, evidence[^1]);
    }

    [Theory]
    [InlineData("series")]
    [InlineData("records")]
    [InlineData("departure")]
    [InlineData("relation")]
    [InlineData("stillness")]
    [InlineData("device")]
    public void What_is_planted_has_more_evidence_than_chance_would_give_it(string part)
    {
        // The area under the curve: how often a planted value has more evidence than an ordinary one. Chance is one half.
        double wins = 0, pairs = 0;
        for (var seed = 0; seed < 10; seed++)
        {
            var stream = Calm(seed);
            for (var i = 2500; i < 2560; i++) stream[i] = part == "stillness" ? stream[2500] : stream[i] + 12;
            var evidence = Evidence(part, stream);
            var planted = evidence[2500..2560].Max();
            foreach (var ordinary in evidence.Skip(1000).Take(1400))
            {
                pairs++;
                wins += planted > ordinary ? 1 : planted == ordinary ? 0.5 : 0;
            }
        }

        Assert.True(wins / pairs > 0.9, $"{part}: {wins / pairs:F3}");
    }

    [Theory]
    [InlineData("series")]
    [InlineData("records")]
    [InlineData("departure")]
    public void Scale_offset_and_sign_of_the_values_do_not_matter(string part)
    {
        var stream = Calm(3);
        var plain = Evidence(part, stream);
        foreach (var (scale, offset) in ((double, double)[])[(1024, 0), (-1, 0), (1.0 / 4096, 0), (1, 65_536)])
        {
            var changed = Evidence(part, [.. stream.Select(value => (value * scale) + offset)]);
            for (var i = 0; i < plain.Count; i++) Assert.Equal(plain[i], changed[i], 0.02);
        }
    }

    [Fact] // 10^9 values would take minutes: each step of a mean is a convex combination, so 10^7 at the end of the range show the same
    public void Ten_million_values_do_not_make_a_mean_or_a_range_drift()
    {
        var (mean, records, random) = (0.0, default(Records), new Random(4));
        for (var i = 0; i < 10_000_000; i++)
        {
            var value = random.NextDouble();
            mean = Average.After(mean, value, 1 / 4000.0, i);
            records.Learn(value, i);
        }

        Assert.InRange(mean, 0.45, 0.55);
        Assert.InRange(records.Low, -0.001, 0.02);
        Assert.InRange(records.High, 0.98, 1.001);
    }

    [Fact]
    public void The_tails_stated_for_white_noise_hold_over_many_seeds()
    {
        // Goodness of fit: over 40 seeds, the share of values at or below each tail must not exceed it by more than chance (5 sigma).
        foreach (var tail in (double[])[0.1, 0.03, 0.01])
        {
            int below = 0, all = 0;
            for (var seed = 0; seed < 40; seed++)
            {
                var (scorer, random) = (default(SeriesScorer), new Random(seed));
                for (var i = 0; i < 3000; i++)
                {
                    var score = scorer.ScoreAndLearn(Streams.Start + (i * Streams.Minute), Streams.Normal(random));
                    if (i < 1500) continue;
                    all++;
                    if (score.Tail <= tail) below++;
                }
            }

            Assert.True(below <= (tail * all) + (5 * Math.Sqrt(tail * all)), $"tail {tail}: {below / (double)all:F4}");
        }
    }

    private static double[] Calm(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 3000).Select(i => Math.Round(Math.Sin(i / 40.0) + (0.3 * Streams.Normal(random)), 3))];
    }

    private static List<double> Evidence(string part, double[] stream)
    {
        var evidence = new List<double>(stream.Length);
        var (series, records, departure, stillness, noise, day) = (default(SeriesScorer), default(Records), default(Departure), default(Stillness), default(NoiseByLevel), default(DayProfile));
        var device = new OneDevice(2);
        var relation = new Relation(2, new byte[Relation.BytesOf(2)]);
        var room = new Finding[DeviceScorer.FindingsMax];
        Span<double> residuals = stackalloc double[2];
        var random = new Random(9);
        for (var i = 0; i < stream.Length; i++)
        {
            var (at, value) = (Streams.Start + (i * Streams.Minute), stream[i]);
            var bounded = Math.Clamp(value, -1e30, 1e30);
            switch (part)
            {
                case "series":
                    evidence.Add(series.ScoreAndLearn(at, value).Evidence);
                    break;
                case "records":
                    var distance = bounded - Math.Clamp(stream[0], -1e30, 1e30); // its owner's task
                    evidence.Add(records.Excess(distance, i));
                    records.Learn(distance, i);
                    break;
                case "departure":
                    evidence.Add(departure.Score(value, 400));
                    departure.Learn(value, 400);
                    break;
                case "relation":
                    double[] pair = [bounded, Math.Sin(i / 40.0)];
                    if (relation.Seen >= Relation.WarmUp) relation.Residuals(at, pair, residuals);
                    evidence.Add(Math.Abs(residuals[0]) < 1e-9 ? 0 : Math.Abs(residuals[0]));
                    relation.Learn(at, pair);
                    break;
                case "noise":
                    evidence.Add(value == 7.25 ? 0 : noise.At(0.5));
                    noise.Learn(0.5, bounded);
                    break;
                case "stillness":
                    stillness.Learn(value);
                    evidence.Add(stillness.Stuck ? -stillness.LogTail : 0);
                    break;
                case "day":
                    evidence.Add(Math.Abs(day.At(DayProfile.BinOf(at)) - bounded) is var off && i > 1440 ? off : 0);
                    day.Learn(DayProfile.BinOf(at), bounded);
                    break;
                default:
                    var found = device.Observe(at, i + 10, [value, random.NextDouble()], room);
                    evidence.Add(found == 0 ? 0 : room.Take(found).Max(finding => finding.Score));
                    break;
            }
        }

        return evidence;
    }
}
