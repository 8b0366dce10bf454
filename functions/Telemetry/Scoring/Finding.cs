namespace Serverless.Telemetry.Scoring;

/// <summary>What kind of trouble was found. The names are those of the alerts.</summary>
public enum FindingKind
{
    /// <summary>One metric far outside everything it has shown, for a moment.</summary>
    Spike,
    /// <summary>One metric has left what it and the others have shown, and stays away.</summary>
    Drift,
    /// <summary>One metric repeats one reading beyond its habit.</summary>
    Stuck,
    /// <summary>One metric reads zero beyond its habit.</summary>
    Flatline,
    /// <summary>Whole readings repeat, in order, what was sent before.</summary>
    Replay,
    /// <summary>Far more messages than the device's pace.</summary>
    Flood,
    /// <summary>No message although several were due.</summary>
    Silence,
    /// <summary>Each value plausible alone, wrong together.</summary>
    Correlation,
    /// <summary>Not a number, or a number no sensor of this kind would send.</summary>
    Fuzz,
    /// <summary>Two sources under one identity.</summary>
    Clone,
    /// <summary>One metric lies far from what the other devices of its model measure.</summary>
    Stranger,
    /// <summary>Far more connects than the device's habit.</summary>
    Reconnects,
}

/// <summary>One finding: the figures an explanation is made of. A value type, so that looking costs no allocation.</summary>
/// <param name="Kind">What was found.</param>
/// <param name="Metric">Index of the metric, -1 where the device as a whole is meant, or <see cref="MessageSize"/>.</param>
/// <param name="AtMs">When it was noticed, Unix milliseconds of the stream's time.</param>
/// <param name="SinceMs">When it seems to have begun.</param>
/// <param name="Measure">What was measured, in the unit of <paramref name="Kind"/>.</param>
/// <param name="Limit">The measure up to which it would have stayed silent.</param>
/// <param name="Seen">The reading, or the count or time seen.</param>
/// <param name="Low">Least expected.</param>
/// <param name="High">Greatest expected.</param>
public readonly record struct Finding(
    FindingKind Kind, int Metric, long AtMs, long SinceMs, double Measure, double Limit, double Seen, double Low, double High)
{
    /// <summary>The metric that is no member of a message: how many bytes it has.</summary>
    public const int MessageSize = -2;

    /// <summary>Strength in (0, 1): one half at the limit, near 1 far beyond it.</summary>
    public double Score => Limit <= 0 || !double.IsFinite(Measure) ? 1 : Measure / (Measure + Limit);
}
