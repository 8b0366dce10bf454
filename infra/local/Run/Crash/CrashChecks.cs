namespace Serverless.Local.Run.Crash;

/// <summary>What must hold after a crash run, beside <see cref="Run.Checks"/>. Pure.</summary>
public static class CrashChecks
{
    /// <summary>Judges a run.</summary>
    /// <param name="options">What was asked.</param>
    /// <param name="stream">What was sent.</param>
    /// <param name="seen">What came out.</param>
    /// <param name="kills">The kills.</param>
    /// <param name="passed">How often each commit point was passed.</param>
    public static IReadOnlyList<Check> Of(
        CrashOptions options, CrashStream stream, Observation seen, IReadOnlyList<Kill> kills, IReadOnlyDictionary<string, long> passed)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(kills);
        ArgumentNullException.ThrowIfNull(passed);
        return [.. Checks.Of(stream.Cast, stream.Sent, seen), FirstRefusalsTold(seen), EveryPointHit(kills, passed), AllKilled(options, kills)];
    }

    // A lost alert is as bad as a doubled one; the first refusal of a device for a reason is always told at once.
    private static Check FirstRefusalsTold(Observation seen)
    {
        var told = seen.Alerts.Select(alert => (alert.Device, alert.Fault)).ToHashSet();
        var due = seen.Rejected.Select(one => (one.Device, one.Fault)).Distinct().ToList();
        var missing = due.Where(one => !told.Contains(one)).ToList();
        return new Check(
            "each device and reason of refusal was told by an alert",
            missing.Count == 0,
            missing.Count == 0 ? $"{due.Count} pairs" : $"{missing.Count} missing, such as {missing[0].Device}: {missing[0].Fault}");
    }

    private static Check EveryPointHit(IReadOnlyList<Kill> kills, IReadOnlyDictionary<string, long> passed)
    {
        var hit = kills.Select(kill => kill.Point).ToHashSet();
        // A run too short to fill a log has no compaction; every other point belongs to any run.
        var missing = CommitPoint.Names.Where(name => !hit.Contains(name) && (name != CommitPoint.Compaction || passed.GetValueOrDefault(name) > 0)).ToList();
        return new Check("the handler was killed at every commit point", missing.Count == 0, missing.Count == 0 ? $"{hit.Count(name => name is not null)} points" : "never at " + string.Join(", ", missing));
    }

    private static Check AllKilled(CrashOptions options, IReadOnlyList<Kill> kills) =>
        new("as many kills as asked for", kills.Count >= options.Kills, $"{kills.Count} kills, {kills.Count(kill => kill.Point is null)} at random moments");
}
