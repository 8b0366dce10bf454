using Serverless.Local.Run.Upgrade;

namespace Serverless.Local.Tests.Run;

/// <summary>The Telemetry app is replaced under load.</summary>
public class UpgradeTests
{
    [Fact]
    public async Task No_event_is_lost_or_doubled_when_the_app_is_upgraded_rolled_back_and_upgraded_again_under_load_even_where_a_rollback_cannot_read_the_state()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "node"))))
        {
            Assert.Skip("Node is not on this machine: the local storage needs it");
        }

        var options = new UpgradeOptions(Events: 3_000, Seed: 1) { Further = Next };
        var output = TestContext.Current.TestOutputHelper!;
        var report = await UpgradeRun.Run(options, output.WriteLine, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.True(report.Kept, string.Join(Environment.NewLine, report.Lines()));
        Assert.Equal(options.Events, report.Seen.Validated.Count + report.Seen.Rejected.Count);
        Assert.Equal((0, 0), (report.Lost, report.Doubled));
        Assert.Equal([false, false, false, false, false, true, false], report.Stretches.Select(one => one.Blocked)); // the others did some of the work each, or Kept were false
        Assert.Empty(report.UnusedRights); // whoever takes a partition over reads back what was published
    }

    private static string Next => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../NextTelemetry", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'))));
}
