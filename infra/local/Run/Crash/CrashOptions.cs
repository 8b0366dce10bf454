namespace Serverless.Local.Run.Crash;

/// <summary>What a crash run was asked to do.</summary>
/// <param name="Events">Device telemetry events, poison and repeats included; 1,000 to 1,000,000.</param>
/// <param name="Kills">Times the handler is killed, 10 to 500; a compaction adds up to <see cref="CommitPoint.CompactionKills"/>.</param>
/// <param name="Seed">Seed of the events and of the kills.</param>
public sealed record CrashOptions(int Events, int Kills, int Seed)
{
    /// <summary>Partitions of hub <c>telemetry</c>: few, so that each log grows long enough for a compaction at 100,000 events.</summary>
    public const int Partitions = 2;

    /// <summary>Setting <c>Telemetry__TakeoverWait</c>: short, since every kill costs one; not shorter, for a third of it is all the time
    /// that publishing has, on a machine that may be busy.</summary>
    public static TimeSpan TakeoverWait { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Devices: about a hundred events each.</summary>
    public int Devices => Math.Clamp(Events / 100, 20, 1_000);

    /// <summary>Longest run, wall time; a run that is not done by then is broken.</summary>
    public TimeSpan TimeMax => TimeSpan.FromMinutes(1) + TimeSpan.FromSeconds(Kills * 15) + TimeSpan.FromMilliseconds(Events);
}
