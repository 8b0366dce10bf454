using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Devices.Tests;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Storage;
using Serverless.Local.Tls;

[assembly: AssemblyFixture(typeof(StorageFixture))]

namespace Serverless.Devices.Tests;

/// <summary>One Azurite for all tests that need one, started by the first of them.</summary>
public sealed class StorageFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-test-");
    private readonly LocalAuthority _authority;
    private readonly TenantDirectory _directory = LocalTenant.Directory();
    private readonly Tokens _tokens;
    private readonly HttpClient _http;
    private readonly Lazy<Task<Azurite>> _azurite;

    public StorageFixture()
    {
        _authority = new LocalAuthority(_folder.FullName, TimeProvider.System.GetUtcNow());
        _tokens = new Tokens(_directory, LocalTenant.TenantId, TimeProvider.System);
        _http = new HttpClient(LocalTrust.Handler(_authority));
        _azurite = new Lazy<Task<Azurite>>(() => Azurite.Start(new AzuriteOptions(), _authority, _tokens, _directory, CancellationToken.None));
    }

    /// <summary>Table <c>devices</c> and container <c>audit</c>, as the Enrollment app may use them.</summary>
    /// <param name="policies">Further steps of the clients' pipelines.</param>
    public async Task<(TableClient Devices, BlobContainerClient Audit)> Open(params HttpPipelinePolicy[] policies)
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing: storage cannot be started on this machine");
        var storage = await _azurite.Value;
        var credential = new LocalCredential(_tokens, LocalTenant.Enrollment);
        var tables = new TableClientOptions { Transport = new HttpClientTransport(_http) };
        var blobs = new BlobClientOptions { Transport = new HttpClientTransport(_http) };
        foreach (var policy in policies)
        {
            tables.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
            blobs.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        }

        (tables.Retry.MaxRetries, blobs.Retry.MaxRetries) = policies.Length > 0 ? (0, 0) : (3, 3);
        return (new TableServiceClient(storage.TableServiceUri, credential, tables).GetTableClient("devices"),
            new BlobServiceClient(storage.BlobServiceUri, credential, blobs).GetBlobContainerClient("audit"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_azurite.IsValueCreated) await (await _azurite.Value).DisposeAsync();
        _http.Dispose();
        _tokens.Dispose();
        _authority.Dispose();
        _folder.Delete(true);
    }
}
