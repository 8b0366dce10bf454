using Microsoft.Extensions.Logging;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.Repository;

namespace Serverless.Firmware.Tests;

/// <summary>The hourly timer over months: what is signed when, what a vault's absence does, who is told.</summary>
public class RefreshTests
{
    [Fact]
    public async Task The_timestamp_is_signed_once_a_day_and_the_snapshot_when_half_its_life_is_over()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var device = town.Device();
        var signed = 0;
        for (var hour = 1; hour <= 20 * 24; hour++)
        {
            town.Clock.Advance(TimeSpan.FromHours(1));
            if ((await town.The<Refreshing>().Tick(Town.Token)).StartsWith("timestamp", StringComparison.Ordinal)) signed++;
            if (hour % 48 == 0) Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        }
        Assert.InRange(signed, 20, 22);
        Assert.Equal(3, town.Ota.Metadata.Keys.Count(name => name.EndsWith(".snapshot.json", StringComparison.Ordinal))); // the ceremony's, the release's, a renewal
        Assert.DoesNotContain(town.Log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Days_without_the_vault_strand_no_device_and_alarm_louder_each_day()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var device = town.Device();
        await town.The<Refreshing>().Tick(Town.Token);
        town.Keys.IsAway = true;
        var firstSoon = TimeSpan.Zero;
        var firstNow = TimeSpan.Zero;
        for (var hour = 1; hour < 7 * 24; hour++)
        {
            town.Clock.Advance(TimeSpan.FromHours(1));
            town.Log.Clear();
            if (hour < 23) Assert.Equal("nothing is due", await town.The<Refreshing>().Tick(Town.Token));
            else await Assert.ThrowsAsync<IOException>(() => town.The<Refreshing>().Tick(Town.Token));
            if (hour >= 23) Assert.Contains(town.Log.Lines, line => line.Id == 4012 && line.Text.Contains($"in {7 * 24 - hour} h", StringComparison.Ordinal));
            if (firstSoon == TimeSpan.Zero && town.Log.Lines.Any(line => line.Id == 4020)) firstSoon = TimeSpan.FromHours(hour);
            if (firstNow == TimeSpan.Zero && town.Log.Lines.Any(line => line.Id == 4021)) firstNow = TimeSpan.FromHours(hour);
            if (hour % 12 == 0) Assert.Equal("", await device.Refresh());
        }
        Assert.Equal((TimeSpan.FromDays(2), TimeSpan.FromDays(4)), (firstSoon, firstNow));
        Assert.Equal("", await device.Refresh()); // the last hour
        town.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal("timestamp-expired", await device.Refresh());
        town.Keys.IsAway = false;
        Assert.StartsWith("timestamp ", await town.The<Refreshing>().Tick(Town.Token), StringComparison.Ordinal); // even an expired repository comes back
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
    }

    [Fact]
    public async Task Offline_roles_are_announced_two_months_before_they_expire()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var told = new Dictionary<string, int>();
        town.Clock.Advance(TimeSpan.FromDays(290));
        await town.The<Refreshing>().Tick(Town.Token); // nobody looked for long: the online roles come back first
        for (var day = 291; day < 365; day++)
        {
            town.Clock.Advance(TimeSpan.FromDays(1));
            town.Log.Clear();
            await town.The<Refreshing>().Tick(Town.Token);
            foreach (var line in town.Log.Lines.Where(line => line.Id is 4020 or 4021))
                told.TryAdd($"{line.Id} {line.Text.Split(' ')[1]}", 365 - day);
        }
        Assert.Equal(
            new Dictionary<string, int> { ["4020 root"] = 60, ["4020 targets"] = 60, ["4020 gw100"] = 60, ["4021 root"] = 14, ["4021 targets"] = 14, ["4021 gw100"] = 14 },
            told);
    }

    [Fact]
    public async Task A_repository_that_devices_would_refuse_is_an_alarm_and_nothing_is_signed_on_top()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var snapshot = town.Ota.Metadata.Keys.Where(name => name.EndsWith(".snapshot.json", StringComparison.Ordinal)).MaxBy(name => name, StringComparer.Ordinal)!;
        town.Ota.Metadata[snapshot] = ("{}"u8.ToArray(), 9); // somebody wrote into the container
        town.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal("the repository is refused: metadata-length at snapshot", await town.The<Refreshing>().Tick(Town.Token));
        Assert.Contains(town.Log.Lines, line => line is { Id: 4014, Level: LogLevel.Critical });
    }

    [Fact]
    public async Task A_root_that_names_a_key_the_vault_does_not_have_is_told()
    {
        using var town = await Town.Found();
        town.Keys.Versions[Keys.KeyUse.Timestamp].Clear();
        town.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal("refused: signing-key-conflict at key", await town.The<Refreshing>().Tick(Town.Token));
        Assert.Contains(town.Log.Lines, line => line.Id == 4013);
    }

    [Theory]
    [InlineData("timestamp", 120, 72)]
    [InlineData("snapshot", 288, 120)]
    [InlineData("root", 1440, 336)]
    [InlineData("gw100", 1440, 336)]
    public void Alarms_begin_at_their_limits(string role, int soonHours, int nowHours)
    {
        Urgency At(double hours) => ExpiryRule.Judge(role, Town.Day0 + TimeSpan.FromHours(hours), Town.Day0);
        Assert.Equal(
            [Urgency.None, Urgency.Soon, Urgency.Soon, Urgency.Now, Urgency.Now],
            new[] { At(soonHours + 0.01), At(soonHours), At(nowHours + 0.01), At(nowHours), At(-1) });
        Assert.False(ExpiryRule.TimestampIsDue(Town.Day0 + TimeSpan.FromHours(145.01), PublishPolicy.Default.TimestampLives, Town.Day0));
        Assert.True(ExpiryRule.TimestampIsDue(Town.Day0 + TimeSpan.FromHours(145), PublishPolicy.Default.TimestampLives, Town.Day0));
    }
}
