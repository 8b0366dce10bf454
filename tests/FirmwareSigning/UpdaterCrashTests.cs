using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>Power cuts at every step of an update (FORMAT.md 7.3): the device always boots a whole image, and always tells the truth.</summary>
public class UpdaterCrashTests
{
    public static TheoryData<string, string, string> Endings() => new()
    {
        { "Good", "Succeeded", "" },
        { "Rejects", "Failed", "self-test" },
        { "Hangs", "Failed", "confirm-deadline" },
        { "Crashes", "Failed", "boot-fell-back" },
    };

    [Theory, MemberData(nameof(Endings))]
    public async Task A_power_cut_at_any_step_ends_in_the_right_image_and_the_right_report(string health, string outcome, string reason)
    {
        var uncut = new SimulatedDevice(Enum.Parse<ImageHealth>(health), CutStyle.Lost);
        Assert.InRange(await uncut.LiveUntilSettled(), 1, 10);
        CheckEnding(uncut, outcome, reason, "uncut");
        Assert.InRange(uncut.Power.Steps, 30, 500);
        foreach (var style in Enum.GetValues<CutStyle>())
        {
            for (var cutAt = 1; cutAt <= uncut.Power.Steps; cutAt++)
            {
                var device = new SimulatedDevice(Enum.Parse<ImageHealth>(health), style);
                device.Power.CutAt = cutAt;
                var lives = await device.LiveUntilSettled();
                Assert.True(lives <= 20, $"not settled: {health}, {style}, cut at {cutAt}");
                CheckEnding(device, outcome, reason, $"{health}, {style}, cut at {cutAt}");
            }
        }
    }

    private static void CheckEnding(SimulatedDevice device, string outcome, string reason, string where)
    {
        var reports = device.Delivered.DistinctBy(report => report.Sequence).ToList();
        Assert.True(reports.Count == 1, $"{reports.Count} reports: {where}");
        Assert.True(outcome == reports[0].Outcome.ToString() && reason == reports[0].Reason, $"{reports[0]}: {where}");
        var good = outcome == "Succeeded";
        Assert.True(good == device.RunsNew, where);
        Assert.True(device.LastRecord.MinimumSvn == (good ? SimulatedDevice.NewSvn : SimulatedDevice.OldSvn), $"minimum {device.LastRecord.MinimumSvn}: {where}");
    }

    [Fact]
    public void The_transition_table_reaches_every_stage_and_leaves_every_stage()
    {
        foreach (var stage in Enum.GetValues<UpdateStage>())
        {
            Assert.Contains(Transitions.All, row => row.Value == stage);
            Assert.Contains(Transitions.All, row => row.Key.From == stage);
        }
        Assert.Throws<InvalidOperationException>(() => Transitions.Next(UpdateStage.Idle, UpdateEvent.Kept));
        // Success has one way in: through a confirmation.
        Assert.Equal([UpdateStage.Committing], Transitions.All.Keys.Where(row => row.On == UpdateEvent.Kept).Select(row => row.From));
        Assert.Equal([(UpdateStage.Trial, UpdateEvent.Confirmed)], Transitions.All.Where(row => row.Value == UpdateStage.Committing && row.Key.From != UpdateStage.Committing).Select(row => row.Key));
    }

    [Fact]
    public async Task Preconditions_hold_an_update_back_without_losing_it()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost) { Precondition = new Fault("battery-low", "battery") };
        await Assert.ThrowsAnyAsync<Exception>(() => device.LiveUntilSettled(1)); // the program asserts that activation works
        var updater = device.NewUpdater();
        updater.Start();
        Assert.Equal(UpdateStage.Ready, updater.Record.Stage);
        Assert.Equal("battery-low", updater.Activate()?.Code);
        Assert.Equal(UpdateStage.Ready, updater.Record.Stage);
        device.Precondition = null;
        Assert.Throws<PowerCutException>(() => updater.Activate()); // the restart
        Assert.InRange(await device.LiveUntilSettled(), 1, 3);
        Assert.True(device.RunsNew);
    }

    [Fact]
    public async Task After_an_update_the_old_image_is_refused_and_before_it_was_not()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost);
        var older = new TargetFile(10, Hashes.Of("x"u8), Releases.Gateway("1.9.0", SimulatedDevice.OldSvn).ToJson());
        var updater = device.NewUpdater();
        updater.Start();
        Assert.Null(updater.Offer("gw100/1.9.0/image.bin", older));
        await device.LiveUntilSettled();
        updater = device.NewUpdater();
        updater.Start();
        Assert.Equal("update-svn", updater.Offer("gw100/1.9.0/image.bin", older)?.Code);
    }

    [Fact]
    public async Task A_lost_record_does_not_lower_the_minimum()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost);
        await device.LiveUntilSettled();
        foreach (var damage in new[] { "", "{", "{\"format\":2}", "{\"format\":1,\"stage\":\"Trial\"}" })
        {
            device.Files.Write("update.json", System.Text.Encoding.UTF8.GetBytes(damage));
            var updater = device.NewUpdater();
            updater.Start();
            Assert.Equal(UpdateStage.Idle, updater.Record.Stage);
            Assert.Equal(SimulatedDevice.NewSvn, updater.Record.MinimumSvn);
        }
        Assert.Equal("update-record-format", UpdateRecord.Read("{\"format\":1,\"stage\":\"x\",\"target\":\"A\",\"durable_bytes\":0,\"tries\":0,\"minimum_svn\":0,\"last_sequence\":0}"u8).Fault?.Code);
    }

    [Theory]
    [InlineData("gw100/2.0.0/x", 2001, 2000, "update-slot")]
    [InlineData("gw100/2.0.0/x", 1000, 2001, "update-slot")]
    [InlineData("gw100/2.0.0/x", 0, 2000, "update-slot")]
    [InlineData("gw100/9.9.9/x", 1000, 2000, "update-name")]
    [InlineData("gw100/2.0.0/x", 2000, 2000, null)]
    public void An_offer_must_fit_the_slot_and_its_own_name(string name, long length, long slotBytes, string? fault)
    {
        var updater = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost).NewUpdater();
        updater.Start();
        Assert.Equal(fault, updater.Offer(name, new TargetFile(length, Hashes.Of("x"u8), Releases.Gateway("2.0.0", 4, slotBytes).ToJson()))?.Code);
    }

    [Fact]
    public void An_offer_without_a_record_or_a_usable_digest_is_refused()
    {
        var identity = new DeviceIdentity("gw100", "gw100-r2");
        Assert.Equal("update-record", identity.Judge("gw100/2.0.0/x", new TargetFile(1, Hashes.Of("x"u8), null), 10, 0).Fault?.Code);
        Assert.Equal("hash-unknown", identity.Judge("gw100/2.0.0/x", new TargetFile(1, new Hashes(null, null), Releases.Gateway("2.0.0", 4, 10).ToJson()), 10, 0).Fault?.Code);
    }

    [Fact]
    public async Task A_swapped_image_is_given_up_and_reported_and_nothing_else_is_taken_meanwhile()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost);
        var updater = device.NewUpdater();
        updater.Start();
        var swapped = new TargetFile(1000, Hashes.Of("another image"u8), Releases.Gateway("2.0.0", 4, 2000).ToJson());
        Assert.Null(updater.Offer("gw100/2.0.0/x", swapped));
        var fetch = new Device.Fetch.BoundedFetch(device, Device.Fetch.FetchLimits.Default, TimeProvider.System);
        Assert.Equal("target-hash", (await updater.Download(fetch, new Uri("http://repository.test/targets/x"), TestContext.Current.CancellationToken))?.Code);
        Assert.Equal(new UpdateReport(1, UpdateOutcome.Failed, "gw100/2.0.0/x", "2.0.0", "target-hash"), updater.Report);
        await device.LiveUntilSettled();
    }

    [Fact]
    public async Task A_slot_that_changed_after_the_download_is_not_booted()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost) { Precondition = new Fault("busy", "machine") };
        await Assert.ThrowsAnyAsync<Exception>(() => device.LiveUntilSettled(1));
        device.Precondition = null;
        device.Slots.Burn(Slot.B, [1, 2, 3]);
        var updater = device.NewUpdater();
        updater.Start();
        Assert.Equal("slot-corrupt", updater.Activate()?.Code);
        Assert.Equal("slot-corrupt", updater.Report?.Reason);
    }

    [Fact]
    public async Task While_an_image_is_on_trial_no_other_is_taken()
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost);
        await device.LiveUntilSettled(1); // ends with the restart into the new image
        device.Boot.Boot();
        var updater = device.NewUpdater();
        updater.Start();
        Assert.Equal(UpdateStage.Trial, updater.Record.Stage);
        Assert.Equal("update-busy", updater.Offer("gw100/2.0.0/x", new TargetFile(1, Hashes.Of("x"u8), null))?.Code);
    }
}
