using System.Text;
using Serverless.Telemetry.Alerts;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Anomalies;

/// <summary>Scores a partition's devices, event after event, and says what follows.</summary>
/// <remarks>
/// Like the rule it is part of, a function of the events and the state: no clock, no I/O, and batches make no difference. Values are judged
/// only of accepted events that are not older than the newest accepted one; events refused because of their order or rate tell of clones
/// and floods; any event of a device at all says that it is not silent. Not thread-safe.
/// </remarks>
internal sealed class ScoreRule
{
    private readonly PartitionState _state;
    private readonly ScoresColumn _column;
    private readonly ConnectsColumn _connects;
    private readonly SilenceWatch _watch;
    private readonly string _partition, _source;
    private readonly double[] _values = new double[Relation.MetricsMax];
    private readonly Finding[] _findings = new Finding[DeviceScorer.FindingsMax];
    private readonly double _silenceBudget;

    /// <summary>Begins where the state stands.</summary>
    /// <param name="state">The partition's state.</param>
    /// <param name="column">Its scores.</param>
    /// <param name="connects">How often its devices connect.</param>
    /// <param name="partition">Partition of hub <c>telemetry</c>.</param>
    /// <param name="source">CloudEvents source of the alerts.</param>
    public ScoreRule(PartitionState state, ScoresColumn column, ConnectsColumn connects, string partition, string source)
    {
        (_state, _column, _connects, _partition, _source) = (state, column, connects, partition, source);
        _watch = new SilenceWatch(state.Devices);
        _silenceBudget = column.Limits.AlertsPerDeviceDay * column.Limits.SilenceShare;
        for (var slot = 0; slot < state.Devices.Count; slot++)
        {
            var memory = column[slot];
            if (!memory.IsEmpty) _watch.Expect(slot, new DeviceScorer(memory, column.Limits).DueMs);
        }
    }

    /// <summary>Moves the partition's time on, and tells whose silence has become due. Doing so twice is doing it once.</summary>
    /// <param name="at">When the hub took the newest event in.</param>
    /// <param name="sequence">That event's sequence number.</param>
    /// <param name="outcome">Takes the alerts.</param>
    public void Advance(DateTimeOffset at, long sequence, BatchOutcome outcome)
    {
        var now = at.ToUnixTimeMilliseconds();
        if (now <= _column.NowMs) return;
        _column.NowMs = now;
        while (_watch.TryTake(now, out var slot))
        {
            var memory = _column[slot];
            if (memory.IsEmpty) continue;
            var scorer = new DeviceScorer(memory, _column.Limits);
            if (scorer.Silent(now, out var silence))
            {
                Tell(silence, slot, at, sequence, ScoredMetrics.None, outcome);
                _state.MarkChanged(slot);
            }

            _watch.Expect(slot, scorer.DueMs);
        }
    }

    /// <summary>Scores one judged event of a device.</summary>
    /// <param name="slot">The device.</param>
    /// <param name="e">The event.</param>
    /// <param name="verdict">What became of it.</param>
    /// <param name="profile">The profile it was judged by; without one nothing can be scored.</param>
    /// <param name="readings">What it said.</param>
    /// <param name="outcome">Takes the alerts.</param>
    public void Observe(int slot, in TelemetryEvent e, in Verdict verdict, Profile? profile, Readings readings, BatchOutcome outcome)
    {
        if (profile is null) return;
        var metrics = ScoredMetrics.Of(profile);
        if (metrics.Count == 0) return;
        var memory = _column[slot];
        if (memory.IsEmpty)
        {
            if (!verdict.Accepted) return;
            if (_column.TryGroup(_state.Bindings[slot], out var group)) _column.PeersOf(group).Join();
        }

        // A device made anew under its id, or whose profile scores other metrics now, is another device to the scorer.
        if (memory.IsEmpty || DeviceMemory.ShapeOf(memory) != metrics.Shape || (verdict.Notes & VerdictNotes.GenerationChanged) != 0)
        {
            memory = _column.Begin(slot, metrics.Count, metrics.Shape);
        }

        var scorer = new DeviceScorer(memory, _column.Limits);
        var heard = e.EnqueuedAt.ToUnixTimeMilliseconds();
        ref var punctuality = ref _column.Punctuality;
        var gap = scorer.Heard(heard, punctuality.SilentAfter(_silenceBudget));
        if (gap > 0) punctuality.Learn(gap, scorer.GapMs);
        var found = Look(scorer, metrics, new Arrival(readings.SentAt.ToUnixTimeMilliseconds(), heard, readings.Sequence, e.Body.Length), verdict, readings);
        if (found == 0 && Accepts(verdict)) found = Compare(scorer, slot, metrics, readings.SentAt.ToUnixTimeMilliseconds());
        for (var i = 0; i < found; i++) Tell(_findings[i], slot, e.EnqueuedAt, e.SequenceNumber, metrics, outcome);
        _watch.Expect(slot, scorer.DueMs);
    }

    /// <summary>Counts a connect of a device.</summary>
    /// <param name="slot">The device.</param>
    /// <param name="number">Which connect it is.</param>
    /// <param name="at">When the hub took the event in.</param>
    /// <param name="sequence">That event's sequence number.</param>
    /// <param name="outcome">Takes the alert.</param>
    public void Connected(int slot, in Reconnects.Number number, DateTimeOffset at, long sequence, BatchOutcome outcome)
    {
        ref var connects = ref _connects[slot];
        if (!connects.IsNew(number, at.ToUnixTimeMilliseconds())) return;
        if (connects.Observe(number, at.ToUnixTimeMilliseconds(), _column.Limits, out var finding)) Tell(finding, slot, at, sequence, ScoredMetrics.None, outcome);
        _state.MarkChanged(slot);
    }

    /// <summary>The device was deleted or ended: nobody waits for it, and who gets its id connects by habits of his own.</summary>
    public void Rest(int slot)
    {
        _connects.Clear(slot);
        var memory = _column[slot];
        if (!memory.IsEmpty) new DeviceScorer(memory, _column.Limits).Rest();
    }

    private int Look(DeviceScorer scorer, ScoredMetrics metrics, in Arrival arrival, in Verdict verdict, Readings readings)
    {
        if (verdict.Accepted)
        {
            if (!Accepts(verdict)) return 0;
            metrics.Pick(readings, _values);
            return scorer.Observe(arrival, _values.AsSpan(0, metrics.Count), _findings);
        }

        // Sent later than anything before, but with a number used before: a redelivery would be as old as its original.
        return verdict.Fault!.Code is "sequence-replayed" or "sequence-stale" or "rate-exceeded" && arrival.SentMs > scorer.LastSentMs
            ? scorer.Arrive(arrival, _findings)
            : 0;
    }

    private static bool Accepts(in Verdict verdict) => verdict.Accepted && (verdict.Notes & VerdictNotes.OutOfOrder) == 0;

    // The values are those just judged; a message that was found wrong teaches its peers nothing.
    private int Compare(DeviceScorer scorer, int slot, ScoredMetrics metrics, long sentMs)
    {
        if (!_column.TryGroup(_state.Bindings[slot], out var group)) return 0;
        return scorer.Compare(ref _column.ValuesOf(group), _column.PeersOf(group).Devices, sentMs, _values.AsSpan(0, metrics.Count), out _findings[0]) ? 1 : 0;
    }

    private void Tell(in Finding finding, int slot, DateTimeOffset at, long sequence, ScoredMetrics metrics, BatchOutcome outcome)
    {
        var profile = _state.Names[_state.Bindings[slot]];
        var verdict = PeerVerdict.Device;
        var (showing, devices, measure) = (1, 1, default(PeerQuartiles?));
        if (profile.Length != 0 && _column.TryGroup(_state.Bindings[slot], out var group))
        {
            ref var peers = ref _column.PeersOf(group);
            verdict = peers.Ask(finding.Kind, finding.Metric, _column.NowMs, _column.Limits.AlertsPerDeviceDay, out showing);
            devices = peers.Devices;
            if (finding.Metric >= 0 && _column.ValuesOf(group).TryQuartiles(finding.Metric, out var low, out var middle, out var high)) measure = new(low, middle, high);
        }

        if (verdict == PeerVerdict.Told) return;
        var name = metrics.Name(finding.Metric);
        var alert = new Alert
        {
            Kind = AnomalyKinds.Of(finding.Kind),
            Source = _source,
            Subject = Encoding.UTF8.GetString(_state.Devices.Id(slot)),
            At = at,
            Partition = _partition,
            Sequence = sequence,
            Profile = profile,
            Cause = name,
            Anomaly = new Anomaly(finding, name, Explanation.Of(finding, name), showing, devices, measure),
        };
        outcome.Raise(verdict == PeerVerdict.Device ? alert : alert with { Kind = AnomalyKinds.Fleet, Subject = profile, Cause = $"{finding.Kind}\n{name}" });
    }
}
