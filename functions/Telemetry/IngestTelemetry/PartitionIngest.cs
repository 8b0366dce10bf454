using Serverless.EventHubs;
using Serverless.Hosting;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.Rejections;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>Takes in one partition's batches, each event exactly once in effect.</summary>
/// <remarks>
/// What a batch goes through, and what a crash right after each step costs:
/// <list type="number">
/// <item><b>load</b>, on first use and after every failure: read the log. Nothing is lost: nothing was written.</item>
/// <item><b>claim</b>: from here on the owner before us can commit nothing. It may still have events on the wire, so we wait until
/// they have landed (<see cref="IngestSettings.TakeoverWait"/>). Costs the next loader the same wait.</item>
/// <item><b>read back</b>: find what was published behind the committed positions, for events that are not committed.</item>
/// <item><b>pin</b>, only when a profile is new or changed: its revision goes to the log before anything is judged by it. The next
/// loader judges by it too, and takes up newer revisions only behind the last event that could have been judged by this one.</item>
/// <item><b>decide</b>, in memory: no clock, no I/O. The next loader decides the same.</item>
/// <item><b>publish</b> accepted events and alerts, <b>file</b> refused ones, side by side: whatever part of it landed is found by
/// the next loader's read back, and left out.</item>
/// <item><b>commit</b>: state and sequence number, in one append. The batch, sent again, is skipped.</item>
/// <item>answer the host, which moves its checkpoint on.</item>
/// </list>
/// Any exception drops what is in memory, so the next try begins at the first step. Where to read back from is a position of each
/// hub's partitions, noted in the log as long as nothing uncommitted lies before it; no two clocks need agree.
/// <para>Thread-safe; batches of one partition wait for each other.</para>
/// </remarks>
internal sealed class PartitionIngest : IDisposable
{
    /// <summary>How much newer than the newest event known one may be that claims to be older, before the hub is taken to have
    /// started to count anew.</summary>
    private static readonly TimeSpan RecountMargin = TimeSpan.FromMinutes(1);

    private readonly PartitionStores _stores;
    private readonly IngestSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly EmptyState _empty;
    private readonly EventBatchSource _source;
    private readonly string _owner;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly BatchOutcome _outcome = new();
    private Owned? _owned;

    /// <summary>One partition.</summary>
    /// <param name="source">Which.</param>
    /// <param name="owner">Unlike that of any other process, past or present.</param>
    /// <param name="stores">What it reads and writes.</param>
    /// <param name="empty">Makes an empty state.</param>
    /// <param name="settings">Times.</param>
    /// <param name="clock">Waits and ages; no verdict depends on it.</param>
    /// <param name="log">Where to tell.</param>
    public PartitionIngest(EventBatchSource source, string owner, PartitionStores stores, EmptyState empty, IngestSettings settings, TimeProvider clock, ILogger log) =>
        (_source, _owner, _stores, _empty, _settings, _clock, _log) = (source, owner, stores, empty, settings, clock, log);

    /// <summary>Takes a batch in. Returning means that every event is accounted for, durably.</summary>
    /// <param name="batch">Events of this partition.</param>
    /// <param name="cancel">The host gave up. What was begun may land, and is found again.</param>
    /// <exception cref="Exception">An outage; the same events, in whatever batches, may be handed in again.</exception>
    public async Task<BatchSummary> Ingest(EventBatch batch, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await IngestNext(new OrderedBatch(batch), cancel).ConfigureAwait(false);
        }
        catch
        {
            _owned = null; // what is in memory is ahead of what is stored, by how much nobody knows
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gate.Dispose();
        _outcome.Dispose();
    }

    private async Task<BatchSummary> IngestNext(OrderedBatch batch, CancellationToken cancel)
    {
        _outcome.Reset();
        var owned = _owned ??= await Load(cancel).ConfigureAwait(false);
        var first = FirstNew(batch, owned.State);
        if (first == batch.Count) return Summary(batch);

        if (!owned.Claimed) await Claim(owned, cancel).ConfigureAwait(false);
        await RefreshPins(owned, cancel).ConfigureAwait(false);
        await Decide(batch, first, owned, cancel).ConfigureAwait(false);
        await Publish(owned, cancel).ConfigureAwait(false);
        await Commit(owned, cancel).ConfigureAwait(false);
        return Summary(batch);
    }

    private async Task<Owned> Load(CancellationToken cancel)
    {
        var folder = $"{_source.Hub}/{_source.PartitionId}/";
        var began = _clock.GetTimestamp();
        var (log, state) = await StateLog.Open(_stores.State, folder, () => _empty(), cancel).ConfigureAwait(false);
        Log.StateLoaded(_log, _source.PartitionId, state.Devices.Count, state.LastSequence, _clock.GetElapsedTime(began).TotalMilliseconds);
        var rejected = new RejectedLog(_stores.Rejected, _source.Hub, _source.PartitionId, state.Anchor.RejectedBlob, state.Anchor.RejectedLength, state.LastSequence);
        return new Owned(log, state, rejected, new BatchRule(state, _source));
    }

    // The index of the first event that is not accounted for yet.
    private int FirstNew(OrderedBatch batch, PartitionState state)
    {
        var first = 0;
        for (; first < batch.Count && batch.Sequence(first) <= state.LastSequence; first++)
        {
            // An event delivered again was in the hub when it was committed. One that is newer than all of those though its number
            // is older comes from a hub that was made anew: skipping it would lose it without a trace.
            if ((batch[first].EnqueuedAt - DateTimeOffset.UnixEpoch).TotalMilliseconds > state.LastEnqueuedMs + RecountMargin.TotalMilliseconds)
            {
                throw new InvalidDataException(
                    $"partition {_source.PartitionId} of hub '{_source.Hub}' counts anew: event {batch.Sequence(first)} is newer than event {state.LastSequence}; move its folder in telemetry-state away to go on");
            }

            _outcome.Repeated++;
        }

        return first;
    }

    private async Task Claim(Owned owned, CancellationToken cancel)
    {
        var before = owned.Log.HadOwner;
        await owned.Log.Claim(_owner, cancel).ConfigureAwait(false);
        owned.ProvedAt = _clock.GetTimestamp();
        Log.CommitPoint(_log, "claimed", _source.PartitionId, owned.State.LastSequence);
        if (before)
        {
            await Task.Delay(_settings.TakeoverWait, _clock, cancel).ConfigureAwait(false);
            owned.AttemptedUpTo = await _stores.Source.LastSequence(_source.PartitionId, cancel).ConfigureAwait(false);
            await Task.WhenAll(
                ReadBack(_stores.Validated, owned.State.Anchor.Validated, owned.Validated, owned.State.LastSequence, cancel),
                ReadBack(_stores.Alerts, owned.State.Anchor.Alerts, owned.Alerts, owned.State.LastSequence, cancel)).ConfigureAwait(false);
            Log.CommitPoint(_log, "read-back", _source.PartitionId, owned.State.LastSequence);
        }

        owned.Claimed = true;
    }

    private async Task ReadBack(IHub hub, HubPositions after, Unfinished found, long committed, CancellationToken cancel)
    {
        var until = await hub.Positions(cancel).ConfigureAwait(false);
        await hub.ReadBack(after, until, Keep, cancel).ConfigureAwait(false);

        void Keep(Published published)
        {
            if (published.SourcePartition == _source.PartitionId && published.SourceSequence > committed) found.Add(published.Id, published.SourceSequence);
        }
    }

    private async Task RefreshPins(Owned owned, CancellationToken cancel)
    {
        // An event that was in the hub before we took over may have been judged, and its verdict published, by the process before
        // us. It must be judged by the same revision again, so newer ones wait until all of those are committed.
        if (owned.State.LastSequence < owned.AttemptedUpTo) return;
        foreach (var (name, pinned) in owned.State.Pins.ToArray())
        {
            var now = await _stores.Profiles.Get(name, cancel).ConfigureAwait(false);
            // A document that is gone, or was bad when this process first looked, does not replace a good one.
            if (now.Document is not null && !now.Equals(pinned)) owned.State.Pin(name, now);
        }

        await CommitPins(owned, cancel).ConfigureAwait(false);
    }

    private async Task CommitPins(Owned owned, CancellationToken cancel)
    {
        if (owned.State.ChangedPins.Count == 0) return;
        foreach (var name in owned.State.ChangedPins) Log.ProfilePinned(_log, name, _source.PartitionId, owned.State.Pins[name].Document is not null);
        await owned.Log.CommitPins(owned.State, cancel).ConfigureAwait(false);
        owned.ProvedAt = _clock.GetTimestamp();
        Log.CommitPoint(_log, "pinned", _source.PartitionId, owned.State.LastSequence);
    }

    private async Task Decide(OrderedBatch batch, int first, Owned owned, CancellationToken cancel)
    {
        var state = owned.State;
        var (last, enqueued) = (state.LastSequence, state.LastEnqueuedMs);
        for (var at = first; at < batch.Count; at++)
        {
            if (batch.Sequence(at) <= last)
            {
                _outcome.Repeated++; // twice in one batch
                continue;
            }

            while (owned.Rule.Decide(batch[at], batch.Sequence(at), _outcome) is { } profile)
            {
                state.Pin(profile, await _stores.Profiles.Get(profile, cancel).ConfigureAwait(false));
                await CommitPins(owned, cancel).ConfigureAwait(false);
            }

            last = batch.Sequence(at);
            enqueued = Math.Max(enqueued, (batch[at].EnqueuedAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond);
        }

        (state.LastSequence, state.LastEnqueuedMs) = (last, enqueued);
        Log.CommitPoint(_log, "decided", _source.PartitionId, last);
    }

    private async Task Publish(Owned owned, CancellationToken cancel)
    {
        // Two thirds of the takeover wait are ours: to have begun within the first, to be done within the second.
        if (_settings.TakeoverWait > TimeSpan.Zero && _clock.GetElapsedTime(owned.ProvedAt) > _settings.TakeoverWait / 3)
        {
            var asked = _clock.GetTimestamp();
            await owned.Log.VerifyOwned(cancel).ConfigureAwait(false);
            owned.ProvedAt = asked;
        }

        using var limit = _settings.TakeoverWait > TimeSpan.Zero ? new CancellationTokenSource(_settings.TakeoverWait / 3, _clock) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var validated = NewlyValidated(owned.Validated);
        var alerts = _outcome.Alerts.Where(alert => !owned.Alerts.Has(alert.MessageId)).ToArray();

        // All have ended when this ends, whatever fails: nothing of a batch may still be under way when the next try reads back.
        try
        {
            await Task.WhenAll(
                Step("published", validated.Count, () => _stores.Validated.Publish(validated, either.Token), owned),
                Step("alerted", alerts.Length, () => _stores.Alerts.Publish(alerts, either.Token), owned),
                Step("filed", _outcome.Rejected.Count, () => owned.Rejected.Append(_outcome.Rejected, _outcome.Lines, either.Token), owned),
                NotePositions(owned, cancel)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"publishing took longer than a third of Telemetry__TakeoverWait, {_settings.TakeoverWait:c}");
        }
    }

    // Asynchronous from its first instruction, so that a step that fails at once does not leave the others unattended.
    private async Task Step(string point, int count, Func<Task> step, Owned owned)
    {
        if (count == 0) return;
        await step().ConfigureAwait(false);
        Log.CommitPoint(_log, point, _source.PartitionId, owned.State.LastSequence);
    }

    private List<OutgoingEvent> NewlyValidated(Unfinished found)
    {
        var bodies = _outcome.Bodies.WrittenMemory;
        var events = new List<OutgoingEvent>(_outcome.Validated.Count);
        foreach (var accepted in _outcome.Validated)
        {
            var one = accepted.ToEvent(_source.PartitionId, bodies);
            if (!found.Has(one.MessageId)) events.Add(one);
        }

        return events;
    }

    // Asked while this batch is published, so its answer may lie before or after this batch; that is why it becomes the anchor
    // only with this batch's commit.
    private async Task NotePositions(Owned owned, CancellationToken cancel)
    {
        if (owned.NotedAt is { } noted && _clock.GetElapsedTime(noted) < _settings.PositionInterval) return;
        var validated = _stores.Validated.Positions(cancel);
        var alerts = _stores.Alerts.Positions(cancel);
        await Task.WhenAll(validated, alerts).ConfigureAwait(false);
        owned.Noted = (await validated.ConfigureAwait(false), await alerts.ConfigureAwait(false));
        owned.NotedAt = _clock.GetTimestamp();
    }

    private async Task Commit(Owned owned, CancellationToken cancel)
    {
        var state = owned.State;
        owned.Validated.Settle(state.LastSequence);
        owned.Alerts.Settle(state.LastSequence);
        owned.Rejected.Settle(state.LastSequence);

        // An anchor moves on only when nothing that is not committed lies before it: an earlier attempt may have published
        // further than this batch goes.
        if (owned.Rejected.IsSettled) state.Anchor = state.Anchor with { RejectedBlob = owned.Rejected.Blob, RejectedLength = owned.Rejected.Length };
        if (owned.Noted is { } noted && owned.Validated.IsEmpty && owned.Alerts.IsEmpty)
        {
            state.Anchor = state.Anchor with { Validated = noted.Validated, Alerts = noted.Alerts };
            owned.Noted = null;
        }

        await owned.Log.Commit(state, cancel).ConfigureAwait(false);
        owned.ProvedAt = _clock.GetTimestamp();
        Log.CommitPoint(_log, "committed", _source.PartitionId, state.LastSequence);
        if (!owned.Log.CompactionDue) return;
        await owned.Log.Compact(state, _owner, cancel).ConfigureAwait(false);
        Log.CommitPoint(_log, "compacted", _source.PartitionId, state.LastSequence);
    }

    private BatchSummary Summary(OrderedBatch batch) => new(
        batch.Count, _outcome.Validated.Count, _outcome.Rejected.Count, _outcome.Alerts.Count, _outcome.HubEvents, _outcome.Repeated,
        _outcome.Faults.Count == 0 ? [] : _outcome.Faults.ToArray());

    /// <summary>What this process holds of a partition between two failures.</summary>
    private sealed class Owned(StateLog log, PartitionState state, RejectedLog rejected, BatchRule rule)
    {
        public StateLog Log { get; } = log;

        public PartitionState State { get; } = state;

        public RejectedLog Rejected { get; } = rejected;

        public BatchRule Rule { get; } = rule;

        public Unfinished Validated { get; } = new();

        public Unfinished Alerts { get; } = new();

        public bool Claimed { get; set; }

        /// <summary>Events up to here may have been judged and published by an earlier attempt.</summary>
        public long AttemptedUpTo { get; set; } = -1;

        public long ProvedAt { get; set; }

        public long? NotedAt { get; set; }

        public (HubPositions Validated, HubPositions Alerts)? Noted { get; set; }
    }
}
