using Serverless.Local.Fleet;
using Serverless.Local.Run.Crash;

namespace Serverless.Local.Tests.Run;

/// <summary>No loss, proven: the crash run at a small size, and the rules it stands on.</summary>
public class CrashTests
{
    private static readonly CrashOptions Small = new(Events: 2_000, Kills: 10, Seed: 1);
    private static readonly DateTimeOffset End = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);
    private static readonly IReadOnlyList<DeviceScript> Devices =
        [.. DeviceScript.Plan(Small.Devices, TimeSpan.FromSeconds(30)).Select(device => device with { Wrong = Misbehaviour.None })];

    [Fact]
    public async Task Every_event_is_accounted_for_exactly_once_though_the_handler_is_killed_at_every_commit_point()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "node"))))
        {
            Assert.Skip("Node is not on this machine: the local storage needs it, and without storage nothing is crashed");
        }

        var output = TestContext.Current.TestOutputHelper!;
        var report = await CrashRun.Run(Small, output.WriteLine, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.True(report.Kept, string.Join(Environment.NewLine, report.Lines()));
        Assert.Equal(Small.Events, report.Seen.Telemetry.Count);
        Assert.Equal(Small.Events, report.Seen.Validated.Count + report.Seen.Rejected.Count);
        Assert.Equal((0, 0, 0), (report.Lost, report.Doubled, report.AlertsDoubled));
        Assert.True(report.Seen.Rejected.Count >= Small.Events / 100, "poison and repeats were refused");
        // Too few events to fill a log: all points but the compaction.
        Assert.Equal(CommitPoint.Names.Count - 1, report.PointsHit);
        Assert.True(report.Kills.Count(kill => kill.Point is null) >= 2, "two kills at random moments");
    }

    [Theory]
    [InlineData(1_000, 10)]
    [InlineData(2_000, 13)]
    [InlineData(100_000, 40)]
    public void A_plan_kills_at_every_point_that_any_run_has_and_at_random_moments_first_at_a_pin(int events, int kills)
    {
        var plan = KillOrder.Plan(new CrashOptions(events, kills, Seed: 3));
        Assert.Equal(kills, plan.Count);
        Assert.Equal("pinned", plan[0].Point);
        Assert.Equal(
            CommitPoint.Names.Where(name => name != CommitPoint.Compaction).Order(),
            plan.Where(kill => kill.Point is not null).Select(kill => kill.Point!).Distinct().Order());
        Assert.True(plan.Count(kill => kill.Point is null) >= 2);
        Assert.Equal(plan, KillOrder.Plan(new CrashOptions(events, kills, Seed: 3)));
        Assert.NotEqual(plan, KillOrder.Plan(new CrashOptions(events, kills, Seed: 4)));
    }

    [Fact]
    public void One_event_in_a_hundred_is_poison_and_one_in_a_thousand_is_sent_again()
    {
        var options = Small with { Events = 10_000 };
        var stream = CrashStream.Compose(options, Devices, _ => "1", End);
        Assert.Equal(options.Events, stream.Drafts.Count);
        Assert.Equal(options.Events, stream.Sent.Values.Sum(sent => sent.Total));
        Assert.Equal(100 + 10, stream.Sent.Values.Sum(sent => sent.Wrong));
        var again = stream.Drafts.Where(draft => !draft.Body.IsEmpty && draft.Body.Length < 4096)
            .GroupBy(draft => Convert.ToHexString(draft.Body.Span)).Where(group => group.Count() == 2).ToList();
        Assert.Equal(10, again.Count);
        Assert.All(again, twice => Assert.Single(twice.Select(draft => draft.PartitionKey).Distinct()));
        Assert.Contains(stream.Drafts, draft => draft.Body.Length == 256 * 1024);
        Assert.Contains(stream.Drafts, draft => draft.Annotations!.Count == 0);
        Assert.True(stream.Cast.Single(device => device.DeviceId.Length == 0).Wrong != Misbehaviour.None);
    }

    [Fact]
    public void The_same_seed_sends_the_same_events()
    {
        Assert.Equal(Bodies(Small), Bodies(Small));
        Assert.NotEqual(Bodies(Small), Bodies(Small with { Seed = 2 }));

        static List<string> Bodies(CrashOptions options) =>
            [.. CrashStream.Compose(options, Devices, _ => "1", End).Drafts.Select(draft => Convert.ToHexString(draft.Body.Span))];
    }

    [Theory]
    [InlineData("""{"at":"2026-01-05T00:00:00Z","level":"debug","id":2005,"event":"CommitPoint","message":"x","fields":{"Point":"filed","Partition":"1","Sequence":7}}""", "filed")]
    [InlineData("""{"at":"2026-01-05T00:00:00Z","level":"information","id":2000,"event":"StateLoaded","fields":{}}""", null)]
    [InlineData("not even JSON", null)]
    public void A_commit_point_is_read_from_a_line_of_the_log(string line, string? point) => Assert.Equal(point, CommitPoint.Parse(line)?.Name);
}
