using System.Globalization;
using System.Text;

namespace Serverless.Hosting.Tests;

public class HubTimeTests
{
    [Theory]
    [InlineData("2026-01-02T03:04:05", "2026-01-02T03:04:05Z")]
    [InlineData("2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.6Z")]
    [InlineData("2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:05.678Z")]
    [InlineData("2026-01-02T03:04:05.1234567", "2026-01-02T03:04:05.1234567Z")]
    [InlineData("2026-01-02T03:04:05.12345678", "2026-01-02T03:04:05.1234567Z")]
    [InlineData("2026-01-02T03:04:05+01:30", "2026-01-02T01:34:05Z")]
    [InlineData("2026-01-02T03:04:05-14:00", "2026-01-02T17:04:05Z")]
    [InlineData("2024-02-29T23:59:59", "2024-02-29T23:59:59Z")]
    [InlineData("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.9999999Z")]
    public void Times_without_a_zone_are_UTC(string text, string expect)
    {
        Assert.True(HubTime.TryRead(Encoding.UTF8.GetBytes(text), out var time));
        Assert.Equal(DateTimeOffset.Parse(expect, CultureInfo.InvariantCulture), time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2026-01-02")]
    [InlineData("2026-01-02 03:04:05")]
    [InlineData("2026-02-29T03:04:05")]
    [InlineData("0000-01-02T03:04:05")]
    [InlineData("2026-00-02T03:04:05")]
    [InlineData("2026-13-02T03:04:05")]
    [InlineData("2026-01-00T03:04:05")]
    [InlineData("2026-01-02T24:04:05")]
    [InlineData("2026-01-02T03:60:05")]
    [InlineData("2026-01-02T03:04:60")]
    [InlineData("2026-01-02T03:04:05.")]
    [InlineData("2026-01-02T03:04:05z")]
    [InlineData("2026-01-02T03:04:05+15:00")]
    [InlineData("2026-01-02T03:04:05+01:60")]
    [InlineData("2026-01-02T03:04:05+0100")]
    [InlineData("0001-01-01T00:00:00+01:00")]
    [InlineData("9999-12-31T23:59:59-01:00")]
    [InlineData("+026-01-02T03:04:05")]
    public void What_is_no_time_is_not_read(string text) => Assert.False(HubTime.TryRead(Encoding.UTF8.GetBytes(text), out _));

    [Theory]
    [InlineData("0", true)]
    [InlineData("1767323045678", true)]
    [InlineData("-62135596800000", true)]
    [InlineData("-62135596800001", false)]
    [InlineData("253402300799999", true)]
    [InlineData("253402300800000", false)]
    [InlineData("1.5", false)]
    [InlineData("1e400", false)]
    public void Milliseconds_are_read_within_the_years_1_to_9999(string number, bool reads)
    {
        Assert.Equal(reads, HubTime.TryReadEpoch(Encoding.UTF8.GetBytes(number), out var time));
        if (reads) Assert.Equal(long.Parse(number, CultureInfo.InvariantCulture), time.ToUnixTimeMilliseconds());
    }
}
