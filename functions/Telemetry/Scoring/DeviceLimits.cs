namespace Serverless.Telemetry.Scoring;

/// <summary>When a device scorer speaks up, and how slowly it gets used to things. Trusted: who edits it can silence every device.</summary>
/// <remarks>The defaults are the budget of the fleet benchmark; README.md has the measured recall at several budgets.</remarks>
public sealed record DeviceLimits
{
    /// <summary>Readings before values are judged. Default 200.</summary>
    public int WarmUp { get; init; } = 200;

    /// <summary>Excess of a value over its range, in widths. Default 0.8.</summary>
    public double Spike { get; init; } = 0.8;

    /// <summary>Excess beyond which no sensor of this kind could have sent it, in widths. Default 8.</summary>
    public double Fuzz { get; init; } = 8;

    /// <summary>Excess of what 8 readings leave unexplained, in widths of its own range. Default 1.5.</summary>
    public double Fast { get; init; } = 1.5;

    /// <summary>Excess of a message's size over what was seen, in widths of its range and a tenth of its size. Default 3.</summary>
    public double Size { get; init; } = 3;

    /// <summary>How far a device's readings may lie from those of its model, in distances between the model's quartiles and its own range. Default 6:
    /// eight standard deviations where devices are spread like a Gaussian.</summary>
    public double Stranger { get; init; } = 6;

    /// <summary>Connects within about an hour, in multiples of the most that is habit. Default 2.</summary>
    public double Reconnects { get; init; } = 2;

    /// <summary>Connects within about an hour of which nothing is said, whatever the habit. Default 6.</summary>
    public double ReconnectsAtLeast { get; init; } = 6;

    /// <summary>Excess of what 64 readings leave unexplained, in widths of its own range. Default 1.</summary>
    public double Slow { get; init; } = 1;

    /// <summary>Excess of what 256 readings leave unexplained, in widths of its own range, once there were many times 256. Default 0.55.</summary>
    public double Long { get; init; } = 0.55;

    /// <summary>How much larger <see cref="Long"/> is while few windows were seen: by this over their number. Default 6. A range of a dozen
    /// independent windows is still exceeded often and far.</summary>
    public double Inexperience { get; init; } = 6;

    /// <summary>Readings after an alert about a metric and its relatives in which another of the kind is likely the same trouble. Default 600.</summary>
    public int SameFor { get; init; } = 600;

    /// <summary>By how much the limits of the unexplained are stretched meanwhile. Default 3.</summary>
    public double SameTimes { get; init; } = 3;

    /// <summary>Readings after which, and not before <see cref="HabitAfterMs"/>, a habit counts as formed and changes only slowly. Default 1,500.</summary>
    public int HabitAfter { get; init; } = 1500;

    /// <summary>Time after which a habit counts as formed, in milliseconds. Default 3 days, so that a device first heard on a weekend sees a weekday.</summary>
    public long HabitAfterMs { get; init; } = 3 * 86_400_000L;

    /// <summary>Largest share of its width by which a formed habit gives way a reading. Default 0.0005: a drift has to take longer than that to pass.</summary>
    public double Reluctance { get; init; } = 0.0005;

    /// <summary>By how much an alert raises the limit for the next one of the same metric, in limits. Default 8; halves in about 7,000 readings.</summary>
    public double Tolerance { get; init; } = 8;

    /// <summary>Share of its width by which the range of the unexplained shrinks a reading. Default 1e-5.</summary>
    public double Leak { get; init; } = 1e-5;

    /// <summary>Alerts a device-day may cost where nothing is wrong. Default 0.01: one a day among a hundred devices.</summary>
    public double AlertsPerDeviceDay { get; init; } = 0.01;

    /// <summary>By how much the budget stretches <see cref="Fast"/>, <see cref="Slow"/>, <see cref="Long"/>, and <see cref="Reconnects"/> where it is small: 1 at the default budget. Halving the
    /// limits about trebles what a quiet fleet costs (README.md has the table), so they go with the inverse square root of the budget.</summary>
    public double Patience => Math.Clamp(Math.Sqrt(0.01 / AlertsPerDeviceDay), 0.3, 5);

    /// <summary>Share of <see cref="AlertsPerDeviceDay"/> that false silences may take. Default a quarter.</summary>
    public double SilenceShare { get; init; } = 0.25;

    /// <summary>Time without trouble after which an alert of the same kind is a new one, in milliseconds. Default 30 minutes.</summary>
    public long QuietMs { get; init; } = 30 * 60_000;
}
