using Serverless.Telemetry.Blobs;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>Two processes that both believe a partition is theirs.</summary>
public class TakeoverTests
{
    private static readonly IReadOnlyList<Sent> Stream = Traffic.Of(seed: 21, count: 80);

    [Theory]
    [InlineData("state.Append")]
    [InlineData("rejected.Append")]
    [InlineData("rejected.Create")]
    public async Task A_process_overtaken_in_the_middle_of_a_batch_loses_cleanly(string call)
    {
        using var undisturbed = new World();
        await World.Deliver(undisturbed.Process(), Stream);

        using var world = new World();
        var (stale, owner) = (world.Process(), world.Process());
        await World.Deliver(stale, [.. Stream.Take(30)]);
        var overtaken = false;
        world.Plan.Before = async name =>
        {
            if (overtaken || name != call) return;
            overtaken = true;
            await World.Deliver(owner, [.. Stream.Skip(20).Take(40)]); // from the checkpoint on, cut differently
        };
        await Assert.ThrowsAsync<StaleWriterException>(() => World.Deliver(stale, [.. Stream.Skip(30).Take(30)]));
        Assert.True(overtaken);

        // Its host sends the batch again: everything is accounted for, and it does not even take the partition back.
        var summary = await World.Deliver(stale, [.. Stream.Skip(30).Take(30)]);
        Assert.Equal(30, summary.Repeated);
        await World.Deliver(owner, [.. Stream.Skip(60)]);
        Assert.Equal(undisturbed.Outcome(), world.Outcome());
        Assert.Equal(await undisturbed.StoredState(), await world.StoredState());
    }

    [Fact]
    public async Task What_the_process_before_still_had_on_the_wire_is_waited_for()
    {
        using var undisturbed = new World();
        await World.Deliver(undisturbed.Process(), Stream);

        using var world = new World(takeoverWait: TimeSpan.FromSeconds(15));
        world.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        var (killed, heir) = (world.Process(), world.Process());
        await World.Deliver(killed, [.. Stream.Take(30)]);

        // Killed while its events are on the wire: they land seconds later.
        var onTheWire = new TaskCompletionSource();
        var held = true;
        world.Plan.Before = name => held && name == "validated.Publish" ? onTheWire.Task : Task.CompletedTask;
        world.Plan.Decide = (_, name) => held && name == "state.Append" ? FaultMode.Fails : null;
        var dying = World.Deliver(killed, [.. Stream.Skip(30).Take(20)]);
        world.Plan.Decide = (_, _) => null;

        var taking = World.Deliver(heir, [.. Stream.Skip(30)]);
        Assert.False(taking.IsCompleted); // waits
        held = false;
        world.Clock.Advance(TimeSpan.FromSeconds(4));
        onTheWire.SetResult();
        await Assert.ThrowsAnyAsync<Exception>(() => dying);
        world.Clock.Advance(TimeSpan.FromSeconds(12));
        await taking;
        Assert.Equal(undisturbed.Outcome(), world.Outcome());
        Assert.Equal(await undisturbed.StoredState(), await world.StoredState());
    }

    [Fact]
    public async Task A_process_that_slept_through_the_takeover_publishes_nothing()
    {
        using var world = new World(takeoverWait: TimeSpan.FromSeconds(15));
        world.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        var (sleeper, owner) = (world.Process(), world.Process());
        await World.Deliver(sleeper, [.. Stream.Take(30)]);
        var taking = World.Deliver(owner, [.. Stream.Skip(30).Take(20)]);
        world.Clock.Advance(TimeSpan.FromSeconds(16));
        await taking;
        var published = world.Validated.Events.Count();

        // It holds a state in which these events are new, but its proof that the partition is its own is too old.
        await Assert.ThrowsAsync<StaleWriterException>(() => World.Deliver(sleeper, [.. Stream.Skip(30).Take(20)]));
        Assert.Equal(published, world.Validated.Events.Count());
    }

    [Fact]
    public async Task Publishing_that_takes_too_long_is_an_outage_that_says_so()
    {
        using var world = new World(takeoverWait: TimeSpan.FromSeconds(15));
        world.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        var slow = new TaskCompletionSource();
        world.Plan.Before = name => name == "validated.Publish" ? slow.Task : Task.CompletedTask;
        var delivering = World.Deliver(world.Process(), [.. Stream.Take(30)]);
        world.Clock.Advance(TimeSpan.FromSeconds(5.1));
        slow.SetResult();
        Assert.Contains("TakeoverWait", (await Assert.ThrowsAsync<TimeoutException>(() => delivering)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_process_of_a_partition_waits_for_nobody_and_reads_nothing_back()
    {
        using var world = new World(takeoverWait: TimeSpan.FromMinutes(2));
        world.Clock.AutoAdvanceAmount = TimeSpan.Zero;
        await World.Deliver(world.Process(), [.. Stream.Take(30)]);
        Assert.DoesNotContain("validated.ReadBack", world.Plan.Calls);
        Assert.NotEmpty(world.Validated.Events);
    }

    [Fact]
    public async Task A_restart_reads_back_only_what_came_after_the_last_noted_positions()
    {
        using var world = new World();
        var process = world.Process();
        for (var at = 0; at < Stream.Count; at += 10) await World.Deliver(process, [.. Stream.Skip(at).Take(10)]);
        await World.Deliver(world.Process(), Stream[^1] with { Sequence = Stream[^1].Sequence + 1 });
        Assert.InRange(world.Validated.ReadBackCount, 0, 20); // of about 30
        Assert.True(world.Validated.Events.Count() > 20);
    }

    [Fact]
    public async Task A_hub_that_counts_anew_stops_the_partition_instead_of_being_skipped()
    {
        using var world = new World();
        await World.Deliver(world.Process(), Stream);
        var anew = Stream[0] with { Sequence = 0, At = Stream[^1].At.AddMinutes(2) };
        var outage = await Assert.ThrowsAsync<InvalidDataException>(() => World.Deliver(world.Process(), anew));
        Assert.Contains("counts anew", outage.Message, StringComparison.Ordinal);
    }
}
