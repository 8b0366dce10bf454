namespace Serverless.Telemetry.Scoring;

public readonly ref partial struct DeviceScorer
{
    /// <summary>The metric alone: garbage, spikes, long excursions, stuck readings. False where the value must not teach the others.</summary>
    private bool Value(int i, bool habit, long atMs, double steps, double value, Span<double> distances, out double excess, Span<Finding> findings, ref int found)
    {
        ref var m = ref _metrics[i];
        excess = 0;
        if (double.IsNaN(value))
        {
            // A metric that is not in every message goes on as it was: to its relatives that is the best guess there is.
            distances[i] = m.Counts != 0 ? 0 : m.Last;
            return true;
        }

        if (!double.IsFinite(value))
        {
            if (m.Seen >= Records.WarmUp) Raise(new(FindingKind.Fuzz, i, atMs, atMs, double.PositiveInfinity, 1, value, m.Value.Low + m.Origin, m.Value.High + m.Origin), findings, ref found);
            return false;
        }
        if (m.Seen == 0 || (m.Seen < Records.WarmUp && Math.Abs(value - m.Origin) > Bound)) m = new MetricState { Origin = value };
        var distance = Math.Clamp(value - m.Origin, -Bound, Bound);
        m.Stillness.Learn(value);
        if (m.Stillness.Stuck)
            Raise(new(value == 0 ? FindingKind.Flatline : FindingKind.Stuck, i, atMs, Ago(atMs, m.Stillness.Run), m.Stillness.Run, m.Stillness.Allowed, value, 0, m.Stillness.Allowed), findings, ref found);

        var move = m.Seen == 0 ? 0 : distance - m.Last;
        if (move != 0) m.Step = (float)Math.Min(Bound, m.Step > 0 ? Math.Min(m.Step * 1.01, Math.Abs(move)) : Math.Abs(move));
        if (move > 0) m.Rises++;
        else if (move < 0) m.Falls++;
        // Halved together, so that what is a share of what stays so however long the device lives.
        if (m.Rises > 1 << 20 || m.Falls > 1 << 20) (m.Rises, m.Falls, m.Seen) = (m.Rises / 2, m.Falls / 2, m.Seen / 2);
        m.Last = distance;
        // A counter is judged by its pace: where it stands only says how long it has counted.
        var counts = m.Rises > 100 && m.Rises > m.Seen / 3 && m.Falls < m.Rises / 100;
        if (counts) distance = move / Math.Max(1, steps);
        if (counts != (m.Counts != 0)) (m.Counts, m.Value, m.Seen) = (counts ? 1 : 0, default, 0);
        distances[i] = counts ? 0 : distance;
        // A metric that has never moved has no scale but its own size.
        excess = m.Value.Excess(distance, m.Seen, m.Step > 0 ? 2 * m.Step : 0.05 * Math.Abs(value));
        var warm = _head.Learned >= _limits.WarmUp;
        // After a pause a counter catches up in one step.
        if (counts && _head.Hold > 0) excess = 0;
        if (excess <= 0) m.Outside = 0;
        else if (m.Outside < int.MaxValue) m.OutsideSince = m.Outside++ == 0 ? atMs : m.OutsideSince;
        if (warm && excess > _limits.Fuzz)
            Raise(new(FindingKind.Fuzz, i, atMs, m.OutsideSince, excess, _limits.Spike, value, m.Value.Low + m.Origin, m.Value.High + m.Origin), findings, ref found);
        if (!counts || _head.Hold == 0) m.Value.Learn(distance, m.Seen, stretch: habit ? _limits.Reluctance : Records.Stretch);
        if (m.Seen < int.MaxValue) m.Seen++;
        return excess <= _limits.Fuzz || !warm;
    }

    /// <summary>Whether the other metrics expect a value where it is, however new that place is: then the device does something new, not the metric.</summary>
    private static bool Explained(in MetricState m, double residual, double distance)
    {
        // Where nothing was ever learned, relatives say roughly where the metric must be: a fifth of the way it went beyond its range may be left over.
        var beyond = Math.Max(distance - m.Value.High, m.Value.Low - distance);
        return Math.Abs(residual) < Math.Max(ExplainedWithin * NoiseAt(m, residual, distance), RoughlyWithin * beyond);
    }

    private static double NoiseAt(in MetricState m, double residual, double distance)
    {
        var position = Position(m, residual, distance);
        return m.Noise.At(position) + m.Step + 1e-30;
    }

    // Where in the metric's range its relatives expect it.
    private static double Position(in MetricState m, double residual, double distance) =>
        (distance - residual - m.Value.Low) / (m.Value.High - m.Value.Low + m.Step + 1e-30);

    /// <summary>A value beyond its range that nothing explains. Always false: it must not teach the others.</summary>
    private bool Outlying(int i, long atMs, double excess, double value, Span<Finding> findings, ref int found)
    {
        ref var m = ref _metrics[i];
        var kind = m.Outside > 3 ? FindingKind.Drift : FindingKind.Spike;
        Raise(new(kind, i, atMs, m.OutsideSince, excess, _limits.Spike, value, m.Value.Low + m.Origin, m.Value.High + m.Origin), findings, ref found);
        return false;
    }

    /// <summary>The metric given the others: what each leaves unexplained, over 8, over 64 and over 256 readings.</summary>
    private bool Related(int i, bool habit, int seen, long atMs, double residual, double distance, double value, Span<Finding> findings, ref int found)
    {
        ref var m = ref _metrics[i];
        var position = Position(m, residual, distance);
        var unusual = Math.Clamp(residual / NoiseAt(m, residual, distance), -UnusualMost, UnusualMost);
        m.Fast = (float)Average.After(m.Fast, unusual, 1 / 8.0, seen);
        m.Slow = (float)Average.After(m.Slow, unusual, 1 / 64.0, seen);
        m.Long = (float)Average.After(m.Long, Math.Clamp(unusual, -LongMost, LongMost), 1.0 / LongOver, seen);
        var fast = m.FastResidual.Excess(m.Fast, seen, 1);
        var slow = m.SlowResidual.Excess(m.Slow, seen, 1);
        var far = seen < 2 * LongOver ? 0 : m.LongResidual.Excess(m.Long, seen, 0.5);
        // Who cried wolf has to cry louder for a while: what recurs on a device is its way of life, and the budget is for news.
        m.Tolerance *= ToleranceKept;
        var patience = (1 + m.Tolerance) * _limits.Patience;
        // What one metric leaves unexplained its relatives leave too: an alert about one is about them all.
        if (_head.Learned < _head.SameUntil) patience *= _limits.SameTimes;
        var windows = (seen + 1.0) / LongOver;
        var (fastLimit, slowLimit, longLimit) = (_limits.Fast * patience, _limits.Slow * patience, _limits.Long * patience * (1 + (_limits.Inexperience / windows)));
        if (_head.Learned >= _limits.WarmUp)
        {
            var before = found;
            if (fast > fastLimit) Raise(new(FindingKind.Correlation, i, atMs, atMs, fast, fastLimit, value, m.FastResidual.Low, m.FastResidual.High), findings, ref found);
            if (slow > slowLimit) Raise(new(FindingKind.Drift, i, atMs, atMs, slow, slowLimit, value, m.SlowResidual.Low, m.SlowResidual.High), findings, ref found);
            if (far > longLimit) Raise(new(FindingKind.Drift, i, atMs, atMs, far, longLimit, value, m.LongResidual.Low, m.LongResidual.High), findings, ref found);
            if (found > before)
            {
                m.Tolerance += (float)_limits.Tolerance;
                _head.SameUntil = (int)Math.Min(int.MaxValue, (long)_head.Learned + _limits.SameFor);
            }
        }
        // What was left unexplained before the relation was learned well is forgotten as fast as it is outnumbered.
        var leak = seen < 500 ? Math.Max(_limits.Leak, Math.Min(0.02, 1.0 / (seen + 1))) : _limits.Leak;
        var strange = _head.Learned >= _limits.WarmUp && (fast > _limits.Fast * _limits.Patience || slow > _limits.Slow * _limits.Patience);
        var stretch = habit ? _limits.Reluctance : Records.Stretch;
        m.FastResidual.Learn(m.Fast, seen, leak, stretch);
        m.SlowResidual.Learn(m.Slow, seen, leak, stretch);
        m.LongResidual.Learn(m.Long, seen, leak, stretch);
        if (!strange) m.Noise.Learn(position, residual);
        return !habit || (fast <= 0 && slow <= 0);
    }
}
