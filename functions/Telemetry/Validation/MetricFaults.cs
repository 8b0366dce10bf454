using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Every fault one metric can have, made once with the profile: refusing an event then allocates nothing.</summary>
internal sealed class MetricFaults(string name)
{
    /// <summary><c>metric-missing</c>: the profile requires it.</summary>
    public readonly Fault Missing = new("metric-missing", "metrics." + name);

    /// <summary><c>metric-type</c>: a value of another type than the profile's.</summary>
    public readonly Fault Type = new("metric-type", "metrics." + name);

    /// <summary><c>metric-not-integer</c>: a number with fraction or exponent, or beyond 2^53-1 (RFC 7493 section 2.2).</summary>
    public readonly Fault NotInteger = new("metric-not-integer", "metrics." + name);

    /// <summary><c>metric-member</c>: a text the enumeration does not list.</summary>
    public readonly Fault Member = new("metric-member", "metrics." + name);

    /// <summary><c>metric-length</c>: a string shorter or longer than the profile's bounds, or a vector of other than three numbers.</summary>
    public readonly Fault Length = new("metric-length", "metrics." + name);

    /// <summary><c>metric-range</c>: below the minimum or above the maximum.</summary>
    public readonly Fault Range = new("metric-range", "metrics." + name);

    /// <summary><c>metric-step</c>: too far from the reading before.</summary>
    public readonly Fault Step = new("metric-step", "metrics." + name);

    /// <summary><c>metric-rate</c>: changed faster than the quantity can.</summary>
    public readonly Fault Rate = new("metric-rate", "metrics." + name);
}
