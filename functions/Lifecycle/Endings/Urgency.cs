using Serverless.Devices;

namespace Serverless.Lifecycle.Endings;

/// <summary>Worst first: which device a sweep turns to.</summary>
public sealed class Urgency : IComparer<DeviceRecord>
{
    /// <summary>The order.</summary>
    public static Urgency WorstFirst { get; } = new();

    /// <summary>Devices that were contained (somebody suspected them) before those to be cut off at once, before those whose grace ran out,
    /// before the living; then those that wait longest; then by id, so that the order is the same everywhere.</summary>
    /// <param name="x">One.</param>
    /// <param name="y">Another.</param>
    public int Compare(DeviceRecord? x, DeviceRecord? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        var by = Rank(x).CompareTo(Rank(y));
        if (by != 0) return by;
        by = (x.Ending?.DueAt ?? x.DueAt ?? DateTimeOffset.MaxValue).CompareTo(y.Ending?.DueAt ?? y.DueAt ?? DateTimeOffset.MaxValue);
        return by != 0 ? by : x.Id.CompareTo(y.Id);
    }

    private static int Rank(DeviceRecord record) => record.Ending switch
    {
        null => 3,
        { Before: DeviceState.Contained } => 0,
        { } ending when ending.DueAt <= ending.AskedAt => 1,
        _ => 2,
    };
}
