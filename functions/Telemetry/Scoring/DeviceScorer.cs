namespace Serverless.Telemetry.Scoring;

/// <summary>Everything the pipeline knows about one device: its pace, its habits a metric, and how its metrics belong together.</summary>
/// <remarks>A view of the device's bytes (<see cref="DeviceMemory"/>), made for a message and gone after it. Deterministic; no clock, no
/// randomness, no allocation. Not safe for concurrent use.</remarks>
public readonly ref partial struct DeviceScorer
{
    /// <summary>Most findings one message can have.</summary>
    public const int FindingsMax = 8;

    private const double Bound = 1e30;
    private const long TimeMin = 0, TimeMax = 253_402_300_799_999; // 1970 to the end of the year 9999: a hostile time must not overflow
    private const double ReluctantTrust = 0.02; // how little a value beyond its limit teaches
    private const float ToleranceKept = 0.9999f;
    private const double ExplainedWithin = 4; // of the usual size of what is unexplained
    private const double RoughlyWithin = 0.2;
    private const int DistrustFor = 30, UnusualMost = 1000, HoldAtMost = 160;
    private const int LongOver = 256, LongMost = 20;

    private readonly ref DeviceHead _head;
    private readonly Span<MetricState> _metrics;
    private readonly Relation _relation; // of no meaning where there is one metric: it has nothing to be related to
    private readonly DeviceLimits _limits;

    /// <summary>Looks at a device.</summary>
    /// <param name="memory">Its bytes: begun by <see cref="DeviceMemory.Begin"/>, or copied from a store and found sound by
    /// <see cref="DeviceMemory.Check"/>. Changed in place.</param>
    /// <param name="limits">When to speak up; not part of the state.</param>
    public DeviceScorer(Span<byte> memory, DeviceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        _head = ref DeviceMemory.Head(memory);
        _metrics = DeviceMemory.Metrics(memory);
        if (_metrics.Length > 1) _relation = new Relation(_metrics.Length, DeviceMemory.RelationOf(memory));
        _limits = limits;
    }

    /// <summary>When, unless it is heard before, the device counts as silent; Unix milliseconds. <see cref="long.MaxValue"/> during
    /// warm-up and once its silence was told.</summary>
    public long DueMs => _head.DueMs == 0 ? long.MaxValue : _head.DueMs;

    /// <summary>Whether its values are judged yet. Before that the answer is "not yet", which is not "normal".</summary>
    public bool Warm => _head.Learned >= _limits.WarmUp;

    /// <summary>Messages learned.</summary>
    public int Learned => _head.Learned;

    /// <summary>Usual time between messages in milliseconds; 0 before the second.</summary>
    public double GapMs => _head.Cadence.GapMs;

    /// <summary>What a metric has shown so far, as its range is held now, in its own unit; for a counter, the range of its steps.</summary>
    /// <param name="metric">Index of the metric.</param>
    public (double Low, double High) Range(int metric)
    {
        ref readonly var m = ref _metrics[metric];
        var origin = m.Counts != 0 ? 0 : m.Origin;
        return (origin + m.Value.Low, origin + m.Value.High);
    }

    /// <summary>When the newest message was sent, Unix milliseconds; 0 before the first.</summary>
    public long LastSentMs => _head.Cadence.LastMs;

    /// <summary>Asks whether the device is silent, given the time its partition has reached.</summary>
    /// <param name="nowMs">Newest time seen on the partition.</param>
    /// <param name="finding">The silence, once a silence.</param>
    public bool Silent(long nowMs, out Finding finding)
    {
        finding = default;
        nowMs = Math.Clamp(nowMs, TimeMin, TimeMax);
        if (nowMs < DueMs) return false;
        ref var cadence = ref _head.Cadence;
        var limit = (_head.DueMs - cadence.HeardMs) / cadence.GapMs;
        finding = new(FindingKind.Silence, -1, nowMs, cadence.HeardMs + (long)cadence.GapMs, (nowMs - cadence.HeardMs) / cadence.GapMs,
            limit, nowMs - cadence.HeardMs, 0, limit * cadence.GapMs);
        _head.DueMs = 0;
        return true;
    }

    /// <summary>Nothing is expected of the device any more, until it is heard again.</summary>
    public void Rest() => _head.DueMs = 0;

    /// <summary>The device was heard, though what it said is not for scoring: it is not silent.</summary>
    /// <param name="heardMs">When the hub took the message in.</param>
    /// <param name="silentAfter">Usual gaps without a message after which it counts as silent.</param>
    /// <returns>The gap since it was heard before, in usual gaps; 0 while the pace is not known.</returns>
    public double Heard(long heardMs, double silentAfter)
    {
        ref var cadence = ref _head.Cadence;
        var gap = cadence.Hear(Math.Clamp(heardMs, TimeMin, TimeMax));
        _head.DueMs = cadence.Warm ? cadence.HeardMs + (long)Math.Clamp(silentAfter * cadence.GapMs, 1, 9e15) : 0;
        return gap;
    }

    /// <summary>Judges how a message came, and learns that; its values are not looked at. For messages refused because of their order or rate.</summary>
    /// <param name="arrival">How it came.</param>
    /// <param name="findings">Room for <see cref="FindingsMax"/>.</param>
    /// <returns>How many findings.</returns>
    public int Arrive(in Arrival arrival, Span<Finding> findings)
    {
        var found = 0;
        Arrive(arrival with { SentMs = Math.Clamp(arrival.SentMs, TimeMin, TimeMax) }, findings, ref found, out _);
        return found;
    }

    private ArrivalFinding Arrive(in Arrival arrival, Span<Finding> findings, ref int found, out double steps)
    {
        ref var cadence = ref _head.Cadence;
        var (atMs, sequence) = (arrival.SentMs, arrival.Sequence);
        var finding = cadence.Score(atMs, sequence);
        var speed = cadence.Speed(atMs);
        if (finding == ArrivalFinding.Clone) Raise(new(FindingKind.Clone, -1, atMs, atMs, 2, 1, sequence, 0, 0), findings, ref found);
        if (finding == ArrivalFinding.Flood) Raise(new(FindingKind.Flood, -1, atMs, atMs, speed, 2.8, speed, 0, 2.8), findings, ref found);
        steps = cadence.Warm ? 1 / Math.Min(1, speed) : 1;
        cadence.Learn(atMs, sequence);
        if (finding != ArrivalFinding.None) _head.Distrust = DistrustFor;
        return finding;
    }

    /// <summary>Judges one message and learns it.</summary>
    /// <param name="arrival">How it came.</param>
    /// <param name="values">One value a metric; NaN where the message has none, an infinity for what is not a number.</param>
    /// <param name="findings">Room for <see cref="FindingsMax"/>.</param>
    /// <returns>How many findings.</returns>
    public int Observe(in Arrival arrival, ReadOnlySpan<double> values, Span<Finding> findings)
    {
        var atMs = Math.Clamp(arrival.SentMs, TimeMin, TimeMax);
        var found = 0;
        if (_head.Learned == 0) _head.FirstMs = atMs;
        var habit = _head.Learned >= _limits.HabitAfter && (double)atMs - _head.FirstMs >= _limits.HabitAfterMs;
        Arrive(arrival with { SentMs = atMs }, findings, ref found, out var steps);

        ref var echo = ref _head.Echo;
        echo.Learn(Echo.HashOf(values));
        if (echo.Heard) Raise(new(FindingKind.Replay, -1, atMs, Ago(atMs, echo.Run), echo.Run, echo.Allowed, echo.Run, 0, echo.Allowed), findings, ref found);

        // What two sources, a recording or a flood say about values belongs to nobody: it is neither judged nor learned.
        if (echo.Heard) _head.Distrust = DistrustFor;
        if (steps > 2.5) _head.Hold = (ushort)Math.Min(HoldAtMost, steps);
        if (_head.Distrust > 0)
        {
            _head.Distrust--;
            _head.Hold = HoldAtMost;
            return found;
        }

        if (arrival.Bytes > 0) Sized(arrival.Bytes, habit, atMs, findings, ref found);
        Span<double> distances = stackalloc double[Relation.MetricsMax];
        Span<double> residuals = stackalloc double[Relation.MetricsMax];
        Span<double> excesses = stackalloc double[Relation.MetricsMax];
        var whole = true;
        for (var i = 0; i < _metrics.Length; i++) whole &= Value(i, habit, atMs, steps, values[i], distances, out excesses[i], findings, ref found);
        if (!whole) return found;

        distances = distances[.._metrics.Length];
        var hold = _head.Hold;
        var related = _metrics.Length > 1 && _relation.Seen >= Relation.WarmUp && hold == 0;
        if (related) _relation.Residuals(atMs, distances, residuals);
        if (Warm)
        {
            for (var i = 0; i < _metrics.Length; i++)
            {
                if (excesses[i] > _limits.Spike && !(related && Explained(_metrics[i], residuals[i], distances[i])))
                    whole &= Outlying(i, atMs, excesses[i], values[i], findings, ref found);
            }
        }

        if (!whole) return found;
        if (_head.Learned < int.MaxValue) _head.Learned++;
        if (_metrics.Length == 1) return found;

        var trusted = true;
        if (related)
        {
            for (var i = 0; i < _metrics.Length; i++)
            {
                if (!double.IsNaN(values[i])) trusted &= Related(i, habit, _relation.Seen - Relation.WarmUp, atMs, residuals[i], distances[i], values[i], findings, ref found);
            }
        }

        _relation.Learn(atMs, distances, hold > 0 && habit ? 0 : trusted ? 1 : ReluctantTrust, hold == HoldAtMost ? HoldAtMost : steps);
        if (hold > 0) _head.Hold--;
        return found;
    }

    // When the message so many before this one came, at the usual pace.
    private long Ago(long atMs, int messages) => Math.Max(0, atMs - (long)Math.Min(9e15, messages * _head.Cadence.GapMs));

    /// <summary>One alert a kind, however long the trouble lasts: it is over when nothing of the kind was seen for the quiet time.</summary>
    private void Raise(in Finding finding, Span<Finding> findings, ref int found)
    {
        ref var until = ref _head.Quiet[(int)finding.Kind];
        var at = (uint)Math.Min(uint.MaxValue, finding.AtMs / 1000);
        var silent = at < until;
        until = Math.Max(until, (uint)Math.Min(uint.MaxValue, (finding.AtMs + _limits.QuietMs) / 1000));
        if (!silent && found < findings.Length) findings[found++] = finding;
    }
}
