namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>Outages and crashes at every call, and a check of everything that came out and of all that is stored.</summary>
public class NoLossTests
{
    private static readonly int[] Cut = [13, 7, 20];
    private static readonly int[] OtherCut = [5, 29, 1, 11];

    public static TheoryData<string, bool, bool> Ways()
    {
        var ways = new TheoryData<string, bool, bool>();
        foreach (var mode in Enum.GetNames<FaultMode>())
        {
            foreach (var crash in (bool[])[false, true])
            {
                ways.Add(mode, crash, false);
                ways.Add(mode, crash, true);
            }
        }

        return ways;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task One_fault_at_any_call_changes_nothing_that_comes_out(string mode, bool crash, bool cutAnew)
    {
        var stream = Traffic.Of(seed: 7, count: 90);
        var (outcome, state, calls) = await Undisturbed(stream);
        Assert.InRange(calls, 30, 400);
        for (var failing = 0; failing < calls; failing++)
        {
            using var world = new World();
            world.Plan.Decide = (number, _) => number == failing ? Enum.Parse<FaultMode>(mode) : null;
            await Deliver(world, stream, crash, cutAnew);
            world.Plan.Decide = (_, _) => null;
            var where = $"call {failing}, {world.Plan.Calls[failing]}";
            AssertSame(outcome, world.Outcome(), where);
            AssertSame(state, await world.StoredState(), where);
        }
    }

    [Fact]
    public async Task Any_number_of_faults_at_random_calls_changes_nothing_that_comes_out()
    {
        for (var seed = 0; seed < 150; seed++)
        {
            var stream = Traffic.Of(seed, count: 120);
            var (outcome, state, _) = await Undisturbed(stream);
            var random = new Random(seed);
            using var world = new World();
            world.Plan.Decide = (_, _) => random.Next(12) == 0 ? (FaultMode)random.Next(3) : null;
            await Deliver(world, stream, crash: null, cutAnew: true, random);
            world.Plan.Decide = (_, _) => null;
            AssertSame(outcome, world.Outcome(), $"seed {seed}");
            AssertSame(state, await world.StoredState(), $"seed {seed}");
        }
    }

    [Fact]
    public async Task Each_event_is_accounted_for_once()
    {
        var stream = Traffic.Of(seed: 3, count: 400);
        using var world = new World();
        await Deliver(world, stream, crash: false, cutAnew: false);
        var validated = world.Validated.Events.Select(one => (long)one.ApplicationProperties!["source-sequence"]!).ToList();
        var refused = world.Refusals().Keys;
        var aboutDevices = stream.Where(one => one.Source is "twinChangeEvents" or "deviceLifecycleEvents" or "deviceConnectionStateEvents")
            .Select(one => one.Sequence).Except(refused);
        Assert.Equal(stream.Select(one => one.Sequence), validated.Concat(refused).Concat(aboutDevices).Order());
        Assert.InRange(validated.Count, 50, 350);
        Assert.InRange(refused.Count, 50, 350);
    }

    [Fact]
    public async Task Cutting_a_stream_into_other_batches_changes_nothing_that_comes_out()
    {
        var stream = Traffic.Of(seed: 5, count: 200);
        var (outcome, state, _) = await Undisturbed(stream);
        foreach (var size in (int[])[1, 2, 17, 200])
        {
            using var world = new World();
            var process = world.Process();
            for (var at = 0; at < stream.Count; at += size) await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
            AssertSame(outcome, world.Outcome(), $"batches of {size}");
            AssertSame(state, await world.StoredState(), $"batches of {size}");
        }
    }

    [Fact]
    public async Task Delivering_everything_again_changes_nothing()
    {
        var stream = Traffic.Of(seed: 11, count: 150);
        using var world = new World();
        await Deliver(world, stream, crash: false, cutAnew: false);
        var (outcome, state) = (world.Outcome(), await world.StoredState());
        var files = world.State.Names.Sum(name => world.State[name].Length);

        var summary = await World.Deliver(world.Process(), stream);
        Assert.Equal(stream.Count, summary.Repeated);
        Assert.Equal(0, summary.Accepted + summary.Refused + summary.Alerts);
        Assert.Equal(outcome, world.Outcome());
        Assert.Equal(state, await world.StoredState());
        Assert.Equal(files, world.State.Names.Sum(name => world.State[name].Length)); // not even a claim
    }

    [Fact]
    public async Task An_event_twice_in_one_batch_or_out_of_order_counts_once()
    {
        var stream = Traffic.Of(seed: 13, count: 60);
        var (outcome, state, _) = await Undisturbed(stream);
        using var world = new World();
        var shuffled = stream.Concat(stream.Take(20)).ToArray();
        new Random(1).Shuffle(shuffled);
        await World.Deliver(world.Process(), shuffled);
        Assert.Equal(outcome, world.Outcome());
        Assert.Equal(state, await world.StoredState());
    }

    // The first line that differs says enough; the whole outcome is hundreds.
    private static void AssertSame(string expected, string actual, string where)
    {
        if (expected == actual) return;
        var (wanted, got) = (expected.Split('\n'), actual.Split('\n'));
        var at = Enumerable.Range(0, Math.Max(wanted.Length, got.Length)).First(line => wanted.ElementAtOrDefault(line) != got.ElementAtOrDefault(line));
        Assert.Fail($"{where}, line {at}:\n{wanted.ElementAtOrDefault(at)}\n{got.ElementAtOrDefault(at)}");
    }

    private static async Task<(string Outcome, string State, int Calls)> Undisturbed(IReadOnlyList<Sent> stream)
    {
        using var world = new World();
        await Deliver(world, stream, crash: false, cutAnew: false);
        var calls = world.Plan.Calls.Count;
        return (world.Outcome(), await world.StoredState(), calls);
    }

    // The host's side: a batch that fails comes again, to the same process or a new one, as it was or cut anew from the last
    // checkpoint, which may lie before it.
    private static async Task Deliver(World world, IReadOnlyList<Sent> stream, bool? crash, bool cutAnew, Random? random = null)
    {
        var process = world.Process();
        var (cut, tries) = (Cut, 0);
        for (int at = 0, turn = 0; at < stream.Count;)
        {
            var size = random?.Next(1, 40) ?? cut[turn % cut.Length];
            try
            {
                await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
                at += size;
                turn++;
            }
            catch (Exception outage) when (outage is InjectedOutageException or Blobs.StaleWriterException)
            {
                Assert.InRange(++tries, 1, 2000);
                if (crash ?? random!.Next(2) == 0) process = world.Process();
                if (!cutAnew) continue;
                cut = OtherCut;
                at = Math.Max(0, at - 9);
            }
        }
    }
}
