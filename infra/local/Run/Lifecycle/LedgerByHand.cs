using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Lifecycle;

/// <summary>Somebody with write access to table <c>devices</c> who takes a device's row out, keeps a copy, and puts it back.</summary>
/// <param name="cloud">The cloud.</param>
internal sealed class LedgerByHand(LocalCloud cloud) : IDisposable
{
    private readonly HttpClient _http = new(LocalTrust.Handler(cloud.Authority));

    /// <summary>Takes a device's row out.</summary>
    /// <returns>The copy.</returns>
    public async Task<TableEntity> TakeOut(string device, CancellationToken cancel)
    {
        await foreach (var row in Table().QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"RowKey eq {"d:" + device}"), cancellationToken: cancel).ConfigureAwait(false))
        {
            await Table().DeleteEntityAsync(row.PartitionKey, row.RowKey, row.ETag, cancel).ConfigureAwait(false);
            return row;
        }

        throw new InvalidOperationException($"the ledger has no row of {device}");
    }

    /// <summary>Puts it back as it was.</summary>
    public Task PutBack(TableEntity copy, CancellationToken cancel) =>
        Table().AddEntityAsync(new TableEntity(copy.Where(column => column.Key is not ("odata.etag" or "Timestamp")).ToDictionary(StringComparer.Ordinal)), cancel);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private TableClient Table() =>
        new TableServiceClient(cloud.Storage.TableServiceUri, cloud.Credential(LocalTenant.Lifecycle), new TableClientOptions { Transport = new HttpClientTransport(_http) }).GetTableClient("devices");
}
