using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>More parts against naive versions, and the calibration against what it predicts.</summary>
public class OracleTests
{
    [Fact]
    public void Predicted_tails_fit_fresh_white_noise_by_chi_square_over_many_seeds()
    {
        // The evidence classes are half octaves: mid-class values read off what share of fresh values is predicted for each.
        const int Classes = 16, Learned = 4000, Fresh = 500, Seeds = 60;
        var (observed, expected) = (new double[Classes], new double[Classes]);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (random, calibration) = (new Random(seed), default(Calibration));
            for (var i = 0; i < Learned; i++) calibration.Learn(Math.Abs(Streams.Normal(random)));
            var tails = Enumerable.Range(0, Classes + 1).Select(k => k == Classes ? 0 : calibration.Tail(Math.Pow(2, ((k + 0.5) / 2) - 5))).ToArray();
            for (var k = 0; k < Classes; k++) expected[k] += Fresh * (tails[k] - tails[k + 1]);
            for (var i = 0; i < Fresh; i++) observed[Math.Clamp((int)Math.Floor(2 * (Math.Log2(Math.Abs(Streams.Normal(random))) + 5)), 0, Classes - 1)]++;
        }

        var (statistic, degrees) = (0.0, 0);
        for (var k = 0; k < Classes; k++)
        {
            if (expected[k] < 20) continue;
            // What was learned has chance in it too, by Fresh/Learned of its own.
            statistic += (observed[k] - expected[k]) * (observed[k] - expected[k]) / (expected[k] * (1 + (Fresh / (double)Learned)));
            degrees++;
        }

        Assert.True(degrees >= 10, $"{degrees} classes");
        Assert.True(statistic < degrees + (5 * Math.Sqrt(2.0 * degrees)), $"chi-square {statistic:F1} with {degrees} degrees of freedom");
    }

    [Fact]
    public void An_echo_is_followed_at_any_distance_for_as_long_as_it_lasts()
    {
        for (var lag = 2; lag <= 64; lag++)
        {
            var (random, echo, said) = (new Random(lag), default(Echo), new List<ushort>());
            for (var i = 0; i < 300; i++)
            {
                // Two bytes of hash repeat by chance; readings here do not.
                said.Add((ushort)((i * 101) + lag));
                echo.Learn(said[^1]);
            }

            for (var k = 1; k <= 40; k++)
            {
                said.Add(said[^lag]);
                echo.Learn(said[^1]);
                Assert.Equal((lag, k), (echo.Lag, echo.Run));
            }

            echo.Learn((ushort)random.Next(60_000, 65_000));
            Assert.Equal(0, echo.Run);
        }
    }

    [Fact]
    public void An_hours_mean_is_the_exact_mean_of_its_first_thirty_values()
    {
        var (random, day) = (new Random(2), default(DayProfile));
        var seen = new List<double>[24];
        for (var i = 0; i < 24 * 19; i++)
        {
            var (bin, value) = (i % 24, random.NextDouble());
            (seen[bin] ??= []).Add(value);
            day.Learn(bin, value);
            Assert.Equal(seen[bin].Average(), day.At(bin), 1e-5);
        }
    }

    [Fact]
    public void The_usual_size_of_a_residual_at_a_level_is_the_exact_mean_of_its_first_thousand()
    {
        var (random, noise) = (new Random(3), default(NoiseByLevel));
        var sizes = new List<double>[8];
        for (var i = 0; i < 4000; i++)
        {
            var position = random.NextDouble();
            var (level, residual) = ((int)(position * 8), (random.NextDouble() - 0.5) * (1 + position));
            (sizes[level] ??= []).Add(Math.Abs(residual));
            noise.Learn(position, residual);
        }

        for (var level = 0; level < 8; level++) Assert.Equal(sizes[level].Average(), noise.At((level + 0.5) / 8), 0.01);
    }

    [Fact]
    public void A_run_of_equal_readings_is_counted_as_a_loop_backwards_counts_it()
    {
        var (random, stillness, said) = (new Random(4), default(Stillness), new List<double>());
        for (var i = 0; i < 3000; i++)
        {
            said.Add(random.Next(3));
            stillness.Learn(said[^1]);
            var run = 0;
            while (run + 1 < said.Count && said[^(run + 2)] == said[^1]) run++;
            Assert.Equal(run, stillness.Run);
        }
    }
}
