namespace Serverless.Telemetry.Scoring;

/// <summary>How far a metric has departed from its settled state, in units of what its own past can vouch for.</summary>
/// <remarks>
/// During settling the mean, the variance and the lag-1 autocorrelation are learned (Welford 1962), afterwards they stand. A short mean
/// of the metric is compared with them. A metric that wanders has few independent readings, n(1 - r)/(1 + r) of n (Bartlett 1946), so
/// the same distance means less: that is what keeps a slowly warming sensor from drowning the others. 72 bytes. Invariant under
/// scale, offset and sign. Not safe for concurrent use.
/// </remarks>
public struct Departure
{
    private const double Rate = 1 / 5.0;
    private const double Doubt = 1000; // readings' worth of independence at which a metric is believed by half; 16 of 17 events at 15 % in README.md

    private double _origin, _last, _mean, _squares, _products, _short, _shortMean, _shortSquares;
    private int _seen;

    /// <summary>Readings learned.</summary>
    public readonly int Seen => _seen;

    /// <summary>The distance of the short mean, this value included, from the settled state; 0 while settling.</summary>
    public readonly double Score(double value, int settling)
    {
        if (_seen < settling || settling < 2) return 0;
        var variance = _shortSquares / (_seen - 1);
        var whole = _squares + 1e-300;
        var persistence = Math.Clamp(_products / whole, 0, 0.9999);
        var independent = _seen * (1 - persistence) / (1 + persistence);
        var scale = Math.Sqrt(variance * (1 + (Doubt / independent)));
        var distance = Math.Abs(Average.After(_short, Distance(value), Rate, _seen) - _shortMean);
        // The floor is rounding: a metric that never moved departs by any step beyond it, and by no less.
        var floor = 1e-9 * Math.Abs(_origin);
        return distance <= floor ? 0 : Math.Min(1e9, distance / (scale + floor + 1e-300));
    }

    /// <summary>Learns a value; after settling only the short mean moves.</summary>
    public void Learn(double value, int settling)
    {
        if (_seen == 0) _origin = double.IsFinite(value) ? value : 0;
        var distance = Distance(value);
        _short = Average.After(_short, distance, Rate, _seen);
        if (_seen < settling)
        {
            var before = distance - _mean;
            _mean += before / (_seen + 1);
            _squares += before * (distance - _mean);
            if (_seen > 0) _products += (distance - _mean) * (_last - _mean);
            var shortBefore = _short - _shortMean;
            _shortMean += shortBefore / (_seen + 1);
            _shortSquares += shortBefore * (_short - _shortMean);
            _seen++;
        }
        _last = distance;
    }

    private readonly double Distance(double value)
    {
        var distance = value - _origin;
        return double.IsNaN(distance) ? 1e30 : Math.Clamp(distance, -1e30, 1e30);
    }

    internal const int Bytes = (8 * 8) + 4;

    internal readonly void Write(ref StateWriter state)
    {
        state.Double(_origin);
        state.Double(_last);
        state.Double(_mean);
        state.Double(_squares);
        state.Double(_products);
        state.Double(_short);
        state.Double(_shortMean);
        state.Double(_shortSquares);
        state.Int32(_seen);
    }

    internal static Departure Read(ref StateReader state) => new()
    {
        _origin = state.Double(),
        _last = state.Double(),
        _mean = state.Double(),
        _squares = state.Double(),
        _products = state.Double(),
        _short = state.Double(),
        _shortMean = state.Double(),
        _shortSquares = state.Double(),
        _seen = state.Int32(),
    };
}
