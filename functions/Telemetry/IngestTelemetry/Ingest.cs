using System.Collections.Concurrent;
using Serverless.Hosting;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>The partitions this process takes in. Thread-safe: partitions run side by side.</summary>
/// <remarks>A partition that moved away stays in memory until the process ends, at most all the hub has; its state is known to be
/// stale the moment it would be used, by the log's fencing.</remarks>
/// <param name="owner">Unlike that of any other process, past or present.</param>
/// <param name="stores">What it reads and writes.</param>
/// <param name="empty">Makes the state of a partition never seen.</param>
/// <param name="settings">Times.</param>
/// <param name="clock">Waits and ages.</param>
/// <param name="log">Where to tell.</param>
internal sealed class Ingest(string owner, PartitionStores stores, EmptyState empty, IngestSettings settings, TimeProvider clock, ILogger<Ingest> log) : IDisposable
{
    private readonly ConcurrentDictionary<(string Hub, string Partition), PartitionIngest> _partitions = new();

    /// <summary>Takes a batch in; see <see cref="PartitionIngest.Ingest"/>.</summary>
    public async Task<BatchSummary> Take(EventBatch batch, CancellationToken cancel)
    {
        var source = batch.Source;
        var partition = _partitions.GetOrAdd(
            (source.Hub, source.PartitionId), _ => new PartitionIngest(source, owner, stores, empty, settings, clock, log));
        var summary = await partition.Ingest(batch, cancel).ConfigureAwait(false);
        Meters.Count(summary);
        foreach (var (code, count) in summary.Faults) Log.EventsRefused(log, source.PartitionId, count, code);
        return summary;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var partition in _partitions.Values) partition.Dispose();
    }
}
