using System.Globalization;
using NCrontab;

namespace Serverless.Local.FunctionsHost.Timers;

/// <summary>When a timer fires: an NCRONTAB expression with seconds (or, of five fields, without), or a constant interval. UTC.</summary>
internal sealed class TimerSchedule
{
    private readonly CrontabSchedule? _cron;
    private readonly TimeSpan _interval;

    private TimerSchedule(string text, CrontabSchedule? cron, TimeSpan interval)
    {
        Text = text;
        _cron = cron;
        _interval = interval;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Reads a schedule.</summary>
    /// <param name="text">The expression.</param>
    /// <returns>The schedule, or <see langword="null"/> if it is none.</returns>
    public static TimerSchedule? Parse(string text)
    {
        var fields = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        if (fields is 5 or 6)
        {
            return CrontabSchedule.TryParse(text, new CrontabSchedule.ParseOptions { IncludingSeconds = fields == 6 }) is { } cron
                ? new TimerSchedule(text, cron, default)
                : null;
        }

        return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var interval) && interval > TimeSpan.Zero ? new TimerSchedule(text, null, interval) : null;
    }

    /// <summary>The first occurrence after an instant.</summary>
    /// <param name="after">The instant.</param>
    public DateTimeOffset Next(DateTimeOffset after) => _cron is null
        ? after + _interval
        : new DateTimeOffset(_cron.GetNextOccurrence(after.UtcDateTime), TimeSpan.Zero);

    /// <summary>Whether it fires more often than once a minute; the real extension keeps no status of such schedules.</summary>
    /// <param name="now">Where to look at it.</param>
    public bool IsShorterThanAMinute(DateTimeOffset now)
    {
        var first = Next(now);
        return Next(first) - first < TimeSpan.FromMinutes(1);
    }
}
