using System.IO.Pipelines;
using Serverless.EventHubs;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>Puts refused events through again, each at most once, however often and from wherever it is run.</summary>
/// <remarks>
/// Blob by blob, in the order of hours; within a blob in the order of the partition, so a device's replayed events keep theirs. What
/// a blob goes through, and what a crash right after each step costs:
/// <list type="number">
/// <item><b>read</b> the blob's ledger. Nothing was written.</item>
/// <item><b>settle</b>, only when the run before did not end: claim the ledger, wait until what that run still had on the wire has landed
/// (<see cref="ReplayOptions.Wait"/>), read hub <c>validated</c> back from the positions that it noted, note what landed and what did
/// not. The next run settles again.</item>
/// <item><b>intend</b>: note a batch's sequence numbers and the hub's positions. The next run settles, and finds nothing.</item>
/// <item><b>publish</b>. The next run settles, and finds what landed.</item>
/// <item><b>done</b>: note it. The next run leaves these events out.</item>
/// </list>
/// Two runs over one blob: the second fails at its first append, or claims the ledger, and then the first fails at its next.
/// </remarks>
internal sealed class ReplayRun
{
    /// <summary>Most events of a batch, and bytes of bodies in it.</summary>
    private const int BatchEventsMax = 500, BatchBytesMax = 4 * 1024 * 1024;

    private readonly string _run;
    private readonly ReplayStores _stores;
    private readonly ReplayOptions _options;
    private readonly TimeProvider _clock;
    private readonly TextWriter _progress;
    private readonly CurrentProfiles _profiles;
    private readonly Rejudge _rejudge;
    private readonly List<(RefusedLine Line, OutgoingEvent Event)> _batch = [];
    private int _batchBytes;

    /// <summary>One run.</summary>
    /// <param name="run">Unlike the name of any other run.</param>
    /// <param name="stores">What it reads and writes.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="clock">Waits, limits and stamps; no verdict depends on it.</param>
    /// <param name="progress">Told of each blob.</param>
    public ReplayRun(string run, ReplayStores stores, ReplayOptions options, TimeProvider clock, TextWriter progress)
    {
        (_run, _stores, _options, _clock, _progress) = (run, stores, options, clock, progress);
        _profiles = new CurrentProfiles(stores.Profiles);
        _rejudge = new Rejudge(options.Waived);
    }

    /// <summary>What became of the events so far; complete when <see cref="Run"/> has returned.</summary>
    public ReplayReport Report { get; } = new();

    /// <summary>Runs to the end.</summary>
    /// <exception cref="Exception">An outage, or another run over the same blob. Running again goes on where it stopped.</exception>
    public async Task Run(CancellationToken cancel)
    {
        foreach (var blob in await RejectedBlobs.Select(_stores.Rejected, _options, cancel).ConfigureAwait(false)) await Replay(blob, cancel).ConfigureAwait(false);
    }

    private async Task Replay(string blob, CancellationToken cancel)
    {
        using var content = await _stores.Rejected.Open(blob, 0, cancel).ConfigureAwait(false);
        if (content is null) return; // retention was faster
        var before = (Report.Selected, Accepted: Report.Of(ReplayReport.Accepted));
        ReplayLedger? ledger = null;
        HubPositions? after = null;
        await foreach (var text in Lines.Of(PipeReader.Create(content.Bytes), blob, cancel).ConfigureAwait(false))
        {
            var line = RefusedLine.Read(text);
            if (!_options.Selects(line)) continue;
            if (ledger is null)
            {
                ledger = await ReplayLedger.Open(_stores.Rejected, blob, _run, _options.By, _clock, cancel).ConfigureAwait(false);
                if (!_options.DryRun && ledger.Unfinished.Count != 0) await Settle(ledger, cancel).ConfigureAwait(false);
                if (!_options.DryRun) after = await Validated.Positions(cancel).ConfigureAwait(false);
            }

            await Decide(line, ledger, cancel).ConfigureAwait(false);
            if (_batch.Count >= BatchEventsMax || _batchBytes >= BatchBytesMax) await Publish(ledger, after!, cancel).ConfigureAwait(false);
        }

        if (_batch.Count != 0) await Publish(ledger!, after!, cancel).ConfigureAwait(false);
        if (Report.Selected != before.Selected)
            await _progress.WriteLineAsync($"{blob}: {Report.Selected - before.Selected} selected, {Report.Of(ReplayReport.Accepted) - before.Accepted} accepted").ConfigureAwait(false);
    }

    private IHub Validated => _stores.Validated ?? throw new InvalidOperationException("a dry run publishes nothing");

    private async Task Decide(RefusedLine line, ReplayLedger ledger, CancellationToken cancel)
    {
        var name = _options.As.Length != 0 ? _options.As : line.Profile;
        var profile = await _profiles.Get(name, cancel).ConfigureAwait(false);

        // Judged though it went through before: its message must not go through once more under another sequence number.
        var fault = _rejudge.Decide(line, name, profile, out var published);
        if (ledger.IsDone(line.Sequence))
        {
            Report.Count(line, name, ReplayReport.Before);
        }
        else if (ledger.Unfinished.Contains(line.Sequence))
        {
            Report.Count(line, name, ReplayReport.Uncertain);
        }
        else if (fault is not null)
        {
            Report.Count(line, name, fault.Code);
        }
        else if (_options.DryRun)
        {
            Report.Count(line, name, ReplayReport.Accepted);
        }
        else
        {
            _batch.Add((line, Rejudge.Mark(published!, line, _clock.GetUtcNow(), _options.By)));
            _batchBytes += published!.Body.Length;
        }
    }

    private async Task Publish(ReplayLedger ledger, HubPositions after, CancellationToken cancel)
    {
        // The time runs from before the append that proves the ledger ours, so whoever claims it later and waits that long, waits enough.
        using var limit = _options.Wait > TimeSpan.Zero ? new CancellationTokenSource(_options.Wait * 2 / 3, _clock) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var sequences = _batch.ConvertAll(one => one.Line.Sequence);
        try
        {
            await ledger.Intend(sequences, after, either.Token).ConfigureAwait(false);
            await Validated.Publish(_batch.ConvertAll(one => one.Event), either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"publishing {sequences.Count} events took longer than {_options.Wait * 2 / 3:c}");
        }

        await ledger.Settle(sequences, [], cancel).ConfigureAwait(false);
        foreach (var (line, one) in _batch) Report.Count(line, (string)one.ApplicationProperties![PublishedProperty.Profile]!, ReplayReport.Accepted);
        _batch.Clear();
        _batchBytes = 0;
    }

    private async Task Settle(ReplayLedger ledger, CancellationToken cancel)
    {
        await _progress.WriteLineAsync($"{ledger.Blob}: a run before did not end; looking for {ledger.Unfinished.Count} events in hub validated").ConfigureAwait(false);
        await ledger.Claim(cancel).ConfigureAwait(false);
        await Task.Delay(_options.Wait, _clock, cancel).ConfigureAwait(false);

        var waiting = ledger.Unfinished.ToHashSet();
        var (partition, landed) = (RejectedBlobs.PartitionOf(ledger.Blob), new HashSet<long>());
        var anchor = ledger.Anchor;
        var until = await Validated.Positions(cancel).ConfigureAwait(false);
        await Validated.ReadBack(anchor, until, Found, cancel).ConfigureAwait(false);

        // Asked after the reading: what was forgotten until now, the reading may not have seen.
        var forgotten = await Validated.Forgotten(cancel).ConfigureAwait(false);
        var complete = forgotten.All(one => one.Value <= anchor.Of(one.Key));
        var absent = complete || _options.ResendUncertain ? waiting.Except(landed).ToArray() : [];
        await ledger.Settle(landed, absent, cancel).ConfigureAwait(false);

        void Found(Published published)
        {
            if (published.SourcePartition == partition && waiting.Contains(published.SourceSequence)
                && published.Id == ValidatedEvent.MessageId(partition, published.SourceSequence))
            {
                landed.Add(published.SourceSequence);
            }
        }
    }
}
