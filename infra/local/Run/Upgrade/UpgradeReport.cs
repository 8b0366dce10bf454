using System.Globalization;

namespace Serverless.Local.Run.Upgrade;

/// <summary>What an upgrade run was asked to do.</summary>
/// <param name="Events">Device telemetry events, poison and repeats included; 1,000 to 1,000,000.</param>
/// <param name="Seed">Seed of the events.</param>
public sealed record UpgradeOptions(int Events, int Seed)
{
    /// <summary>Folder of a version of the app that keeps more in its state than the published one can read: it is rolled out last, rolled
    /// back, and rolled out again. <see langword="null"/> to leave that out.</summary>
    public string? Further { get; init; }

    /// <summary>Longest run, wall time; a run that is not done by then is broken.</summary>
    public TimeSpan TimeMax => TimeSpan.FromMinutes(4) + TimeSpan.FromMilliseconds(Events);
}

/// <summary>One stretch of the run: a version between its start and its end.</summary>
/// <param name="What">In words.</param>
/// <param name="Events">Events in batches that the host of this version finished.</param>
/// <param name="Failures">Batches that failed, each try counted.</param>
/// <param name="Blocked">Whether this version met a state that it could not read, and so had to do nothing.</param>
public sealed record Stretch(string What, long Events, long Failures, bool Blocked)
{
    /// <summary>Whether it did what such a version has to.</summary>
    public bool AsMeant => Blocked ? Events == 0 && Failures > 0 : Events > 0;
}

/// <summary>What came of a run.</summary>
/// <param name="Stretches">The versions that ran, in order.</param>
/// <param name="Seen">What came out.</param>
/// <param name="Checks">The promises.</param>
/// <param name="Wall">From the first event to the last outcome.</param>
public sealed record UpgradeReport(IReadOnlyList<Stretch> Stretches, Observation Seen, IReadOnlyList<Check> Checks, TimeSpan Wall)
{
    /// <summary>Rights of the app that nothing in the run needed; see <see cref="Report.UnusedRights"/>.</summary>
    public IReadOnlyList<string> UnusedRights { get; init; } = [];

    /// <summary>Whether every promise held, and every version did some of the work, or none where it could not read the state.</summary>
    public bool Kept => Checks.All(check => check.Kept) && Stretches.All(one => one.AsMeant);

    /// <summary>Events without an outcome.</summary>
    public int Lost => Seen.Telemetry.Select(one => one.Position).Except(Outcomes).Count();

    /// <summary>Outcomes beyond the first of an event.</summary>
    public int Doubled => Outcomes.Count() - Outcomes.Distinct().Count();

    private IEnumerable<EventPosition> Outcomes => Seen.Validated.Select(one => one.Source).Concat(Seen.Rejected.Select(one => one.Source));

    /// <summary>The report as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"{Seen.Telemetry.Count} events in {Wall.TotalSeconds:0} s: {Seen.Validated.Count} validated, {Seen.Rejected.Count} rejected, {Seen.Alerts.Count} alerts; {Lost} lost, {Doubled} doubled");
        foreach (var stretch in Stretches)
        {
            var failures = stretch.Failures == 0 ? "" : $", {stretch.Failures} failed tries";
            yield return string.Create(CultureInfo.InvariantCulture, $"  {stretch.Events,7} events{failures} by {stretch.What}");
        }

        foreach (var check in Checks) yield return $"{(check.Kept ? "kept  " : "BROKEN")} {check.Promise} ({check.Evidence})";
    }
}
