using Azure.Data.Tables;

namespace Serverless.Devices.Tables;

/// <summary>The audit trail's last leg, and what crashed writers left.</summary>
public sealed partial class TableLedger
{
    private const int BucketsAtOnce = 3; // 512 queries a minute that nobody waits for: more at once stand in the way of admissions
    private const int TransactionMax = 100; // operations of one table transaction

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(id);
        // Waiting entries first: one that is moved meanwhile is then seen twice, and never not at all.
        var lines = new List<string>();
        var (from, to) = ($"a:{id.Text}!", $"a:{id.Text}\"");
        await foreach (var row in Range(Rows.Bucket(id), from, to).WithCancellation(cancel).ConfigureAwait(false)) lines.Add(AuditLine.TextOf(row));
        lines.AddRange(await _trail.Read(Rows.BucketOf(id), id, cancel).ConfigureAwait(false));
        return [.. lines.Select(AuditLine.Entry).DistinctBy(entry => entry.Revision).OrderBy(entry => entry.Revision)];
    }

    /// <inheritdoc/>
    public async Task<int> Settle(CancellationToken cancel)
    {
        var finished = 0;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Rows.Buckets),
            new ParallelOptions { MaxDegreeOfParallelism = BucketsAtOnce, CancellationToken = cancel },
            async (bucket, stop) => Interlocked.Add(ref finished, await MoveEntries(bucket, stop).ConfigureAwait(false) + await ClearIntents(bucket, stop).ConfigureAwait(false))).ConfigureAwait(false);
        return finished;
    }

    /// <summary>Append, then delete: a crash between the two appends again, and readers take an entry once.</summary>
    private async Task<int> MoveEntries(int bucket, CancellationToken cancel)
    {
        var rows = new List<TableEntity>();
        await foreach (var row in Range(Rows.Bucket(bucket), "a:", "a;").WithCancellation(cancel).ConfigureAwait(false)) rows.Add(row);
        if (rows.Count == 0) return 0;
        await _trail.Append(bucket, rows.Select(AuditLine.TextOf), _clock.GetUtcNow(), cancel).ConfigureAwait(false);
        foreach (var some in rows.Chunk(TransactionMax)) await DeleteAll(some, cancel).ConfigureAwait(false);
        return rows.Count;
    }

    private async Task DeleteAll(TableEntity[] rows, CancellationToken cancel)
    {
        try
        {
            await _table.SubmitTransactionAsync(rows.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, Azure.ETag.All)), cancel).ConfigureAwait(false);
        }
        catch (Azure.RequestFailedException moved) when (moved.Status == 404)
        {
            // Another settler was at it: one by one, what is gone is gone.
            foreach (var row in rows) await Delete(row.PartitionKey, row.RowKey, Azure.ETag.All, cancel).ConfigureAwait(false);
        }
    }

    private async Task<int> ClearIntents(int bucket, CancellationToken cancel)
    {
        var cleared = 0;
        await foreach (var intent in Range(Rows.Bucket(bucket), "i:", "i;").WithCancellation(cancel).ConfigureAwait(false))
        {
            if (_clock.GetUtcNow() - intent.GetDateTimeOffset("At") < Patience) continue;
            if (await Delete(intent.PartitionKey, intent.RowKey, intent.ETag, cancel).ConfigureAwait(false)) cleared++;
        }

        return cleared;
    }

    /// <summary>Rows of one partition from a row key up to another one, that one excluded.</summary>
    private Azure.AsyncPageable<TableEntity> Range(string partition, string from, string to) =>
        _table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}"));
}
