using System.Globalization;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Handler;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Events;

/// <summary>What the pumps of one function share.</summary>
/// <param name="Options">The host's.</param>
/// <param name="Settings">host.json.</param>
/// <param name="Function">The function.</param>
/// <param name="Trigger">Its trigger.</param>
/// <param name="Source">The hub.</param>
/// <param name="Ledger">Checkpoints.</param>
/// <param name="Invoker">Runs batches.</param>
/// <param name="Figures">Counters.</param>
internal sealed record PumpContext(
    FunctionsHostOptions Options,
    EventHubSettings Settings,
    FunctionDefinition Function,
    EventHubTrigger Trigger,
    IEventHubSource Source,
    PartitionLedger Ledger,
    Invoker Invoker,
    HostMetrics.Counters Figures);

/// <summary>Reads one partition and runs its batches, one after another.</summary>
/// <remarks>Commit order: run the batch with its retries, then move the checkpoint, whether it succeeded or not. A crash before the
/// checkpoint delivers the batch again; a cancelled batch, or one whose partition was lost, moves nothing.</remarks>
internal sealed class PartitionPump(PumpContext context, string partition)
{
    private static readonly TimeSpan ReceiveWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OutageWait = TimeSpan.FromSeconds(1);
    private long _last = -1;
    private int _sinceCheckpoint;

    /// <summary>Sequence number of the last event handed over or passed by the checkpoint; -1 for none.</summary>
    public long LastSequenceNumber => Interlocked.Read(ref _last);

    /// <summary>Runs until cancelled or until another instance reads the partition.</summary>
    /// <returns>Whether the partition was lost.</returns>
    public async Task<bool> Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await using var reader = await Open(cancel).ConfigureAwait(false);
                while (true) await Batch(reader, cancel).ConfigureAwait(false);
            }
            catch (PartitionStolenException)
            {
                return true;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception error)
            {
                context.Options.Log.PartitionInterrupted(error, context.Options.Name, context.Function.Name, partition, context.Trigger.Hub);
                await Task.Delay(OutageWait, context.Options.Clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return false;
    }

    private async Task<IPartitionReader> Open(CancellationToken cancel)
    {
        var start = context.Settings.InitialStart;
        if (await context.Ledger.ReadCheckpoint(partition, cancel).ConfigureAwait(false) is { } checkpoint)
        {
            start = new PartitionStart(AfterSequenceNumber: checkpoint.SequenceNumber);
            Interlocked.Exchange(ref _last, checkpoint.SequenceNumber);
            if (await context.Source.LastSequenceNumber(partition, cancel).ConfigureAwait(false) < checkpoint.SequenceNumber)
            {
                // The hub lives in memory and was made anew, the checkpoint came from a kept data folder.
                context.Options.Log.CheckpointAhead(context.Options.Name, context.Function.Name, partition, context.Trigger.Hub, checkpoint.SequenceNumber);
                start = PartitionStart.Oldest;
                Interlocked.Exchange(ref _last, -1);
            }
        }

        var reader = await context.Source.Open(partition, start, context.Settings.PrefetchCount, cancel).ConfigureAwait(false);
        context.Options.Log.PartitionOpened(
            context.Options.Name, context.Function.Name, partition, context.Trigger.Hub,
            start.AfterSequenceNumber is { } after ? string.Create(CultureInfo.InvariantCulture, $"sequence number {after + 1}") : start.AtEnd ? "its end" : start.AtTime is { } time ? time.ToString("O", CultureInfo.InvariantCulture) : "its start");
        _sinceCheckpoint = 0;
        return reader;
    }

    private async Task Batch(IPartitionReader reader, CancellationToken cancel)
    {
        var events = await Gather(reader, cancel).ConfigureAwait(false);
        if (events.Count == 0) return;
        var succeeded = context.Trigger.IsMany
            ? await RunMany(events, cancel).ConfigureAwait(false)
            : await RunOne(events, cancel).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested(); // lost or stopping: whoever comes next does it again
        context.Figures.Batch(events.Count, succeeded);
        Interlocked.Exchange(ref _last, events[^1].SequenceNumber);
        if (++_sinceCheckpoint < context.Settings.BatchCheckpointFrequency) return;
        _sinceCheckpoint = 0;
        await context.Ledger.WriteCheckpoint(partition, new Checkpoint(events[^1].Offset, events[^1].SequenceNumber), cancel).ConfigureAwait(false);
    }

    /// <summary>A batch: what is there, or at least minEventBatchSize if they come within maxWaitTime.</summary>
    private async Task<IReadOnlyList<HubEvent>> Gather(IPartitionReader reader, CancellationToken cancel)
    {
        var settings = context.Settings;
        var first = await reader.Receive(settings.MaxEventBatchSize, ReceiveWait, cancel).ConfigureAwait(false);
        if (first.Count == 0 || first.Count >= settings.MinEventBatchSize) return first;
        var gathered = new List<HubEvent>(first);
        var began = context.Options.Clock.GetTimestamp();
        while (gathered.Count < settings.MinEventBatchSize && settings.MaxWaitTime - context.Options.Clock.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
        {
            gathered.AddRange(await reader.Receive(settings.MaxEventBatchSize - gathered.Count, left, cancel).ConfigureAwait(false));
        }

        return gathered;
    }

    private Task<bool> RunMany(IReadOnlyList<HubEvent> events, CancellationToken cancel)
    {
        var from = From(IsCheckpointDue);
        return context.Invoker.Run(
            context.Function, (sys, retry) => EventsBody.Many(context.Trigger.Binding, context.Trigger.DataType, from, events, sys, retry), cancel);
    }

    /// <summary>Cardinality one: the events of a batch run side by side, as in the real extension.</summary>
    private async Task<bool> RunOne(IReadOnlyList<HubEvent> events, CancellationToken cancel)
    {
        var from = From(IsCheckpointDue);
        var runs = events.Select(item => context.Invoker.Run(
            context.Function, (sys, retry) => EventsBody.One(context.Trigger.Binding, context.Trigger.DataType, from, item, sys, retry), cancel));
        return (await Task.WhenAll(runs).ConfigureAwait(false)).All(succeeded => succeeded);
    }

    private bool IsCheckpointDue => _sinceCheckpoint + 1 >= context.Settings.BatchCheckpointFrequency;

    private PartitionContext From(bool isCheckpointing) =>
        new(context.Source.FullyQualifiedNamespace, context.Trigger.Hub, context.Trigger.ConsumerGroup, partition, isCheckpointing);
}
