using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>What each metric of a device should be, given the others: a regression on them, on their recent past and on the hour.</summary>
/// <remarks>
/// An exponentially weighted covariance of the metrics, of a trailing mean of each (heat follows current, a level follows a flow) and
/// of the first harmonic of the day. A metric is regressed on everything but itself and its own past, because a metric explains its
/// own drift only too well. Every 64 readings the normal equations are solved by Cholesky with a small ridge. Learning clips what is
/// farther than eight standard deviations, so an attack does not teach. The order of metrics does not matter.
/// For m metrics, d = 2m + 2: d means, d(d+1)/2 covariances, m·d coefficients. A view of its caller's memory; not safe for concurrent use.
/// </remarks>
public readonly ref struct Relation
{
    /// <summary>Most metrics related to each other; further ones are judged alone.</summary>
    public const int MetricsMax = 8;

    /// <summary>Readings before a residual means anything.</summary>
    public const int WarmUp = 200;

    private const double Rate = 1 / 4000.0, TrailRate = 1 / 48.0, Clip = 8;
    // Two metrics that say the same, averaged, are one column twice: below this their coefficients grow huge with opposite signs and mean nothing (two
    // tanks of the fleet benchmark). It is also more than what rounding does to a covariance of floats in 4000 steps (3e-8 of it a step, about 2e-6).
    private const double Ridge = 1e-5;
    private const int SolveEvery = 64;

    private readonly int _metrics, _size;
    private readonly ref int _seen;
    private readonly Span<double> _means, _trail;
    private readonly Span<float> _coefficients;
    private readonly Span<float> _covariance; // lower triangle, row after row; a float holds a variance about its mean well enough

    /// <summary>Looks at a relation's memory; all zeros is one that knows nothing yet.</summary>
    /// <param name="metrics">1 to <see cref="MetricsMax"/>.</param>
    /// <param name="memory"><see cref="BytesOf"/> bytes, owned by the caller.</param>
    public Relation(int metrics, Span<byte> memory)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(metrics, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(metrics, MetricsMax);
        (_metrics, _size) = (metrics, (2 * metrics) + 2);
        _seen = ref MemoryMarshal.AsRef<int>(memory);
        var doubles = MemoryMarshal.Cast<byte, double>(memory.Slice(8, 8 * (_size + metrics)));
        _means = doubles[.._size];
        _trail = doubles[_size..];
        var floats = MemoryMarshal.Cast<byte, float>(memory[(8 + (8 * (_size + metrics)))..]);
        _coefficients = floats[..(metrics * _size)];
        _covariance = floats[(metrics * _size)..];
    }

    /// <summary>Readings learned.</summary>
    public int Seen => _seen;

    /// <summary>Writes each metric less its expectation into <paramref name="residuals"/>; nothing is learned.</summary>
    /// <param name="atMs">Unix time in milliseconds.</param>
    /// <param name="values">Finite values within ±1e30, one a metric.</param>
    /// <param name="residuals">As many.</param>
    public void Residuals(long atMs, ReadOnlySpan<double> values, Span<double> residuals)
    {
        Span<double> deviations = stackalloc double[(2 * MetricsMax) + 2];
        Deviations(atMs, values, deviations);
        deviations[.._metrics].CopyTo(residuals);
        // A coefficient holds where it was learned: what a metric never showed says no more of its relatives than the farthest it did show.
        // The first Monday of a device first heard on a weekend is such a day.
        Clipped(deviations);
        for (var i = 0; i < _metrics; i++)
        {
            var expected = 0.0;
            var row = _coefficients.Slice(i * _size, _size);
            for (var j = 0; j < row.Length; j++) expected += row[j] * deviations[j];
            residuals[i] -= expected;
        }
    }

    /// <summary>Learns a reading.</summary>
    /// <param name="atMs">Unix time in milliseconds.</param>
    /// <param name="values">Finite values within ±1e30, one a metric.</param>
    /// <param name="trust">Share of the usual weight, in [0, 1]: what looks like an attack teaches little.</param>
    /// <param name="steps">Usual intervals since the reading before: after a pause the recent past counts for less.</param>
    public void Learn(long atMs, ReadOnlySpan<double> values, double trust = 1, double steps = 1)
    {
        Span<double> deviations = stackalloc double[(2 * MetricsMax) + 2];
        if (_seen == 0) values[.._metrics].CopyTo(_trail);
        Deviations(atMs, values, deviations);
        var weight = Math.Max(Rate, 1.0 / (_seen + 1)) * trust;
        if (_seen >= WarmUp) Clipped(deviations);
        for (var i = 0; i < _size; i++)
        {
            _means[i] += weight * deviations[i];
            var row = At(i, 0);
            for (var j = 0; j <= i; j++)
                _covariance[row + j] = Narrow((1 - weight) * (_covariance[row + j] + (weight * deviations[i] * deviations[j])));
        }
        var fresh = steps <= 1.5 ? TrailRate : 1 - Math.Pow(1 - TrailRate, steps);
        for (var i = 0; i < _metrics; i++) _trail[i] += fresh * (values[i] - _trail[i]);
        if (_seen < int.MaxValue) _seen++;
        if (_seen >= WarmUp / 2 && _seen % SolveEvery == 0) Solve();
    }

    private void Clipped(Span<double> deviations)
    {
        for (var i = 0; i < _size; i++)
        {
            var most = Clip * Clip * _covariance[At(i, i)];
            if (deviations[i] * deviations[i] > most) deviations[i] = Math.CopySign(Math.Sqrt(most), deviations[i]);
        }
    }

    // Values of ±1e30 have squares that no float holds: what is that far off is as far off as can be.
    private static float Narrow(double value) => (float)Math.Clamp(value, -1e37, 1e37);

    private static int At(int row, int column) => (row * (row + 1) / 2) + column;

    private void Deviations(long atMs, ReadOnlySpan<double> values, Span<double> deviations)
    {
        const double PerMs = Math.Tau / 86_400_000;
        for (var i = 0; i < _metrics; i++)
        {
            deviations[i] = values[i] - _means[i];
            deviations[_metrics + i] = _trail[i] - _means[_metrics + i];
        }
        var (sin, cos) = Math.SinCos(atMs % 86_400_000 * PerMs);
        deviations[_size - 2] = sin - _means[_size - 2];
        deviations[_size - 1] = cos - _means[_size - 1];
    }

    /// <summary>Regresses each metric on all but itself and its own past.</summary>
    private void Solve()
    {
        const int Most = (2 * MetricsMax) + 2;
        Span<int> chosen = stackalloc int[Most];
        Span<double> factor = stackalloc double[Most * Most];
        Span<double> right = stackalloc double[Most];
        for (var target = 0; target < _metrics; target++)
        {
            var n = 0;
            for (var j = 0; j < _size; j++)
                if (j != target && j != _metrics + target && _covariance[At(j, j)] > 0) chosen[n++] = j;
            var row = _coefficients.Slice(target * _size, _size);
            row.Clear();
            if (_covariance[At(target, target)] <= 0) continue;

            // Scaled to unit variance, so that the ridge means the same for a voltage and for a counter.
            for (var a = 0; a < n; a++)
            {
                var scaleA = Math.Sqrt(_covariance[At(chosen[a], chosen[a])]);
                for (var b = 0; b <= a; b++)
                {
                    var sum = _covariance[At(chosen[a], chosen[b])] / scaleA / Math.Sqrt(_covariance[At(chosen[b], chosen[b])]);
                    if (a == b) sum += Ridge;
                    for (var k = 0; k < b; k++) sum -= factor[(a * Most) + k] * factor[(b * Most) + k];
                    factor[(a * Most) + b] = a == b ? Math.Sqrt(Math.Max(sum, Ridge)) : sum / factor[(b * Most) + b];
                }
                right[a] = _covariance[chosen[a] > target ? At(chosen[a], target) : At(target, chosen[a])] / scaleA;
            }
            for (var a = 0; a < n; a++)
            {
                for (var k = 0; k < a; k++) right[a] -= factor[(a * Most) + k] * right[k];
                right[a] /= factor[(a * Most) + a];
            }
            for (var a = n - 1; a >= 0; a--)
            {
                for (var k = a + 1; k < n; k++) right[a] -= factor[(k * Most) + a] * right[k];
                right[a] /= factor[(a * Most) + a];
            }
            for (var a = 0; a < n; a++) row[chosen[a]] = (float)(right[a] / Math.Sqrt(_covariance[At(chosen[a], chosen[a])]));
        }
    }

    /// <summary>Bytes it needs.</summary>
    /// <param name="metrics">1 to <see cref="MetricsMax"/>.</param>
    public static int BytesOf(int metrics)
    {
        var size = (2 * metrics) + 2;
        return 8 + (8 * size) + (8 * metrics) + (4 * metrics * size) + (4 * size * (size + 1) / 2);
    }
}
