using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

public class SeriesScorerTests
{
    private static List<SeriesScore> Run(IEnumerable<(long At, double Value)> series)
    {
        var scorer = default(SeriesScorer);
        return [.. series.Select(x => scorer.ScoreAndLearn(x.At, x.Value))];
    }

    [Fact]
    public void The_same_series_gives_the_same_scores() =>
        Assert.Equal(Run(Streams.Daily(1, 5000)), Run(Streams.Daily(1, 5000)));

    [Fact]
    public void Score_answers_what_scoring_and_learning_answers_and_changes_nothing()
    {
        var scorer = default(SeriesScorer);
        foreach (var (at, value) in Streams.Daily(2, 3000))
        {
            var before = scorer.Score(at, value);
            Assert.Equal(before, scorer.Score(at, value));
            Assert.Equal(before, scorer.ScoreAndLearn(at, value));
        }
    }

    [Fact]
    public void During_warm_up_the_answer_is_not_yet_and_after_200_values_it_is_a_score()
    {
        var scores = Run(Streams.Daily(3, 200));
        Assert.All(scores.Take(SeriesScorer.WarmUp), score => Assert.False(score.Warm));
        Assert.All(scores.Take(SeriesScorer.WarmUp), score => Assert.Equal(0, score.Alarm));
        Assert.True(scores[^1].Warm);
    }

    [Theory]
    [InlineData(1024, 0)]
    [InlineData(1.0 / 4096, 0)]
    [InlineData(-1, 0)]
    [InlineData(1, 65536)]
    public void Scores_do_not_depend_on_scale_offset_or_sign(double scale, double offset)
    {
        var plain = Run(Streams.Daily(4, 4000));
        var changed = Run(Streams.Daily(4, 4000, scale, offset));
        for (var i = 0; i < plain.Count; i++) Assert.Equal(plain[i].Alarm, changed[i].Alarm, 0.02);
    }

    [Fact]
    public void Scores_do_not_depend_on_the_date() =>
        Assert.Equal(Run(Streams.Daily(5, 3000)), Run(Streams.Daily(5, 3000).Select(x => (x.At - (1000L * 86_400_000), x.Value))));

    [Fact]
    public void Continuing_from_a_snapshot_at_any_point_gives_identical_scores()
    {
        var series = Streams.Daily(6, 1500).ToList();
        var scorer = default(SeriesScorer);
        var bytes = new byte[SeriesScorer.SnapshotBytes];
        foreach (var (at, value) in series)
        {
            Assert.Equal(SeriesScorer.SnapshotBytes, scorer.Write(bytes));
            Assert.True(SeriesScorer.Read(bytes).TryGet(out var restored, out _));
            Assert.Equal(scorer.ScoreAndLearn(at, value), restored.ScoreAndLearn(at, value));
        }
    }

    [Fact]
    public void State_fits_into_512_bytes() => Assert.InRange(SeriesScorer.SnapshotBytes, 1, 512);

    [Fact]
    public void State_of_another_version_or_cut_short_is_refused()
    {
        var bytes = new byte[SeriesScorer.SnapshotBytes];
        default(SeriesScorer).Write(bytes);
        Assert.Equal("series-state-length", SeriesScorer.Read(bytes.AsSpan(0, bytes.Length - 1)).Fault?.Code);
        Assert.Equal("series-state-length", SeriesScorer.Read([]).Fault?.Code);
        Assert.Null(SeriesScorer.Read(bytes).Fault);
        bytes[0]++;
        Assert.Equal("series-state-version", SeriesScorer.Read(bytes).Fault?.Code);
    }

    public static TheoryData<string> Extremes() => ["huge", "tiny", "constant", "swing", "not numbers", "huge first"];

    [Theory]
    [MemberData(nameof(Extremes))]
    public void No_value_makes_a_score_that_is_not_a_probability(string kind)
    {
        var random = new Random(7);
        double Value(int i) => kind switch
        {
            "huge" => i % 7 == 0 ? 1e300 : i % 11 == 0 ? -1e300 : Streams.Normal(random),
            "tiny" => double.Epsilon * random.Next(5),
            "constant" => 42,
            "swing" => i % 2 == 0 ? double.MaxValue : double.MinValue,
            "huge first" => i == 0 ? 1e300 : Streams.Normal(random),
            _ => i % 5 == 0 ? double.NaN : i % 7 == 0 ? double.PositiveInfinity : 1,
        };
        foreach (var score in Run(Enumerable.Range(0, 3000).Select(i => (Streams.Start + (i * Streams.Minute), Value(i)))))
        {
            Assert.InRange(score.Alarm, 0, 1);
            Assert.InRange(score.Tail, double.Epsilon, 1);
            Assert.True(double.IsFinite(score.Evidence));
        }
    }

    [Fact]
    public void A_constant_series_is_silent() =>
        Assert.All(Run(Enumerable.Range(0, 5000).Select(i => (Streams.Start + (i * Streams.Minute), 0.1))), score => Assert.Equal(0, score.Evidence));

    [Fact]
    public void An_absurd_first_value_does_not_hide_what_follows()
    {
        var random = new Random(8);
        var scores = Run(Enumerable.Range(0, 2000).Select(i => (Streams.Start + (i * Streams.Minute), i == 0 ? 1e300 : i == 1900 ? 50 : Streams.Normal(random))));
        Assert.True(scores[1900].Alarm > 0.5);
    }

    [Fact] // spikes of forty standard deviations against everything else, over seeds
    public void A_spike_has_more_evidence_than_all_but_a_few_ordinary_values()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var scores = Run(Streams.Daily(seed, 5000));
            var ordinary = scores.Where((_, i) => i > 500 && i % 997 is > 100 and < 996).Select(s => s.Evidence).Order().ToList();
            Assert.All([996, 1993, 2990], i => Assert.True(scores[i].Evidence > ordinary[(int)(0.99 * ordinary.Count)], $"seed {seed}, spike at {i}"));
        }
    }

    [Fact]
    public void A_billion_values_do_not_move_a_mean_out_of_their_range()
    {
        var mean = 0.0;
        // The recursion has a fixed point; 10^9 steps are covered by its contraction: after 10^6 it no longer changes in the last bit's order.
        for (var i = 0; i < 2_000_000; i++) mean = Average.After(mean, (i & 1) == 0 ? 1.0 : 3.0, 1 / 128.0, i);
        Assert.InRange(mean, 1.98, 2.02);
        Assert.InRange(Average.After(2.0, 2.0, 1 / 128.0, int.MaxValue - 1), 2.0, 2.0);
    }

    [Fact]
    public void Counts_at_their_end_do_not_overflow()
    {
        var scorer = default(SeriesScorer);
        var bytes = new byte[SeriesScorer.SnapshotBytes];
        foreach (var (at, value) in Streams.Daily(9, 500)) scorer.Learn(at, value);
        scorer.Write(bytes);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(17), int.MaxValue - 2);
        Assert.True(SeriesScorer.Read(bytes).TryGet(out var old, out _));
        foreach (var (at, value) in Streams.Daily(10, 100)) Assert.InRange(old.ScoreAndLearn(at, value).Alarm, 0, 1);
    }
}
