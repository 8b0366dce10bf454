using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Replay;

public class ReplayFaultTests
{
    /// <summary>Every call of a run fails in every way, then every call of the run that follows it, and in the end each event is
    /// there once.</summary>
    [Theory]
    [InlineData(FaultMode.Fails)]
    [InlineData(FaultMode.FailsAfterLanding)]
    [InlineData(FaultMode.FailsHalfway)]
    internal async Task Whatever_fails_and_however_often_it_is_run_each_event_goes_through_once(FaultMode mode)
    {
        var undisturbed = await Calls();
        Assert.True(undisturbed >= 9, $"{undisturbed} calls");
        for (var first = 0; first < undisturbed; first++)
        {
            for (var second = -1; second < undisturbed + 3; second++)
            {
                using var desk = await Ready();
                var start = desk.World.Plan.Calls.Count;
                desk.World.Plan.Decide = (number, _) => number == start + first ? mode : null;
                Assert.Equal(3, await desk.Replay());
                Assert.Contains("run the same command again", desk.Errors, StringComparison.Ordinal);
                var next = desk.World.Plan.Calls.Count;
                desk.World.Plan.Decide = (number, _) => number == next + second ? FaultMode.FailsAfterLanding : null;
                if (second >= 0 && await desk.Replay() is not 3) Assert.True(second >= 3, $"call {second} did not fail");
                desk.World.Plan.Decide = (_, _) => null;
                Assert.Equal(0, await desk.Replay());
                AssertWhole(desk, $"{mode}: {desk.World.Plan.Calls[start + first]}, then {second}");
                Assert.Equal(0, await desk.Replay());
                AssertWhole(desk, "again");
            }
        }
    }

    [Fact]
    public async Task Of_two_runs_over_one_blob_the_older_one_gives_up_and_nothing_is_doubled()
    {
        using var desk = await Ready();
        desk.World.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        var newer = -1;
        desk.World.Plan.Before = async call =>
        {
            if (call != "validated.Publish") return;
            desk.World.Plan.Before = null; // while the first is about to publish, a second claims the ledger, waits, and runs to its end
            var second = desk.Replay("--wait", "30");
            desk.World.Clock.Advance(TimeSpan.FromSeconds(30));
            newer = await second;
        };
        Assert.Equal(3, await desk.Replay("--wait", "30"));
        Assert.Equal(0, newer);
        AssertWhole(desk, "two runs");
        Assert.Equal(0, await desk.Replay());
        AssertWhole(desk, "afterwards");
    }

    [Fact]
    public async Task A_ledger_that_another_run_moved_on_stops_this_one_before_it_publishes()
    {
        using var desk = await Ready();
        desk.World.Plan.Before = async call =>
        {
            if (call != "validated.Positions") return;
            desk.World.Plan.Before = null; // both have read the ledger; the second is first to write
            Assert.Equal(0, await desk.Replay());
        };
        Assert.Equal(3, await desk.Replay());
        Assert.Contains(nameof(StaleWriterException), desk.Errors, StringComparison.Ordinal);
        AssertWhole(desk, "two runs");
    }

    [Fact]
    public async Task A_run_that_could_not_publish_in_time_gives_up_before_the_next_looks()
    {
        using var desk = await Ready();
        desk.World.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        desk.World.Plan.Before = call =>
        {
            if (call == "validated.Publish") desk.World.Clock.Advance(TimeSpan.FromSeconds(20)); // two thirds of 30
            return Task.CompletedTask;
        };
        Assert.Equal(3, await desk.Replay("--wait", "30"));
        Assert.Contains("publishing 8 events took longer than 00:00:20", desk.Errors, StringComparison.Ordinal);
        Assert.Empty(desk.Replayed);
        desk.World.Plan.Before = null;
        Assert.Equal(0, await desk.Replay());
        AssertWhole(desk, "late");
    }

    [Fact]
    public async Task What_the_hub_no_longer_remembers_is_not_sent_again_on_a_guess()
    {
        using var desk = await Ready();
        desk.World.Plan.Decide = (_, call) => call == "validated.Publish" ? FaultMode.FailsAfterLanding : null;
        Assert.Equal(3, await desk.Replay());
        desk.World.Plan.Decide = (_, _) => null;
        desk.World.Validated.Expired = 1000;
        Assert.Equal(1, await desk.Replay());
        Assert.Contains("uncertain", desk.Output, StringComparison.Ordinal);
        Assert.Equal(8, desk.Replayed.Count());
        Assert.Equal(0, await desk.Replay("--resend-uncertain"));
        Assert.Equal(16, desk.Replayed.Count()); // as asked for: a consumer tells by the message id
        Assert.Equal(8, desk.ReplayedIds.Distinct().Count());
    }

    [Fact]
    public async Task Batches_are_bounded_and_an_outage_in_the_second_leaves_the_first_done()
    {
        using var desk = new Desk();
        await desk.Ingest(1, [Sent.Created("d-1", World.Profile), .. Enumerable.Range(0, 1200).Select(i => Desk.Reading("d-1", i, 50))]);
        desk.MendProfile();
        var published = 0;
        desk.World.Plan.Decide = (_, call) => call == "validated.Publish" && published++ == 1 ? FaultMode.FailsHalfway : null;
        Assert.Equal(3, await desk.Replay());
        Assert.Contains("500 events are known to be through", desk.Errors, StringComparison.Ordinal);
        Assert.Equal(750, desk.Replayed.Count());
        Assert.Equal(0, await desk.Replay());
        Assert.Contains("looking for 500 events", desk.Errors, StringComparison.Ordinal);
        Assert.Equal(1200, desk.Replayed.Count());
        Assert.Equal(Enumerable.Range(2, 1200).Select(i => (long)i), desk.Replayed.Select(one => (long)one.ApplicationProperties!["source-sequence"]!));
    }

    private static async Task<Desk> Ready()
    {
        var desk = new Desk();
        await desk.IngestUsual();
        desk.MendProfile();
        return desk;
    }

    private static async Task<int> Calls()
    {
        using var desk = await Ready();
        var start = desk.World.Plan.Calls.Count;
        Assert.Equal(0, await desk.Replay());
        AssertWhole(desk, "undisturbed");
        return desk.World.Plan.Calls.Count - start;
    }

    private static void AssertWhole(Desk desk, string when)
    {
        Assert.True(desk.ReplayedIds is ["3-11", "3-13", "3-15", "3-17", "3-3", "3-5", "3-7", "3-9"], $"{when}: {string.Join(' ', desk.ReplayedIds)}\n{desk.Ledgers()}");
        foreach (var device in desk.Replayed.GroupBy(one => one.PartitionKey))
        {
            var order = device.Select(one => (long)one.ApplicationProperties!["source-sequence"]!).ToArray();
            Assert.True(order.SequenceEqual(order.Order()), $"{when}: {string.Join(' ', order)}");
        }
    }
}
