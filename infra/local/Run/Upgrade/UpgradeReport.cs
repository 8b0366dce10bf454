using System.Globalization;

namespace Serverless.Local.Run.Upgrade;

/// <summary>What an upgrade run was asked to do.</summary>
/// <param name="Events">Device telemetry events, poison and repeats included; 1,000 to 1,000,000.</param>
/// <param name="Seed">Seed of the events.</param>
public sealed record UpgradeOptions(int Events, int Seed)
{
    /// <summary>Longest run, wall time; a run that is not done by then is broken.</summary>
    public TimeSpan TimeMax => TimeSpan.FromMinutes(4) + TimeSpan.FromMilliseconds(Events);
}

/// <summary>One stretch of the run: a version between its start and its end.</summary>
/// <param name="What">In words.</param>
/// <param name="Events">Events in batches that the host of this version finished.</param>
public sealed record Stretch(string What, long Events);

/// <summary>What came of a run.</summary>
/// <param name="Stretches">The versions that ran, in order.</param>
/// <param name="Seen">What came out.</param>
/// <param name="Checks">The promises.</param>
/// <param name="Wall">From the first event to the last outcome.</param>
public sealed record UpgradeReport(IReadOnlyList<Stretch> Stretches, Observation Seen, IReadOnlyList<Check> Checks, TimeSpan Wall)
{
    /// <summary>Whether every promise held and every version did some of the work.</summary>
    public bool Kept => Checks.All(check => check.Kept) && Stretches.All(one => one.Events > 0);

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
        foreach (var stretch in Stretches) yield return string.Create(CultureInfo.InvariantCulture, $"  {stretch.Events,7} events by {stretch.What}");
        foreach (var check in Checks) yield return $"{(check.Kept ? "kept  " : "BROKEN")} {check.Promise} ({check.Evidence})";
    }
}
