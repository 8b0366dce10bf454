using Serverless.Telemetry.Alerts;
using Serverless.Telemetry.Scoring;

namespace Serverless.Telemetry.Anomalies;

/// <summary>The alert kinds of the scorer's findings, one a kind.</summary>
internal static class AnomalyKinds
{
    private static readonly AlertKind[] Kinds = [.. Enum.GetValues<FindingKind>().Select(kind => kind switch
    {
        FindingKind.Spike => new AlertKind("anomaly-spike", "warning", "One metric went far outside everything this device has shown, for a moment."),
        FindingKind.Drift => new AlertKind("anomaly-drift", "warning", "One metric has left what it and the others have shown, and stays away."),
        FindingKind.Stuck => new AlertKind("anomaly-stuck", "warning", "One metric repeats one reading beyond its habit."),
        FindingKind.Flatline => new AlertKind("anomaly-flatline", "warning", "One metric reads zero beyond its habit."),
        FindingKind.Replay => new AlertKind("anomaly-replay", "high", "Whole readings repeat, in order, what was sent before: a recording may be playing."),
        FindingKind.Flood => new AlertKind("anomaly-flood", "high", "Messages come far faster than is this device's pace."),
        FindingKind.Silence => new AlertKind("anomaly-silence", "high", "No message came although several were due."),
        FindingKind.Correlation => new AlertKind("anomaly-correlation", "warning", "Each value is plausible alone; together they are not."),
        FindingKind.Fuzz => new AlertKind("anomaly-fuzz", "high", "A value that no sensor of this kind would send."),
        FindingKind.Clone => new AlertKind("anomaly-clone", "critical", "Two sources count under this identity: its key may have been copied."),
        FindingKind.Stranger => new AlertKind("anomaly-stranger", "warning", "One metric lies far from what the other devices of its model measure, since this device was first heard."),
        FindingKind.Reconnects => new AlertKind("anomaly-reconnects", "high", "The device connects anew far more often than is its habit: two may hold its key and throw each other off, or its radio or power fails."),
        _ => throw new System.Diagnostics.UnreachableException($"{kind} has no alert"),
    })];

    /// <summary>So many devices of one model show the same that it is told once, about the model.</summary>
    public static AlertKind Fleet { get; } = new("anomaly-fleet", "high", "Many devices of one model show the same at once; further alerts of this kind about single devices are withheld while it lasts.");

    /// <summary>The alert kind of a finding.</summary>
    public static AlertKind Of(FindingKind kind) => Kinds[(int)kind];
}
