using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>Each incremental part against a naive, obviously right version of it.</summary>
public class PartTests
{
    [Fact]
    public void The_mean_is_the_exact_mean_until_the_rate_takes_over()
    {
        var random = new Random(1);
        var values = Enumerable.Range(0, 20).Select(_ => random.NextDouble()).ToArray();
        var mean = 0.0;
        for (var i = 0; i < values.Length; i++)
        {
            mean = Average.After(mean, values[i], 1 / 20.0, i);
            Assert.Equal(values[..(i + 1)].Average(), mean, 1e-12);
        }
    }

    [Fact]
    public void Conformal_tails_of_white_noise_are_uniform_or_safer_over_many_seeds()
    {
        // P(p <= a) <= a for exchangeable evidence; the class width makes it conservative, and chance a little less so.
        foreach (var level in new[] { 0.2, 0.1, 0.05, 0.01 })
        {
            int below = 0, all = 0;
            for (var seed = 0; seed < 40; seed++)
            {
                var random = new Random(seed);
                var calibration = default(Calibration);
                for (var i = 0; i < 3000; i++)
                {
                    var evidence = Math.Abs(Streams.Normal(random));
                    if (i >= 500)
                    {
                        all++;
                        if (calibration.Tail(evidence) <= level) below++;
                    }
                    calibration.Learn(evidence);
                }
            }
            var sigma = Math.Sqrt(level * (1 - level) / all);
            Assert.True(below / (double)all <= level + (5 * sigma), $"at {level}: {below / (double)all:F4}");
        }
    }

    [Fact]
    public void Alarms_on_white_noise_stay_below_the_stated_rate()
    {
        // Stated: at a tail of 0.002 no more than 0.2 % of values, over seeds.
        int below = 0, all = 0;
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var scorer = default(SeriesScorer);
            for (var i = 0; i < 5000; i++)
            {
                var score = scorer.ScoreAndLearn(Streams.Start + (i * Streams.Minute), Streams.Normal(random));
                if (i < 1000) continue;
                all++;
                if (score.Alarm > 0 && score.Tail <= 0.002) below++;
            }
        }
        Assert.True(below <= 0.002 * all, $"{below} of {all}");
    }

    [Fact]
    public void A_range_knows_its_least_and_greatest_value_and_measures_excess_in_widths()
    {
        var records = default(Records);
        for (var i = 0; i < Records.WarmUp; i++) records.Learn(i % 11, i);
        Assert.Equal(0, records.Excess(10, Records.WarmUp));
        Assert.Equal(0, records.Excess(0, Records.WarmUp));
        Assert.Equal(1, records.Excess(20, Records.WarmUp), 1e-5);
        Assert.Equal(0.5, records.Excess(-5, Records.WarmUp), 1e-5);
        Assert.Equal(0, records.Excess(20, Records.WarmUp - 1));
    }

    [Fact]
    public void One_excess_stretches_a_range_by_a_tenth_of_its_width_at_most()
    {
        var records = default(Records);
        for (var i = 0; i < Records.WarmUp; i++) records.Learn(i % 11, i);
        records.Learn(1e6, Records.WarmUp);
        Assert.InRange(records.High, 10.99, 11.0);
    }

    [Fact]
    public void The_echo_of_a_loop_is_heard_and_its_lag_named_and_a_fresh_stream_is_not()
    {
        var random = new Random(3);
        var readings = Enumerable.Range(0, 200).Select(_ => new[] { random.NextDouble(), random.NextDouble() }).ToArray();
        var echo = default(Echo);
        foreach (var reading in readings)
        {
            echo.Learn(Echo.HashOf(reading));
            Assert.False(echo.Heard);
        }
        var heardAfter = 0;
        for (var i = 0; i < 60 && !echo.Heard; i++, heardAfter++) echo.Learn(Echo.HashOf(readings[152 + (i % 48)]));
        Assert.True(echo.Heard);
        Assert.Equal(48, echo.Lag);
        Assert.InRange(heardAfter, 5, 15);
    }

    [Fact]
    public void A_constant_device_is_no_echo()
    {
        var echo = default(Echo);
        for (var i = 0; i < 5000; i++) echo.Learn(Echo.HashOf([1.0, 2.0]));
        Assert.False(echo.Heard);
    }

    [Fact]
    public void A_stuck_metric_is_noticed_and_a_coarse_one_that_repeats_by_habit_is_not()
    {
        var random = new Random(4);
        var coarse = default(Stillness);
        for (var i = 0; i < 20_000; i++)
        {
            coarse.Learn(Math.Round(0.6 * Streams.Normal(random)));
            if (i > 1000) Assert.False(coarse.Stuck);
        }
        var after = 0;
        while (!coarse.Stuck && after < 1000)
        {
            coarse.Learn(5);
            after++;
        }
        Assert.InRange(after, 10, 200);
    }

    [Fact]
    public void The_relation_finds_the_least_squares_answer()
    {
        var random = new Random(5);
        var relation = new Relation(2, new byte[Relation.BytesOf(2)]);
        Span<double> residuals = stackalloc double[2];
        for (var i = 0; i < 4000; i++)
        {
            var x = Streams.Normal(random);
            relation.Learn(Streams.Start + (i * Streams.Minute), [x, (3 * x) + 7 + (0.1 * Streams.Normal(random))]);
        }
        relation.Residuals(Streams.Start, [1.0, 10.0], residuals);
        Assert.Equal(0, residuals[1], 0.1);
        relation.Residuals(Streams.Start, [1.0, 12.0], residuals);
        Assert.Equal(2, residuals[1], 0.1);
    }

    [Fact]
    public void The_order_of_metrics_does_not_matter_to_their_relation()
    {
        var random = new Random(6);
        var one = new Relation(3, new byte[Relation.BytesOf(3)]);
        var other = new Relation(3, new byte[Relation.BytesOf(3)]);
        Span<double> residuals = stackalloc double[3];
        Span<double> turned = stackalloc double[3];
        for (var i = 0; i < 2000; i++)
        {
            var at = Streams.Start + (i * Streams.Minute);
            var (a, b) = (Streams.Normal(random), Streams.Normal(random));
            double[] values = [a, b, a - b + (0.2 * Streams.Normal(random))];
            one.Residuals(at, values, residuals);
            other.Residuals(at, [values[2], values[0], values[1]], turned);
            Assert.Equal(residuals[0], turned[1], 1e-4);
            Assert.Equal(residuals[1], turned[2], 1e-4);
            Assert.Equal(residuals[2], turned[0], 1e-4);
            one.Learn(at, values);
            other.Learn(at, [values[2], values[0], values[1]]);
        }
    }

    [Fact]
    public void The_departure_of_a_sensor_grows_with_its_step_and_does_not_depend_on_its_scale()
    {
        double After(double step, double scale, double offset)
        {
            var random = new Random(7);
            var departure = default(Departure);
            for (var i = 0; i < 420; i++) departure.Learn((Streams.Normal(random) * scale) + offset + (i >= 400 ? step * scale : 0), 400);
            return departure.Score(offset + (step * scale), 400);
        }
        Assert.True(After(6, 1, 0) > 2 * After(1, 1, 0));
        Assert.Equal(After(3, 1, 0), After(3, -1000, 0), 1e-3);
        Assert.Equal(After(3, 1, 0), After(3, 1, 500), 1e-3);
    }

    [Fact]
    public void While_settling_nothing_has_departed()
    {
        var departure = default(Departure);
        for (var i = 0; i < 400; i++)
        {
            Assert.Equal(0, departure.Score(1e9, 400));
            departure.Learn(i % 3, 400);
        }
        Assert.True(departure.Score(1e9, 400) > 1);
    }
}
