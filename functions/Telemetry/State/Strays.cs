namespace Serverless.Telemetry.State;

/// <summary>When an alert is due about events that no device can be blamed for: without the hub's stamp, of an unknown source, a
/// twin document that cannot be read. One back-off a fault code and partition, in event time.</summary>
/// <remarks>The verdicts keep the same rhythm for each device and fault (<see cref="Validation.Verdict.FaultAlertDue"/>).</remarks>
internal sealed class Strays
{
    /// <summary>Back-off after the first alert; doubles with each.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMinutes(1);

    /// <summary>Doublings at most: 1 minute × 2^10 is 17 hours.</summary>
    public const int LevelMax = 10;

    /// <summary>Quiet time after which a fault counts as new.</summary>
    public static readonly TimeSpan Forgotten = TimeSpan.FromDays(2);

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Fault codes and their back-off; codes are ours, so they are few.</summary>
    public IReadOnlyDictionary<string, Entry> Entries => _entries;

    /// <summary>Counts one refusal.</summary>
    /// <param name="code">The fault's code.</param>
    /// <param name="at">Event time.</param>
    /// <returns>How many there were since the last alert when one is due now, this one included; else 0.</returns>
    public int Count(string code, DateTimeOffset at)
    {
        var now = at.ToUnixTimeMilliseconds();
        var known = _entries.TryGetValue(code, out var entry) && now - entry.DueMs < (long)Forgotten.TotalMilliseconds;
        if (!known) entry = new Entry(now, 0, 0);
        var count = entry.Unreported == int.MaxValue ? int.MaxValue : entry.Unreported + 1;
        var due = now >= entry.DueMs;
        _entries[code] = due
            ? new Entry(now + ((long)First.TotalMilliseconds << entry.Level), Math.Min(entry.Level + 1, LevelMax), 0)
            : entry with { Unreported = count };
        return due ? count : 0;
    }

    /// <summary>Puts back what was stored.</summary>
    public void Restore(string code, Entry entry) => _entries[code] = entry;

    /// <summary>Back-off of one fault code.</summary>
    /// <param name="DueMs">The next alert is due from here on, milliseconds since 1970 UTC.</param>
    /// <param name="Level">Alerts so far, 0 to <see cref="LevelMax"/>.</param>
    /// <param name="Unreported">Refusals since the last alert.</param>
    public readonly record struct Entry(long DueMs, int Level, int Unreported);
}
