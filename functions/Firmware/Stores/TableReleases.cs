using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Stores;

/// <summary>Table <c>releases</c>: partition is the product, row is the change within it.</summary>
/// <remarks>A conditional write that landed and is retried by the client answers "exists" or "changed": callers read again.</remarks>
/// <param name="table">The table; it exists.</param>
internal sealed class TableReleases(TableClient table) : IReleases
{
    /// <inheritdoc/>
    public async Task<StoredRelease?> Read(ReleaseId id, CancellationToken cancel)
    {
        var found = await table.GetEntityIfExistsAsync<TableEntity>(id.Product, id.Row, cancellationToken: cancel).ConfigureAwait(false);
        return found.HasValue ? Stored(found.Value!) : null;
    }

    /// <inheritdoc/>
    public async Task<StoredRelease?> Create(ReleaseRecord record, CancellationToken cancel)
    {
        try
        {
            var answer = await table.AddEntityAsync(ReleaseRow.Write(record), cancel).ConfigureAwait(false);
            return new StoredRelease(record, answer.Headers.ETag.ToString()!);
        }
        catch (RequestFailedException taken) when (taken.Status == 409)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<StoredRelease?> Replace(StoredRelease before, ReleaseRecord record, CancellationToken cancel)
    {
        try
        {
            var answer = await table.UpdateEntityAsync(ReleaseRow.Write(record), new ETag(before.Tag), TableUpdateMode.Replace, cancel).ConfigureAwait(false);
            return new StoredRelease(record, answer.Headers.ETag.ToString()!);
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 412)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ReleaseRecord>> Released(string product, CancellationToken cancel)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {product} and (State eq {ReleaseState.Published} or State eq {ReleaseState.Withdrawn})");
        return [.. (await All(filter, cancel).ToListAsync(cancel).ConfigureAwait(false)).Select(one => one.Record)];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ReleaseRecord>> Page(string? product, ReleaseId? after, int count, CancellationToken cancel)
    {
        var filter = (product, after) switch
        {
            (null, null) => null,
            (null, _) => TableClient.CreateQueryFilter($"PartitionKey gt {after.Product} or (PartitionKey eq {after.Product} and RowKey gt {after.Row})"),
            (_, null) => TableClient.CreateQueryFilter($"PartitionKey eq {product}"),
            _ => TableClient.CreateQueryFilter($"PartitionKey eq {product} and RowKey gt {after.Row}"),
        };
        var page = new List<ReleaseRecord>();
        await foreach (var one in All(filter, cancel).ConfigureAwait(false))
        {
            page.Add(one.Record);
            if (page.Count == count) break;
        }
        return page;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredRelease>> Due(DateTimeOffset now, CancellationToken cancel)
    {
        var filter = TableClient.CreateQueryFilter($"HeldUntil le {now} and (State eq {ReleaseState.Checking} or State eq {ReleaseState.Approved})");
        return await All(filter, cancel).ToListAsync(cancel).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<StoredRelease> All(string? filter, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: 200, cancellationToken: cancel).ConfigureAwait(false)) yield return Stored(row);
    }

    private static StoredRelease Stored(TableEntity row) => new(ReleaseRow.Read(row), row.ETag.ToString());
}
