namespace Serverless.Local.FunctionsHost.Events;

/// <summary>One event function on one instance: takes its share of the partitions and runs a pump for each.</summary>
internal sealed class EventHubListener(PumpContext context)
{
    private readonly Dictionary<string, Held> _held = new(StringComparer.Ordinal);

    /// <summary>Runs until cancelled; then every pump is stopped and every partition given up.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await Cycle(cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error)
            {
                context.Options.Log.BalancingFailed(error, context.Options.Name, context.Function.Name, context.Trigger.Hub);
            }

            await Task.Delay(context.Options.BalanceEvery, context.Options.Clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var partition in _held.Keys.ToArray()) await Drop(partition, release: true).ConfigureAwait(false);
    }

    private async Task Cycle(CancellationToken cancel)
    {
        var partitions = await context.Source.Partitions(cancel).ConfigureAwait(false);
        foreach (var (partition, held) in _held.ToArray())
        {
            var renewed = held.Pumping.IsCompleted ? null : await context.Ledger.Claim(partition, held.Ownership.Tag, cancel).ConfigureAwait(false);
            if (renewed is null) await Drop(partition, release: false).ConfigureAwait(false);
            else _held[partition] = held with { Ownership = renewed };
        }

        var ownerships = await context.Ledger.List(cancel).ConfigureAwait(false);
        var claims = Balance.Claims(partitions, ownerships, context.Ledger.Owner, context.Options.Clock.GetUtcNow(), context.Options.OwnershipLasts);
        foreach (var partition in claims.Where(partition => !_held.ContainsKey(partition)))
        {
            var known = ownerships.FirstOrDefault(item => item.Partition == partition)?.Tag;
            if (await context.Ledger.Claim(partition, known, cancel).ConfigureAwait(false) is { } taken) Take(partition, taken, cancel);
        }

        foreach (var (partition, held) in _held)
        {
            var last = await context.Source.LastSequenceNumber(partition, cancel).ConfigureAwait(false);
            context.Figures.Lag(partition, Math.Max(0, last - held.Pump.LastSequenceNumber));
        }
    }

    private void Take(string partition, Ownership ownership, CancellationToken cancel)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var pump = new PartitionPump(context, partition);
        _held[partition] = new Held(ownership, pump, Task.Run(() => pump.Run(stop.Token), CancellationToken.None), stop);
    }

    private async Task Drop(string partition, bool release)
    {
        var held = _held[partition];
        _held.Remove(partition);
        await held.Stop.CancelAsync().ConfigureAwait(false);
        await held.Pumping.ConfigureAwait(false);
        held.Stop.Dispose();
        context.Figures.NoLag(partition);
        context.Options.Log.PartitionLost(context.Options.Name, context.Function.Name, partition, context.Trigger.Hub);
        if (!release) return;
        try
        {
            await context.Ledger.Release(held.Ownership, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // Storage went before us. The ownership ends by itself; stopping must go on.
            context.Options.Log.BalancingFailed(error, context.Options.Name, context.Function.Name, context.Trigger.Hub);
        }
    }

    private sealed record Held(Ownership Ownership, PartitionPump Pump, Task<bool> Pumping, CancellationTokenSource Stop);
}
