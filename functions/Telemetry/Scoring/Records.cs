namespace Serverless.Telemetry.Scoring;

/// <summary>How far a value lies outside everything seen so far: a leaking range, and the tail of the excesses over it.</summary>
/// <remarks>
/// The range is the threshold of a peaks-over-threshold model (Siffer et al. 2017, "Anomaly Detection in Streams with Extreme
/// Value Theory"): it contracts by <see cref="Leak"/> of its width a value and stretches by at most <see cref="Stretch"/> of its
/// width for one excess, so a single outlier does not blind it and a lasting new level becomes normal. Excesses are measured in
/// widths, which makes the part invariant under scale, offset and sign. Their Pareto tail index is a Hill estimate (Hill 1975)
/// that starts from a prior, so a series that exceeds often and far needs a larger excess for the same evidence.
/// 16 bytes: values are distances from the owner's origin, for which a float is exact enough. Not safe for concurrent use.
/// </remarks>
public struct Records
{
    /// <summary>Share of its width by which each end of the range moves inward a value: a range that nothing touches halves in about 14,000 values.</summary>
    public const double Leak = 2.5e-5;

    /// <summary>Largest share of its width by which one excess moves an end.</summary>
    public const double Stretch = 0.1;

    /// <summary>Values a range is made of before it can be exceeded.</summary>
    public const int WarmUp = 30;

    private const double PriorWeight = 4, PriorIndex = 0.3, Forget = 0.98;

    private float _low, _high, _excesses, _logSum;

    /// <summary>Lower end of what is expected.</summary>
    public readonly double Low => _low;

    /// <summary>Upper end of what is expected.</summary>
    public readonly double High => _high;

    /// <summary>The excess over the range in widths of the range: 0 inside and during warm-up, at most one million.</summary>
    /// <param name="value">A distance from the origin, within ±1e30.</param>
    /// <param name="seen">Values learned before.</param>
    /// <param name="resolution">Smallest difference that means anything, in the unit of the value: excesses are measured in no less.</param>
    public readonly double Excess(double value, int seen, double resolution = 0)
    {
        if (seen < WarmUp || (value <= _high && value >= _low)) return 0;
        var beyond = value > _high ? value - _high : _low - value;
        // The floor is the rounding of a float: a range of width 0 must not turn it into infinity.
        var floor = 2e-7 * Math.Max(Math.Abs(_high), Math.Abs(_low));
        return beyond <= floor ? 0 : Math.Min(1e6, beyond / (Width + resolution + floor + 1e-30));
    }

    /// <summary>Evidence of an excess: its logarithm in units of the tail the series has shown, and how rare excesses are.</summary>
    /// <param name="excess">What <see cref="Excess"/> returned; 0 gives 0.</param>
    /// <param name="seen">Values learned before.</param>
    public readonly double Evidence(double excess, int seen)
    {
        if (excess <= 0) return 0;
        var index = ((PriorWeight * PriorIndex) + _logSum) / (PriorWeight + _excesses);
        var rarity = Math.Sqrt(Math.Sqrt(Math.Log((seen + 1.0) / (1 + _excesses))));
        return Math.Log(1 + excess) / Math.Sqrt(index) * rarity;
    }

    /// <summary>Learns one value.</summary>
    /// <param name="value">A distance from the origin, within ±1e30.</param>
    /// <param name="seen">Values learned before.</param>
    /// <param name="leak">Share of its width by which each end moves inward.</param>
    /// <param name="stretch">Largest share of its width by which an end moves outward.</param>
    public void Learn(double value, int seen, double leak = Leak, double stretch = Stretch)
    {
        if (seen < WarmUp)
        {
            _low = seen == 0 ? (float)value : Math.Min(_low, (float)value);
            _high = seen == 0 ? (float)value : Math.Max(_high, (float)value);
            return;
        }
        var excess = Excess(value, seen);
        if (excess > 0)
        {
            _logSum = (float)((_logSum * Forget) + Math.Min(1, Math.Log(1 + excess)));
            _excesses = (float)((_excesses * Forget) + 1);
        }
        double low = _low, high = _high;
        var inward = leak * Width;
        high -= inward;
        low += inward;
        var outward = high > low ? stretch * (high - low) : double.MaxValue;
        if (value > high) high = Math.Min(value, high + outward);
        else if (value < low) low = Math.Max(value, low - outward);
        (_low, _high) = ((float)low, (float)high);
    }

    private readonly double Width => (double)_high - _low;

    internal readonly void Write(ref StateWriter state)
    {
        state.Single(_low);
        state.Single(_high);
        state.Single(_excesses);
        state.Single(_logSum);
    }

    internal static Records Read(ref StateReader state) => new()
    {
        _low = state.Single(),
        _high = state.Single(),
        _excesses = state.Single(),
        _logSum = state.Single(),
    };
}
