using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Devices.Tables;
using Serverless.Local.Identity;
using Serverless.Local.Storage;
using Serverless.Local.Tls;

namespace Serverless.Benchmarks.Lifecycle;

/// <summary>Azurite in memory, and a ledger on it whose requests are counted in the client's pipeline.</summary>
internal sealed class MeteredStorage : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-bench-");
    private readonly List<IDisposable> _made = [];
    private Azurite _azurite = null!;

    /// <summary>Table <c>devices</c>.</summary>
    public TableClient Table { get; private set; } = null!;

    public TableLedger Ledger { get; private set; } = null!;

    public Requests Requests { get; } = new();

    public static async Task<MeteredStorage> Start(TimeProvider clock)
    {
        var storage = new MeteredStorage();
        var authority = new LocalAuthority(storage._folder.FullName, TimeProvider.System.GetUtcNow());
        var tenant = LocalTenant.Directory();
        var tokens = new Tokens(tenant, LocalTenant.TenantId, TimeProvider.System);
        storage._azurite = await Azurite.Start(new AzuriteOptions { Kept = StorageKept.InMemory }, authority, tokens, tenant, CancellationToken.None).ConfigureAwait(false);
        var http = new HttpClient(LocalTrust.Handler(authority)) { Timeout = TimeSpan.FromMinutes(10) }; // Azurite reads the whole table for every query
        storage._made.AddRange([http, tokens, authority]);
        var credential = new LocalCredential(tokens, LocalTenant.Lifecycle);
        var options = new TableClientOptions { Transport = new HttpClientTransport(http) };
        options.Retry.NetworkTimeout = TimeSpan.FromMinutes(10);
        options.AddPolicy(storage.Requests, HttpPipelinePosition.PerRetry);
        storage.Table = new TableServiceClient(storage._azurite.TableServiceUri, credential, options).GetTableClient("devices");
        var audit = new BlobServiceClient(storage._azurite.BlobServiceUri, credential, new BlobClientOptions { Transport = new HttpClientTransport(http) }).GetBlobContainerClient("audit");
        storage.Ledger = new TableLedger(storage.Table, audit, clock, "bench");
        return storage;
    }

    public async ValueTask DisposeAsync()
    {
        await _azurite.DisposeAsync().ConfigureAwait(false);
        foreach (var made in _made) made.Dispose();
        _folder.Delete(recursive: true);
    }
}

/// <summary>Requests to a table, by what they ask for.</summary>
internal sealed class Requests : HttpPipelineSynchronousPolicy
{
    private int _queries;
    private int _reads;
    private int _writes;

    /// <summary>Ranges asked for.</summary>
    public int Queries => Volatile.Read(ref _queries);

    /// <summary>Single rows asked for.</summary>
    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Transactions and single writes.</summary>
    public int Writes => Volatile.Read(ref _writes);

    public override void OnSendingRequest(HttpMessage message)
    {
        if (message.Request.Method != RequestMethod.Get) Interlocked.Increment(ref _writes);
        else if (message.Request.Uri.Query.Contains("filter", StringComparison.Ordinal)) Interlocked.Increment(ref _queries);
        else Interlocked.Increment(ref _reads);
    }

    public void Reset() => (_queries, _reads, _writes) = (0, 0, 0);
}
