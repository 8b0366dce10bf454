using System.Globalization;

namespace Serverless.Local.Run.Crash;

/// <summary>What a crash run did and whether every promise held.</summary>
/// <param name="Options">What was asked.</param>
/// <param name="Wall">How long it took from the first event to the last outcome.</param>
/// <param name="Kills">The kills, in order.</param>
/// <param name="Passed">How often each commit point was passed.</param>
/// <param name="Seen">What came out.</param>
/// <param name="Checks">The promises.</param>
/// <param name="Errors">The last things the host complained about: expected ones mostly, for it lost its handler.</param>
public sealed record CrashReport(
    CrashOptions Options,
    TimeSpan Wall,
    IReadOnlyList<Kill> Kills,
    IReadOnlyDictionary<string, long> Passed,
    Observation Seen,
    IReadOnlyList<Check> Checks,
    IReadOnlyList<string> Errors)
{
    /// <summary>Whether every check held.</summary>
    public bool Kept => Checks.All(check => check.Kept);

    /// <summary>Events without an outcome.</summary>
    public int Lost => Seen.Telemetry.Select(one => one.Position).Except(Outcomes).Count();

    /// <summary>Outcomes beyond the first of an event.</summary>
    public int Doubled => Outcomes.Count() - Outcomes.Distinct().Count();

    /// <summary>Alerts beyond the first of one id.</summary>
    public int AlertsDoubled => Seen.Alerts.Count - Seen.Alerts.Select(alert => alert.Id).Distinct().Count();

    /// <summary>Commit points at which the handler was killed.</summary>
    public int PointsHit => Kills.Where(kill => kill.Point is not null).Select(kill => kill.Point).Distinct().Count();

    private IEnumerable<EventPosition> Outcomes => Seen.Validated.Select(one => one.Source).Concat(Seen.Rejected.Select(one => one.Source));

    /// <summary>The report as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return Text($"{Seen.Telemetry.Count} events in {Wall.TotalSeconds:0} s with {Kills.Count} kills: {Seen.Validated.Count} validated, {Seen.Rejected.Count} rejected, {Seen.Alerts.Count} alerts");
        foreach (var group in Seen.Rejected.GroupBy(one => one.Fault).OrderByDescending(group => group.Count())) yield return Text($"  {group.Count(),6} refused as {group.Key}");
        foreach (var point in CommitPoint.Names)
        {
            var mine = Kills.Where(kill => kill.Point == point).ToList();
            yield return Text($"  {mine.Count,3} kills at {point,-10} {mine.Count(kill => !kill.Late)} of them before its partition's next point ({Passed[point]} times passed)");
        }

        yield return Text($"  {Kills.Count(kill => kill.Point is null),3} kills at random moments");
        foreach (var check in Checks) yield return $"{(check.Kept ? "kept  " : "BROKEN")} {check.Promise} ({check.Evidence})";
        if (Kept) yield break;
        foreach (var error in Errors) yield return "  the host said: " + error;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
