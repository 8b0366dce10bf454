using System.Globalization;
using System.Text;

namespace Serverless.Hosting.Tests;

public class TimerTickTests
{
    [Fact]
    public void A_schedule_with_a_monitor_says_when_it_ran_and_will_run()
    {
        var tick = Read("""{"Data":{"timer":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":{"Last":"2026-01-02T03:00:00.5+01:00","Next":"2026-01-02T03:05:00Z","LastUpdated":"2026-01-02T03:00:00"},"IsPastDue":true}},"Metadata":{"sys":{}}}""");
        Assert.True(tick.IsPastDue);
        Assert.Equal(new TimerStatus(Time("2026-01-02T02:00:00.5Z"), Time("2026-01-02T03:05:00Z"), Time("2026-01-02T03:00:00Z")), tick.Status);
    }

    [Fact]
    public void A_schedule_that_never_ran_has_no_last_run()
    {
        var tick = Read("""{"Data":{"timer":{"ScheduleStatus":{"Last":"0001-01-01T00:00:00","Next":"2026-01-02T03:05:00Z","LastUpdated":"0001-01-01T00:00:00"},"IsPastDue":false}}}""");
        Assert.Equal(new TimerStatus(null, Time("2026-01-02T03:05:00Z"), null), tick.Status);
    }

    [Theory]
    [InlineData("", "envelope-syntax")]
    [InlineData("null", "envelope-missing")]
    [InlineData("{}", "envelope-missing")]
    [InlineData("[]", "envelope-syntax")]
    [InlineData("""{"Data":{}}""", "envelope-missing")]
    [InlineData("""{"Data":{"timer":null}}""", "envelope-missing")]
    [InlineData("""{"Data":{"timer":{}}}""", "envelope-missing")]
    [InlineData("""{"Data":{"timer":{"IsPastDue":"false"}}}""", "envelope-syntax")]
    [InlineData("""{"Data":{"a":{"IsPastDue":false},"b":{"IsPastDue":false}}}""", "envelope-missing")]
    [InlineData("""{"Data":{"timer":{"IsPastDue":false,"ScheduleStatus":{"Last":"yesterday"}}}}""", "envelope-type")]
    public void Anything_else_is_a_broken_envelope(string text, string code) =>
        Assert.Equal(code, Assert.Throws<EnvelopeException>(() => Read(text)).Fault.Code);

    private static TimerTick Read(string text) => TimerTick.Read(Encoding.UTF8.GetBytes(text));

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
