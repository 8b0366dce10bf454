namespace Serverless.Telemetry.Validation;

/// <summary>One metric of a profile, compiled. Immutable.</summary>
public sealed class Metric
{
    internal Metric(int index, string name, MetricType type)
    {
        Index = index;
        Name = name;
        Type = type;
        Faults = new MetricFaults(name);
    }

    /// <summary>Place in <see cref="Profile.Metrics"/> and in <see cref="Readings"/>, 0 to 63.</summary>
    public int Index { get; }

    /// <summary>ASCII: a letter, then letters, digits, <c>_</c>, <c>-</c>, <c>.</c>; at most 64 characters.</summary>
    public string Name { get; }

    /// <summary>What kind of value it has.</summary>
    public MetricType Type { get; }

    /// <summary>UCUM code of the unit, or empty: a value without one.</summary>
    public string Unit { get; internal init; } = "";

    /// <summary>Least physical value, inclusive, in <see cref="Unit"/>; for a vector, of each component.</summary>
    public double Minimum { get; internal init; } = double.MinValue;

    /// <summary>Greatest physical value, inclusive, in <see cref="Unit"/>; for a vector, of each component.</summary>
    public double Maximum { get; internal init; } = double.MaxValue;

    /// <summary>Largest plausible difference from the reading before, in <see cref="Unit"/>; infinite when not stated.
    /// Judged while that reading is no older than <see cref="ConsecutiveTicks"/>.</summary>
    public double Step { get; internal init; } = double.PositiveInfinity;

    /// <summary>Largest plausible rate of change, in <see cref="Unit"/> a second; infinite when not stated. Judged over at
    /// least one second, because many devices stamp whole seconds.</summary>
    public double RatePerSecond { get; internal init; } = double.PositiveInfinity;

    /// <summary>Whether every event must have it.</summary>
    public bool Required { get; internal init; }

    /// <summary>Expected time between two readings; zero when not stated.</summary>
    public TimeSpan Interval { get; internal init; }

    /// <summary>Smallest difference the sensor can tell, in <see cref="Unit"/>; 0 when not stated. Judged by no rule here:
    /// scoring reads it.</summary>
    public double Resolution { get; internal init; }

    /// <summary>The texts of an enumeration, in the profile's order; empty for other types.</summary>
    public IReadOnlyList<string> Members { get; internal init; } = [];

    /// <summary>Least length of a string, in UTF-8 bytes.</summary>
    public int BytesMin { get; internal init; }

    /// <summary>Greatest length of a string, in UTF-8 bytes.</summary>
    public int BytesMax { get; internal init; }

    /// <summary>First of this metric's places among the tracked last values (three for a vector), or -1: no step or rate rule.</summary>
    internal int Tracked { get; init; } = -1;

    internal byte[][] MemberNames { get; init; } = [];

    internal MetricFaults Faults { get; }

    /// <summary>Three intervals: one reading lost does not break the comparison, and a device that was refused for a true
    /// jump is believed again after three intervals instead of never.</summary>
    internal long ConsecutiveTicks => 3 * Interval.Ticks;
}
