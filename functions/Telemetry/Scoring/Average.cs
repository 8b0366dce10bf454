using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>An exponentially weighted mean that starts as an exact mean: the weight of the n-th value is the larger of 1/n and the rate.</summary>
/// <remarks>8 bytes; the count belongs to whoever owns several means over the same values. Never drifts: each step is a convex
/// combination, so the mean stays between the least and the greatest value learned.</remarks>
public static class Average
{
    /// <summary>The mean after one more value.</summary>
    /// <param name="mean">The mean of the values before; ignored when <paramref name="seen"/> is 0.</param>
    /// <param name="value">A finite value.</param>
    /// <param name="rate">Weight of a new value in the long run, in (0, 1].</param>
    /// <param name="seen">Values before this one, at least 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double After(double mean, double value, double rate, int seen)
    {
        var weight = Math.Max(rate, 1.0 / (seen + 1.0));
        // The weighted form, because value - mean overflows where both are near the ends of the range.
        return weight >= 1 ? value : (mean * (1 - weight)) + (value * weight);
    }
}
