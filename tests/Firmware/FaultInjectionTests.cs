using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Tests;

/// <summary>Every call to every store and to the vault fails, before and after it landed; or another worker acts before it. At every step a
/// device sees the old publication or the new one, whole, and in the end everything is published once.</summary>
public class FaultInjectionTests
{
    // What a device that was there all along, and one just made, see at this moment.
    private static async Task SeesOldOrNewWhole(Town town, FirmwareSigning.Tests.Simulator.SimulatedClient old)
    {
        foreach (var device in new[] { old, town.Device() })
        {
            Assert.Equal("", await device.Download(Town.Target("1.0.0"))); // the old release is there throughout
            var seen = await device.Download(Town.Target("2.0.0"));
            Assert.Contains(seen, new[] { "", "target-absent" });
            if (seen.Length == 0) Assert.Equal(Town.ImageOf("gw100", "2.0.0"), device.Downloads[Town.Target("2.0.0")]);
            device.Downloads.Clear();
        }
    }

    [Theory]
    [InlineData(Failing.Before, false)]
    [InlineData(Failing.Before, true)]
    [InlineData(Failing.AfterLanding, false)]
    [InlineData(Failing.AfterLanding, true)]
    internal async Task A_crash_at_any_call_of_a_release_costs_a_repetition_and_nothing_else(Failing how, bool timerGoesOn)
    {
        var calls = 0;
        using var before = await Town.Found();
        await before.Release("1.0.0");
        for (var failAt = 1; ; failAt++)
        {
            using var town = before.Fork();
            var device = town.Device();
            Assert.Equal("", await device.Download(Town.Target("1.0.0")));
            var body = town.Upload("2.0.0", svn: 2);
            (town.Plan.FailAt, town.Plan.How) = (town.Plan.Calls + failAt, how);
            var failed = false;
            try
            {
                await Whole(town, body);
            }
            catch (IOException injected) when (injected.Message.StartsWith("injected", StringComparison.Ordinal))
            {
                failed = true;
            }
            town.Plan.FailAt = 0;
            await SeesOldOrNewWhole(town, device);
            if (timerGoesOn)
            {
                // Nobody repeats anything for a while: the timer takes over what was begun.
                town.Clock.Advance(TimeSpan.FromMinutes(2));
                await town.TickAdvance();
                await town.TickAdvance();
                await SeesOldOrNewWhole(town, device);
            }

            await Whole(town, body);
            Assert.Equal("", await device.Download(Town.Target("2.0.0")));
            var record = await town.Record("gw100@2.0.0");
            Assert.Equal((ReleaseState.Published, null), (record.State, record.Fault));
            Assert.Single(town.Ota.Targets.Keys, name => name.StartsWith("gw100/2.0.0/", StringComparison.Ordinal));
            calls++;
            if (!failed) break;
        }
        Assert.InRange(calls, 40, 200); // every call was failed once; a run without failures ended it
    }

    [Theory]
    [InlineData(Failing.Before)]
    [InlineData(Failing.AfterLanding)]
    internal async Task A_crash_at_any_call_of_a_withdrawal_leaves_it_published_or_withdrawn(Failing how)
    {
        using var before = await Town.Found();
        await before.Release("1.0.0");
        await before.Release("2.0.0", svn: 2);
        for (var failAt = 1; ; failAt++)
        {
            using var town = before.Fork();
            var device = town.Device();
            (town.Plan.FailAt, town.Plan.How) = (town.Plan.Calls + failAt, how);
            var failed = false;
            try
            {
                await Withdrawal(town);
            }
            catch (IOException injected) when (injected.Message.StartsWith("injected", StringComparison.Ordinal))
            {
                failed = true;
            }
            town.Plan.FailAt = 0;
            await SeesOldOrNewWhole(town, device);
            await Withdrawal(town);
            town.Clock.Advance(TimeSpan.FromMinutes(2));
            await town.TickAdvance();
            Assert.Equal("target-absent", await device.Download(Town.Target("2.0.0")));
            Assert.Equal(ReleaseState.Withdrawn, (await town.Record("gw100@2.0.0")).State);
            Assert.Equal(ReleaseState.Published, (await town.Record("gw100@2.0.0~withdrawal")).State);
            if (!failed) break;
        }
    }

    [Theory]
    [InlineData("the same release")]
    [InlineData("another product")]
    [InlineData("the daily refresh")]
    [InlineData("a competing release")]
    public async Task Two_publishers_at_once_lose_nothing_at_any_interleaving(string rival)
    {
        using var before = await Town.Found(inlineBytes: 1000, products: ["gw100", "gw200"]);
        await Publish(before, "1.0.0", 1);
        await Prepare(before, "gw100", "2.0.0", svn: 2);
        if (rival == "another product") await Prepare(before, "gw200", "1.0.0", svn: 1);
        if (rival == "a competing release") await Prepare(before, "gw100", "3.0.0", svn: 3);
        for (var at = 1; ; at++)
        {
            using var town = before.Fork(inlineBytes: 1000);
            var device = town.Device();
            var mine = (await town.Releases.Due(town.Clock.GetUtcNow(), Town.Token)).Single(due => due.Record.Id.Text == "gw100@2.0.0");
            var (target, ran) = (town.Plan.Calls + at, false);
            town.Plan.Watch = async call =>
            {
                if (call != target || ran) return;
                ran = true;
                await Act(town, rival);
                await SeesOldOrNewWhole(town, device);
            };
            await town.The<PublishWork>().Work(mine, Town.Token);
            town.Plan.Watch = null;
            await SeesOldOrNewWhole(town, device);
            if (rival == "a competing release")
            {
                // One of them stands; the other was told that it is stale.
                string[] states = [(await town.Record("gw100@2.0.0")).State, (await town.Record("gw100@3.0.0")).State];
                Assert.Contains(ReleaseState.Published, states);
                if (ran) Assert.Contains(ReleaseState.Stale, states);
                var winner = states[0] == ReleaseState.Published ? "2.0.0" : "3.0.0";
                Assert.Equal("", await device.Download(Town.Target(winner)));
            }
            else
            {
                Assert.Equal(ReleaseState.Published, (await town.Record("gw100@2.0.0")).State);
                Assert.Equal("", await device.Download(Town.Target("2.0.0")));
                if (rival == "another product" && ran) Assert.Equal("", await device.Download(Town.Target("1.0.0", "gw200")));
            }
            if (!ran) break;
            Assert.InRange(at, 1, 100);
        }
    }

    [Fact]
    public async Task A_vault_that_is_away_stops_releases_and_harms_none()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var device = town.Device();
        var body = town.Upload("2.0.0", svn: 2);
        town.Keys.IsAway = true;
        await Assert.ThrowsAsync<IOException>(() => town.Submit(body));
        town.Clock.Advance(TimeSpan.FromMinutes(2));
        await town.TickAdvance();
        Assert.Contains(town.Log.Lines, line => line.Id == 4006);
        Assert.Equal(ReleaseState.Checking, (await town.Record("gw100@2.0.0")).State);
        town.Keys.IsAway = false;
        town.Clock.Advance(TimeSpan.FromMinutes(2));
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@2.0.0")).State);
        town.Keys.IsAway = true;
        await Assert.ThrowsAsync<IOException>(() => town.Approve("gw100@2.0.0"));
        await SeesOldOrNewWhole(town, device);
        town.Keys.IsAway = false;
        town.Clock.Advance(TimeSpan.FromMinutes(2));
        await town.TickAdvance(); // the approval was kept: nobody has to sign again
        Assert.Equal("", await device.Download(Town.Target("2.0.0")));
    }

    private static async Task Whole(Town town, SubmissionBody body)
    {
        Assert.True((await town.Submit(body)).TryGet(out var submitted, out var fault), fault?.ToString());
        if (submitted.State == ReleaseState.Checking)
        {
            // A worker died with it: after a minute the timer goes on.
            town.Clock.Advance(TimeSpan.FromMinutes(2));
            await town.TickAdvance();
            submitted = await town.Record("gw100@2.0.0");
        }
        if (submitted.State == ReleaseState.Proposed)
        {
            Assert.True((await town.Approve("gw100@2.0.0")).TryGet(out submitted, out fault), fault?.ToString());
        }
        if (submitted.State == ReleaseState.Approved)
        {
            town.Clock.Advance(TimeSpan.FromMinutes(2));
            await town.TickAdvance();
        }
    }

    private static async Task Withdrawal(Town town)
    {
        Assert.True(ReleaseId.Parse("gw100@2.0.0").TryGet(out var id, out _));
        Assert.True((await town.The<Changing>().Withdraw(id, "bad", Town.Bob, Town.Token)).TryGet(out var change, out var fault), fault?.ToString());
        if (change.State == ReleaseState.Proposed) Assert.Null((await town.Approve(change.Id.Text)).Fault);
    }

    // Approved, and nobody has published it yet.
    private static async Task Prepare(Town town, string product, string version, int svn)
    {
        Assert.Null((await town.Submit(town.Upload(version, svn, product))).Fault);
        town.Clock.Advance(TimeSpan.FromSeconds(1));
        foreach (var due in (await town.Releases.Due(town.Clock.GetUtcNow(), Town.Token)).Where(due => due.Record.State == ReleaseState.Checking))
            await town.The<Checking>().Work(due, Town.Token);
        Assert.True((await town.Approve($"{product}@{version}")).TryGet(out var approved, out var fault), fault?.ToString());
        Assert.Equal(ReleaseState.Approved, approved.State);
    }

    private static async Task Publish(Town town, string version, int svn)
    {
        await Prepare(town, "gw100", version, svn);
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Published, (await town.Record($"gw100@{version}")).State);
    }

    private static async Task Act(Town town, string rival)
    {
        switch (rival)
        {
            case "the daily refresh":
                town.Clock.Advance(TimeSpan.FromDays(1));
                await town.The<Refreshing>().Tick(Town.Token);
                break;
            default:
                var id = rival switch { "another product" => "gw200@1.0.0", "a competing release" => "gw100@3.0.0", _ => "gw100@2.0.0" };
                var due = (await town.Releases.Due(town.Clock.GetUtcNow(), Town.Token)).SingleOrDefault(one => one.Record.Id.Text == id);
                if (due is not null) await town.The<PublishWork>().Work(due, Town.Token);
                break;
        }
    }
}
