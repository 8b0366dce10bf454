using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Rules that compare an event with the ones before it.</summary>
public class OverTimeTests
{
    private readonly Bench _bench = new();

    private string At(double second, long sequence, string metrics = "", string? id = null)
    {
        _bench.Now = Bench.Noon.AddSeconds(second);
        return Bench.Outcome(_bench.Sent(sequence, metrics, id: id));
    }

    [Theory]
    [InlineData(179.9, 6.0, "accepted")]
    [InlineData(179.9, 6.0001, "metric-step at metrics.n")]
    [InlineData(180.0, 6.0001, "metric-step at metrics.n")]
    [InlineData(180.1, 9.0, "accepted")]
    public void A_step_is_judged_while_the_reading_before_is_three_intervals_old_at_most(double second, double value, string expected)
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","step":5,"intervalSeconds":60}""");
        Assert.Equal("accepted", At(0, 1, "\"n\":1"));
        Assert.Equal(expected, At(second, 2, FormattableString.Invariant($"\"n\":{value}")));
    }

    [Theory]
    [InlineData(0.1, 3.0, "accepted")] // judged over one second at least
    [InlineData(0.1, 3.0001, "metric-rate at metrics.n")]
    [InlineData(10, 21.0, "accepted")]
    [InlineData(10, 21.001, "metric-rate at metrics.n")]
    [InlineData(10, -19.001, "metric-rate at metrics.n")]
    public void A_rate_of_change_is_judged_by_the_devices_own_time(double second, double value, string expected)
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","ratePerSecond":2}""");
        Assert.Equal("accepted", At(0, 1, "\"n\":1"));
        Assert.Equal(expected, At(second, 2, FormattableString.Invariant($"\"n\":{value}")));
    }

    [Fact]
    public void A_refused_jump_is_no_reading_so_the_device_that_comes_back_is_believed()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","step":5,"intervalSeconds":10}""");
        Assert.Equal("accepted", At(0, 1, "\"n\":1"));
        Assert.Equal("metric-step at metrics.n", At(10, 2, "\"n\":50"));
        Assert.Equal("accepted", At(20, 3, "\"n\":2"));
        // And a true jump is believed after three intervals.
        Assert.Equal("metric-step at metrics.n", At(30, 4, "\"n\":50"));
        Assert.Equal("accepted", At(51, 5, "\"n\":50"));
    }

    [Fact]
    public void Each_component_of_a_vector_has_its_own_step_and_absent_metrics_keep_their_age()
    {
        _bench.Profile = Profiles.Of("""{"name":"v","type":"vector","step":1,"intervalSeconds":10},{"name":"n","type":"number","ratePerSecond":1}""");
        Assert.Equal("accepted", At(0, 1, "\"v\":[0,0,0],\"n\":0"));
        Assert.Equal("metric-step at metrics.v", At(1, 2, "\"v\":[0,0,1.5]"));
        Assert.Equal("accepted", At(2, 3, "\"v\":[1,-1,1]"));
        Assert.Equal("metric-rate at metrics.n", At(3, 4, "\"n\":3.5"));
        Assert.Equal("accepted", At(4, 5, "\"n\":4"));
    }

    [Fact]
    public void Last_values_under_another_profile_are_not_compared()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","ratePerSecond":1}""");
        Assert.Equal("accepted", At(0, 1, "\"n\":0"));
        _bench.Profile = Profiles.Parse(Profiles.Document("""{"name":"m","type":"number","ratePerSecond":1}""").Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal));
        Assert.Equal("accepted", At(1, 2, "\"m\":1000"));
        Assert.Equal("metric-rate at metrics.m", At(2, 3, "\"m\":2000"));
    }

    [Fact]
    public void A_sequence_number_is_taken_once_within_its_window()
    {
        Assert.Equal("accepted", At(0, 100));
        Assert.Equal(VerdictNotes.None, Notes(1, 101));
        Assert.Equal("sequence-replayed at sequence", At(1, 101, id: "other"));
        Assert.Equal("sequence-replayed at sequence", At(1, 100, id: "other"));
        Assert.Equal(VerdictNotes.Gap, Notes(2, 164, missing: 62));
        // 164 - 63 = 101 is the window's last place; 100 is behind it.
        Assert.Equal("sequence-replayed at sequence", At(2, 101, id: "other"));
        Assert.Equal("sequence-stale at sequence", At(2, 100, id: "other"));
        Assert.Equal(VerdictNotes.OutOfOrder, Notes(2, 102));
        Assert.Equal("sequence-replayed at sequence", At(2, 102, id: "other"));
        Assert.Equal(VerdictNotes.Gap, Notes(2, 1000, missing: 835));
        Assert.Equal("sequence-stale at sequence", At(2, 936, id: "other"));
        Assert.Equal(VerdictNotes.OutOfOrder, Notes(2, 937));
    }

    [Fact]
    public void A_sequence_that_starts_again_is_a_reset_only_when_time_went_on()
    {
        Assert.Equal("accepted", At(0, 1000));
        Assert.Equal("sequence-stale at sequence", At(0, 0, id: "other"));
        Assert.Equal(VerdictNotes.Reset, Notes(1, 0));
        Assert.Equal(VerdictNotes.None, Notes(2, 1));
        Assert.Equal(VerdictNotes.None, Notes(3, 2));
        // The very start again, soon after: within the window, and a restart all the same.
        Assert.Equal(VerdictNotes.Reset, Notes(4, 1, id: "again"));
        // But not any number within the window.
        Assert.Equal(VerdictNotes.Gap, Notes(5, 10, missing: 8));
        Assert.Equal("sequence-replayed at sequence", At(6, 10, id: "other"));
    }

    [Fact]
    public void A_recording_from_before_a_reset_is_refused_by_its_time()
    {
        Assert.Equal("accepted", At(0, 1000));
        Assert.Equal(VerdictNotes.Reset, Notes(600, 0));
        _bench.Now = Bench.Noon.AddSeconds(601);
        Assert.Equal("sent-at-backwards at sentAt", Bench.Outcome(_bench.Sent(1001, "", Bench.Noon.AddSeconds(539), "recorded")));
        Assert.Equal("accepted", Bench.Outcome(_bench.Sent(1, "", Bench.Noon.AddSeconds(540), "clock set back a minute")));
    }

    [Fact]
    public void A_message_id_is_taken_once_among_the_last_eight()
    {
        for (var i = 0; i < 8; i++) Assert.Equal("accepted", At(i, i, id: $"id{i}"));
        for (var i = 0; i < 8; i++) Assert.Equal("message-id-repeated at messageId", At(8, 8, id: $"id{i}"));
        Assert.Equal("accepted", At(9, 9, id: "id8"));
        Assert.Equal("accepted", At(10, 10, id: "id0"));
        Assert.Equal("message-id-repeated at messageId", At(11, 11, id: "id2"));
    }

    [Fact]
    public void The_rate_is_a_bucket_that_fills_in_event_time()
    {
        _bench.Profile = Profiles.Of(Profiles.AllMetrics, "perMinute=6;burst=3");
        for (var i = 1; i <= 3; i++) Assert.Equal("accepted", At(0, i));
        Assert.Equal("rate-exceeded at body", At(0, 4));
        Assert.Equal("rate-exceeded at body", At(9.999, 4));
        Assert.Equal("accepted", At(10, 4));
        Assert.Equal("rate-exceeded at body", At(10, 5));
        for (var i = 5; i <= 7; i++) Assert.Equal("accepted", At(3600, i));
        Assert.Equal("rate-exceeded at body", At(3600, 8));
    }

    [Fact]
    public void A_late_event_is_noted_and_an_event_sent_before_the_last_moves_no_last_value()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","ratePerSecond":1}""");
        Assert.Equal("accepted", At(100, 5, "\"n\":0"));
        var late = _bench.Sent(4, "\"n\":1000", _bench.Now.AddSeconds(-90));
        Assert.Equal("accepted", Bench.Outcome(late));
        Assert.Equal(VerdictNotes.OutOfOrder | VerdictNotes.Late, late.Notes);
        Assert.Equal("accepted", At(101, 6, "\"n\":1"));
    }

    [Theory]
    [InlineData(60, VerdictNotes.None)] // the profile's clock skew
    [InlineData(60.0000001, VerdictNotes.Late)]
    public void An_event_is_late_when_it_is_older_than_the_clock_skew(double age, VerdictNotes expected)
    {
        Assert.Equal("accepted", At(0, 1));
        _bench.Now = Bench.Noon.AddSeconds(1000);
        var verdict = _bench.Sent(2, "", _bench.Now - TimeSpan.FromTicks((long)Math.Round(age * TimeSpan.TicksPerSecond)));
        Assert.Equal("accepted", Bench.Outcome(verdict));
        Assert.Equal(expected, verdict.Notes);
    }

    [Fact]
    public void The_first_reading_of_a_metric_is_compared_with_nothing_however_late_it_comes()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","step":5,"intervalSeconds":10},{"name":"m","type":"number","step":5,"intervalSeconds":10}""");
        Assert.Equal("accepted", At(0, 1, "\"m\":1"));
        Assert.Equal("accepted", At(10, 2, "\"m\":1,\"n\":1000"));
        Assert.Equal("metric-step at metrics.n", At(20, 3, "\"m\":1,\"n\":1"));
    }

    [Fact]
    public void A_reading_from_before_the_longest_age_that_is_kept_is_compared_with_nothing()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","ratePerSecond":1}""");
        Assert.Equal("accepted", At(0, 1, "\"n\":0"));
        Assert.Equal("accepted", At(4_294_967, 2)); // 2^32 ms less 0.3 s
        Assert.Equal("metric-rate at metrics.n", At(4_294_967.1, 3, "\"n\":1e12"));
        Assert.Equal("accepted", At(4_294_968, 4));
        Assert.Equal("accepted", At(4_294_968.1, 5, "\"n\":1e12"));
    }

    [Fact]
    public void A_refused_event_leaves_the_windows_the_rate_and_the_values_as_they_were()
    {
        _bench.Profile = Profiles.Of("""{"name":"n","type":"number","maximum":10,"ratePerSecond":1}""", "perMinute=1;burst=2");
        Assert.Equal("accepted", At(0, 1, "\"n\":1"));
        Assert.Equal("metric-range at metrics.n", At(1, 2, "\"n\":11"));
        Assert.Equal("metric-rate at metrics.n", At(1, 2, "\"n\":9"));
        Assert.Equal("accepted", At(1, 2, "\"n\":2"));
    }

    private VerdictNotes Notes(double second, long sequence, string? id = null, long missing = 0)
    {
        _bench.Now = Bench.Noon.AddSeconds(second);
        var verdict = _bench.Sent(sequence, "", id: id);
        Assert.Equal("accepted", Bench.Outcome(verdict));
        Assert.Equal(missing, verdict.Missing);
        return verdict.Notes;
    }
}
