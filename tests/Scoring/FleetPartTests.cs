using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>The parts that look at more than one device.</summary>
public class FleetPartTests
{
    private const double Day = 86_400_000;

    [Fact]
    public void A_punctual_fleet_is_missed_within_two_intervals_of_the_first_missing_message()
    {
        var punctuality = default(Punctuality);
        for (var i = 0; i < 10_000; i++) punctuality.Learn(1.05, 60_000);
        Assert.Equal(2.9, punctuality.SilentAfter(0.0025)); // the first is missing after one interval
    }

    [Theory]
    [InlineData(3.0, 3.4)] // two messages lost
    [InlineData(4.0, 4.4)]
    [InlineData(5.0, 5.4)]
    [InlineData(6.0, Punctuality.Longest)]
    public void Where_gaps_end_by_themselves_silence_is_told_after_the_longest_that_is_common(double gap, double after)
    {
        var punctuality = default(Punctuality);
        for (var day = 0; day < 100; day++)
        {
            punctuality.Learn(gap, 60_000);
            for (var i = 0; i < 1440; i++) punctuality.Learn(1, 60_000);
        }

        Assert.Equal(after, punctuality.SilentAfter(0.0025));
        Assert.Equal(2.9, punctuality.SilentAfter(2)); // who can afford two a day need not wait
    }

    [Fact]
    public void The_budget_is_what_false_silences_cost_on_a_fleet_whose_gaps_are_random()
    {
        // Gaps of every length, one in two days; after a week of learning the alerts that gaps would have raised are counted.
        const double Budget = 0.05;
        var random = new Random(1);
        var punctuality = default(Punctuality);
        int told = 0, days = 0;
        for (var day = 0; day < 4000; day++)
        {
            var gap = random.NextDouble() < 0.5 ? 2.0 + Math.Floor(random.NextDouble() * random.NextDouble() * 5) : 1;
            if (day > 200)
            {
                days++;
                if (gap > punctuality.SilentAfter(Budget)) told++;
            }

            punctuality.Learn(gap, 60_000);
            for (var i = 0; i < 1439; i++) punctuality.Learn(1, 60_000);
        }

        Assert.InRange(told, 0, days * Budget * 1.3);
    }

    [Fact]
    public void Nobody_can_teach_the_fleet_to_be_patient_for_ever()
    {
        var punctuality = default(Punctuality);
        for (var i = 0; i < 1_000_000; i++) punctuality.Learn(100, 60_000);
        Assert.InRange(punctuality.SilentAfter(0.0025), 2.9, Punctuality.Longest);
    }

    [Fact]
    public void A_few_findings_are_the_devices_own_and_a_wave_is_told_once_about_the_fleet()
    {
        var peers = default(Peers);
        for (var i = 0; i < 1000; i++) peers.Join();
        var verdicts = Enumerable.Range(0, 900).Select(i => peers.Ask(FindingKind.Drift, 2, 1000L * i, 0.01, out _)).ToList();
        Assert.Equal(1, verdicts.Count(verdict => verdict == PeerVerdict.Fleet));
        Assert.InRange(verdicts.Count(verdict => verdict == PeerVerdict.Device), Peers.DropsAtLeast, 3 * Peers.DropsAtLeast);
        Assert.Equal(PeerVerdict.Device, peers.Ask(FindingKind.Drift, 1, 900_000, 0.01, out _)); // another metric
        Assert.Equal(PeerVerdict.Device, peers.Ask(FindingKind.Spike, 2, 900_000, 0.01, out _)); // another kind
        Assert.Equal(PeerVerdict.Device, peers.Ask(FindingKind.Drift, 2, 900_000 + (2 * Peers.WindowMs), 0.01, out _)); // it is over
    }

    [Fact]
    public void What_a_quiet_fleet_of_any_size_shows_is_never_the_fleets()
    {
        foreach (var devices in (int[])[10, 1000, 100_000])
        {
            var peers = default(Peers);
            for (var i = 0; i < devices; i++) peers.Join();
            var random = new Random(devices);
            var at = 0.0;
            for (var i = 0; i < 3000; i++)
            {
                at += -Math.Log(1 - random.NextDouble()) * Day / (0.01 * devices);
                Assert.Equal(PeerVerdict.Device, peers.Ask(FindingKind.Drift, 0, (long)at, 0.01, out _));
            }
        }
    }

    [Fact]
    public void The_budget_stretches_the_limits_and_the_default_budget_leaves_them()
    {
        Assert.Equal(1, new DeviceLimits().Patience);
        Assert.True(new DeviceLimits { AlertsPerDeviceDay = 0.001 }.Patience > 3);
        Assert.True(new DeviceLimits { AlertsPerDeviceDay = 0.1 }.Patience < 0.4);
    }
}
