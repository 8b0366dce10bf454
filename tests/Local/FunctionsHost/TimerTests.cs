using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Serverless.Local.FunctionsHost.Timers;
using Serverless.Local.Tests.Storage;

namespace Serverless.Local.Tests.FunctionsHost;

public class TimerTests(StorageFixture storage)
{
    private const string EveryFive = """{"type":"timerTrigger","name":"timer","direction":"in","schedule":"0 */5 * * * *"}""";
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 1, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("0 */5 * * * *", "2026-03-01T12:05:00Z")]
    [InlineData("30 0 0 1 * *", "2026-04-01T00:00:30Z")]
    [InlineData("*/5 * * * *", "2026-03-01T12:05:00Z")]
    [InlineData("00:10:00", "2026-03-01T12:11:00Z")]
    public void A_schedule_knows_its_next_time(string text, string next) =>
        Assert.Equal(DateTimeOffset.Parse(next, CultureInfo.InvariantCulture), TimerSchedule.Parse(text)!.Next(Noon));

    [Theory]
    [InlineData("")]
    [InlineData("* * * *")]
    [InlineData("61 * * * * *")]
    [InlineData("-00:10:00")]
    [InlineData("every day")]
    public void What_is_no_schedule_is_refused(string text) => Assert.Null(TimerSchedule.Parse(text));

    [Theory]
    [InlineData("*/30 * * * * *", true)]
    [InlineData("0 * * * * *", false)]
    public void A_schedule_shorter_than_a_minute_keeps_no_status(string text, bool isShort) =>
        Assert.Equal(isShort, TimerSchedule.Parse(text)!.IsShorterThanAMinute(Noon));

    [Fact]
    public async Task A_timer_fires_on_its_minute_and_not_before()
    {
        await using var app = new ProbeApp().Function("Tick", EveryFive);
        var clock = new FakeTimeProvider(Noon);
        await using var host = await app.Start(storage, clock: clock);
        await Scheduled(app, "12:05:00");
        clock.Advance(TimeSpan.FromMinutes(4) - TimeSpan.FromMilliseconds(1));
        await Task.Delay(200, Cancel);
        Assert.Empty(app.Requests("Tick"));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        var first = (await app.Wait("Tick", 1))[0].Json.GetProperty("Data").GetProperty("timer");
        Assert.False(first.GetProperty("IsPastDue").GetBoolean());
        Assert.Equal("2026-03-01T12:05:00+00:00", first.GetProperty("ScheduleStatus").GetProperty("Next").GetString());
        Assert.Equal("0001-01-01T00:00:00", first.GetProperty("ScheduleStatus").GetProperty("Last").GetString());

        await Scheduled(app, "12:10:00");
        clock.Advance(TimeSpan.FromMinutes(5));
        var second = (await app.Wait("Tick", 2))[1].Json.GetProperty("Data").GetProperty("timer").GetProperty("ScheduleStatus");
        Assert.Equal("2026-03-01T12:05:00+00:00", second.GetProperty("Last").GetString());
    }

    [Fact]
    public async Task A_timer_that_was_missed_fires_at_start_as_past_due_and_once()
    {
        await using var app = new ProbeApp().Function("Tick", EveryFive);
        var clock = new FakeTimeProvider(Noon);
        await using (await app.Start(storage, clock: clock)) await Scheduled(app, "12:05:00");
        clock.Advance(TimeSpan.FromHours(3));
        await using var again = await app.Start(storage, clock: clock);
        var missed = (await app.Wait("Tick", 1))[0].Json.GetProperty("Data").GetProperty("timer");
        Assert.True(missed.GetProperty("IsPastDue").GetBoolean());
        await Scheduled(app, "15:05:00");
        Assert.Single(app.Requests("Tick"));
    }

    [Fact]
    public async Task A_timer_with_runOnStartup_fires_at_once_and_a_short_one_has_no_status()
    {
        await using var app = new ProbeApp().Function(
            "Tick", """{"type":"timerTrigger","name":"timer","direction":"in","schedule":"*/30 * * * * *","runOnStartup":true}""");
        await using var host = await app.Start(storage, clock: new FakeTimeProvider(Noon));
        var request = (await app.Wait("Tick", 1))[0];
        Assert.Equal("""{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}""", request.Json.GetProperty("Data").GetProperty("timer").GetRawText());
    }

    [Fact]
    public async Task Of_two_instances_one_fires_a_timer_and_the_other_takes_over()
    {
        await using var app = new ProbeApp().Function("Tick", EveryFive);
        var clock = new FakeTimeProvider(Noon);
        var first = await app.Start(storage, clock: clock);
        await Scheduled(app, "12:05:00");
        await using var second = await app.Start(storage, clock: clock);
        clock.Advance(TimeSpan.FromMinutes(4));
        await app.Wait("Tick", 1);
        await Task.Delay(500, Cancel);
        Assert.Single(app.Requests("Tick"));

        await Scheduled(app, "12:10:00");
        await first.DisposeAsync();
        await Scheduled(app, "12:10:00", times: 2);
        clock.Advance(TimeSpan.FromMinutes(5));
        await app.Wait("Tick", 2);
    }

    [Fact]
    public async Task A_fast_clock_fires_a_timer_fast()
    {
        await using var app = new ProbeApp().Function("Tick", EveryFive);
        await using var host = await app.Start(storage, clock: new CloudClock(TimeProvider.System, Noon, speed: 300));
        await app.Wait("Tick", 3); // 15 minutes in 3 seconds
    }

    private static async Task Scheduled(ProbeApp app, string time, int times = 1)
    {
        for (var tries = 0; tries < 600; tries++)
        {
            lock (app.Log)
            {
                if (app.Log.Count(line => line.Contains("is due next at", StringComparison.Ordinal) && line.Contains(time, StringComparison.Ordinal)) >= times) return;
            }

            await Task.Delay(20, Cancel);
        }

        lock (app.Log) throw new InvalidOperationException($"not scheduled for {time}:{Environment.NewLine}{string.Join(Environment.NewLine, app.Log)}");
    }
}
