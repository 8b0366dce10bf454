using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>Everything the pipeline knows about one device: its pace, its habits a metric, and how its metrics belong together.</summary>
/// <remarks>Deterministic; no clock, no randomness, no allocation after construction. Not safe for concurrent use.</remarks>
public sealed partial class DeviceScorer
{
    /// <summary>Most findings one message can have.</summary>
    public const int FindingsMax = 8;

    private const double Bound = 1e30;
    private const long TimeMin = 0, TimeMax = 253_402_300_799_999; // 1970 to the end of the year 9999: a hostile time must not overflow
    private const double ResidualLeak = 1e-4;
    private const double Reluctance = 0.003, ReluctantTrust = 0.02; // how little a value beyond its limit teaches
    private const double ToleranceKept = 0.9999;
    private const int DistrustFor = 30, UnusualMost = 1000, HoldAtMost = 96;

    private partial struct MetricState
    {
        public double Origin, Fast, Slow, Last, Step, Tolerance;
        public Records Value, FastResidual, SlowResidual;
        public Stillness Stillness;
        public NoiseByLevel Noise;
        public int Seen, Outside, Rises, Falls;
        public long OutsideSince;
        public bool Counts;
    }

    [InlineArray(10)]
    private struct Times { private long _first; }

    private readonly MetricState[] _metrics;
    private Relation? _relation; // one metric has nothing to be related to
    private readonly DeviceLimits _limits;
    private Cadence _cadence;
    private Echo _echo;
    private Times _quietUntil;
    private long _firstMs;
    private int _learned, _distrust, _hold;
    private bool _habit;

    /// <summary>A device that nothing is known about.</summary>
    /// <param name="metrics">How many metrics it sends, 1 to <see cref="Relation.MetricsMax"/>.</param>
    /// <param name="limits">When to speak up.</param>
    public DeviceScorer(int metrics, DeviceLimits limits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(metrics, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(metrics, Relation.MetricsMax);
        ArgumentNullException.ThrowIfNull(limits);
        _metrics = new MetricState[metrics];
        if (metrics > 1) _relation = new Relation(metrics);
        _limits = limits;
    }

    /// <summary>When, unless it is heard before, the device counts as silent; Unix milliseconds.</summary>
    public long DueMs => _cadence.DueMs;

    /// <summary>Asks whether the device is silent, given the time its partition has reached.</summary>
    /// <param name="nowMs">Newest time seen on the partition.</param>
    /// <param name="finding">The silence, once a silence.</param>
    public bool Silent(long nowMs, out Finding finding)
    {
        finding = default;
        nowMs = Math.Clamp(nowMs, TimeMin, TimeMax);
        if (nowMs < DueMs || nowMs < _quietUntil[(int)FindingKind.Silence]) return false;
        finding = new(FindingKind.Silence, -1, nowMs, _cadence.LastMs + (long)_cadence.GapMs, (nowMs - _cadence.LastMs) / _cadence.GapMs,
            Cadence.SilentAfter, nowMs - _cadence.LastMs, 0, Cadence.SilentAfter * _cadence.GapMs);
        _quietUntil[(int)FindingKind.Silence] = long.MaxValue;
        return true;
    }

    /// <summary>Judges one message and learns it.</summary>
    /// <param name="atMs">When it was sent, Unix milliseconds.</param>
    /// <param name="sequence">The device's counter.</param>
    /// <param name="values">One value a metric; NaN for what is not a number.</param>
    /// <param name="findings">Room for <see cref="FindingsMax"/>.</param>
    /// <returns>How many findings.</returns>
    public int Observe(long atMs, long sequence, ReadOnlySpan<double> values, Span<Finding> findings)
    {
        atMs = Math.Clamp(atMs, TimeMin, TimeMax);
        var found = 0;
        if (_learned == 0) _firstMs = atMs;
        _habit = _learned >= _limits.HabitAfter && (double)atMs - _firstMs >= _limits.HabitAfterMs;
        _quietUntil[(int)FindingKind.Silence] = 0;
        var arrival = _cadence.Score(atMs, sequence);
        if (arrival == ArrivalFinding.Clone) Raise(new(FindingKind.Clone, -1, atMs, atMs, 2, 1, sequence, 0, 0), findings, ref found);
        if (arrival == ArrivalFinding.Flood) Raise(new(FindingKind.Flood, -1, atMs, atMs, _cadence.Speed(atMs), 2.8, _cadence.Speed(atMs), 0, 2.8), findings, ref found);
        var steps = _cadence.Warm ? 1 / Math.Min(1, _cadence.Speed(atMs)) : 1;
        _cadence.Learn(atMs, sequence);

        _echo.Learn(Echo.HashOf(values));
        if (_echo.Heard) Raise(new(FindingKind.Replay, -1, atMs, atMs, _echo.Run, _echo.Allowed, _echo.Run, 0, _echo.Allowed), findings, ref found);

        // What two sources, a recording or a flood say about values belongs to nobody: it is neither judged nor learned.
        if (arrival != ArrivalFinding.None || _echo.Heard) _distrust = DistrustFor;
        if (steps > 2.5) _hold = (int)Math.Min(HoldAtMost, steps);
        if (_distrust > 0)
        {
            _distrust--;
            _hold = HoldAtMost;
            return found;
        }

        Span<double> distances = stackalloc double[Relation.MetricsMax];
        Span<double> residuals = stackalloc double[Relation.MetricsMax];
        var whole = true;
        for (var i = 0; i < _metrics.Length; i++) whole &= Value(i, atMs, steps, values[i], distances, findings, ref found);
        if (!whole) return found;
        if (_learned < int.MaxValue) _learned++;
        if (_relation is null) return found;

        distances = distances[.._metrics.Length];
        var trusted = true;
        if (_relation.Seen >= Relation.WarmUp && _hold == 0)
        {
            _relation.Residuals(atMs, distances, residuals);
            for (var i = 0; i < _metrics.Length; i++) trusted &= Related(i, _relation.Seen - Relation.WarmUp, atMs, residuals[i], distances[i], values[i], findings, ref found);
        }
        _relation.Learn(atMs, distances, _hold > 0 && _habit ? 0 : trusted ? 1 : ReluctantTrust, _hold == HoldAtMost ? HoldAtMost : steps);
        if (_hold > 0) _hold--;
        return found;
    }

    /// <summary>The metric alone: garbage, spikes, long excursions, stuck readings. False where the value must not teach the others.</summary>
    private bool Value(int i, long atMs, double steps, double value, Span<double> distances, Span<Finding> findings, ref int found)
    {
        ref var m = ref _metrics[i];
        if (!double.IsFinite(value))
        {
            if (m.Seen >= Records.WarmUp) Raise(new(FindingKind.Fuzz, i, atMs, atMs, double.PositiveInfinity, 1, value, m.Value.Low + m.Origin, m.Value.High + m.Origin), findings, ref found);
            return false;
        }
        if (m.Seen == 0 || (m.Seen < Records.WarmUp && Math.Abs(value - m.Origin) > Bound)) m = new MetricState { Origin = value };
        var distance = Math.Clamp(value - m.Origin, -Bound, Bound);
        m.Stillness.Learn(value);
        if (m.Stillness.Stuck)
            Raise(new(value == 0 ? FindingKind.Flatline : FindingKind.Stuck, i, atMs, atMs, m.Stillness.Run, m.Stillness.Allowed, value, 0, m.Stillness.Allowed), findings, ref found);

        var move = m.Seen == 0 ? 0 : distance - m.Last;
        if (move != 0) m.Step = m.Step > 0 ? Math.Min(m.Step * 1.01, Math.Abs(move)) : Math.Abs(move);
        if (move > 0) m.Rises++;
        else if (move < 0) m.Falls++;
        if (m.Rises > 1 << 20) (m.Rises, m.Falls) = (m.Rises / 2, m.Falls / 2);
        m.Last = distance;
        // A counter is judged by its pace: where it stands only says how long it has counted.
        var counts = m.Rises > 100 && m.Rises > m.Seen / 3 && m.Falls < m.Rises / 100;
        if (counts) distance = move / Math.Max(1, steps);
        if (counts != m.Counts) (m.Counts, m.Value, m.Seen) = (counts, default, 0);
        distances[i] = counts ? 0 : distance;
        // A metric that has never moved has no scale but its own size.
        var excess = m.Value.Excess(distance, m.Seen, m.Step > 0 ? 2 * m.Step : 0.05 * Math.Abs(value));
        var warm = _learned >= _limits.WarmUp;
        // After a pause a counter catches up in one step.
        if (counts && _hold > 0) excess = 0;
        if (excess > 0) m.OutsideSince = m.Outside++ == 0 ? atMs : m.OutsideSince;
        else m.Outside = 0;
        if (warm && excess > _limits.Spike)
        {
            var kind = excess > _limits.Fuzz ? FindingKind.Fuzz : m.Outside > 3 ? FindingKind.Drift : FindingKind.Spike;
            Raise(new(kind, i, atMs, m.OutsideSince, excess, _limits.Spike, value, m.Value.Low + m.Origin, m.Value.High + m.Origin), findings, ref found);
        }
        if (!counts || _hold == 0) m.Value.Learn(distance, m.Seen, stretch: _habit ? _limits.Reluctance : Records.Stretch);
        if (m.Seen < int.MaxValue) m.Seen++;
        return excess <= _limits.Spike || !warm;
    }

    /// <summary>The metric given the others: what each leaves unexplained, over 8 and over 64 readings.</summary>
    private bool Related(int i, int seen, long atMs, double residual, double distance, double value, Span<Finding> findings, ref int found)
    {
        ref var m = ref _metrics[i];
        var position = (distance - residual - m.Value.Low) / (m.Value.High - m.Value.Low + m.Step + 1e-30);
        var noise = m.Noise.At(position) + m.Step + 1e-30;
        var unusual = Math.Clamp(residual / noise, -UnusualMost, UnusualMost);
        m.Fast = Average.After(m.Fast, unusual, 1 / 8.0, seen);
        m.Slow = Average.After(m.Slow, unusual, 1 / 64.0, seen);
        var fast = m.FastResidual.Excess(m.Fast, seen, 1);
        var slow = m.SlowResidual.Excess(m.Slow, seen, 1);
        // Who cried wolf has to cry louder for a while: what recurs on a device is its way of life, and the budget is for news.
        m.Tolerance *= ToleranceKept;
        var fastLimit = _limits.Fast * (1 + m.Tolerance);
        var slowLimit = _limits.Slow * (1 + m.Tolerance);
        if (_learned >= _limits.WarmUp)
        {
            var before = found;
            if (fast > fastLimit) Raise(new(FindingKind.Correlation, i, atMs, atMs, fast, fastLimit, value, m.FastResidual.Low, m.FastResidual.High), findings, ref found);
            if (slow > slowLimit) Raise(new(FindingKind.Drift, i, atMs, atMs, slow, slowLimit, value, m.SlowResidual.Low, m.SlowResidual.High), findings, ref found);
            if (found > before) m.Tolerance += _limits.Tolerance;
        }
        // What was left unexplained before the relation was learned well is forgotten as fast as it is outnumbered.
        var leak = seen < 500 ? Math.Max(_limits.Leak, Math.Min(0.02, 1.0 / (seen + 1))) : _limits.Leak;
        var strange = _learned >= _limits.WarmUp && (fast > _limits.Fast || slow > _limits.Slow);
        var stretch = _habit ? _limits.Reluctance : Records.Stretch;
        m.FastResidual.Learn(m.Fast, seen, leak, stretch);
        m.SlowResidual.Learn(m.Slow, seen, leak, stretch);
        if (!strange) m.Noise.Learn(position, residual);
        return !_habit || (fast <= 0 && slow <= 0);
    }

    /// <summary>One alert a kind, however long the trouble lasts: it is over when nothing of the kind was seen for the quiet time.</summary>
    private void Raise(in Finding finding, Span<Finding> findings, ref int found)
    {
        ref var until = ref _quietUntil[(int)finding.Kind];
        var silent = finding.AtMs < until;
        until = Math.Max(until, finding.AtMs + _limits.QuietMs);
        if (!silent && found < findings.Length) findings[found++] = finding;
    }
}
