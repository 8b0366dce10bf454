namespace Serverless.Telemetry.Scoring;

/// <summary>When a device scorer speaks up. The defaults hold 0.01 false incidents a device-day on fleets they were not tuned on.</summary>
public sealed record DeviceLimits
{
    /// <summary>Readings before values are judged. Default 200.</summary>
    public int WarmUp { get; init; } = 200;

    /// <summary>Excess of a value over its range, in widths.</summary>
    public double Spike { get; init; } = 0.6;

    /// <summary>Excess beyond which no sensor of this kind could have sent it, in widths.</summary>
    public double Fuzz { get; init; } = 8;

    /// <summary>Excess of what 8 readings leave unexplained, in widths of its own range.</summary>
    public double Fast { get; init; } = 0.6;

    /// <summary>Excess of what 64 readings leave unexplained, in widths of its own range.</summary>
    public double Slow { get; init; } = 0.6;

    /// <summary>Time between two alerts of one kind for one device, in milliseconds. Default 30 minutes.</summary>
    public long QuietMs { get; init; } = 30 * 60_000;
}
