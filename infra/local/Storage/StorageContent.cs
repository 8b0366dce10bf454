using System.Security.Cryptography.X509Certificates;
using Azure;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Queues;

namespace Serverless.Local.Storage;

/// <summary>The containers, tables and queues an account is created with: what infra/ deploys in Azure.</summary>
/// <param name="Containers">Blob containers.</param>
/// <param name="PublicContainers">Those of them that anybody may read.</param>
/// <param name="Tables">Tables.</param>
/// <param name="Queues">Queues.</param>
public sealed record StorageContent(
    IReadOnlyList<string> Containers, IReadOnlyList<string> PublicContainers, IReadOnlyList<string> Tables, IReadOnlyList<string> Queues)
{
    /// <summary>The pipeline's own account, with the containers of the Functions host.</summary>
    public static StorageContent Pipeline { get; } = new(
        ["profiles", "telemetry-state", "rejected", "firmware", "ota", "audit", "enrollment", "azure-webjobs-hosts", "azure-webjobs-secrets", "azure-webjobs-eventhub"],
        ["ota"],
        ["devices", "incidents", "releases"],
        []);

    /// <summary>Creates what is not there yet, as the account's owner, past the front.</summary>
    internal static async Task Create(
        StorageBackends backends, string key, X509Certificate2 certificate, StorageContent content, CancellationToken cancel)
    {
        using var transport = new HttpClientTransport(new HttpClient(Pinned.Handler(certificate)));
        var credential = new StorageSharedKeyCredential(Azurite.Account, key);
        var blobs = new BlobServiceClient(Append(backends.Blob), credential, new BlobClientOptions { Transport = transport });
        var tables = new TableServiceClient(Append(backends.Table), new TableSharedKeyCredential(Azurite.Account, key), new TableClientOptions { Transport = transport });
        var queues = new QueueServiceClient(Append(backends.Queue), credential, new QueueClientOptions { Transport = transport });
        var work = new List<Task>();
        foreach (var name in content.Containers)
        {
            var access = content.PublicContainers.Contains(name) ? PublicAccessType.Blob : PublicAccessType.None;
            work.Add(blobs.GetBlobContainerClient(name).CreateIfNotExistsAsync(access, cancellationToken: cancel));
        }

        foreach (var name in content.Tables) work.Add(CreateTable(tables, name, cancel));
        foreach (var name in content.Queues) work.Add(queues.GetQueueClient(name).CreateIfNotExistsAsync(cancellationToken: cancel));
        await Task.WhenAll(work).ConfigureAwait(false);
    }

    private static async Task CreateTable(TableServiceClient tables, string name, CancellationToken cancel)
    {
        try
        {
            await tables.CreateTableAsync(name, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (error.Status == 409)
        {
            // There since an earlier run on the same data folder.
        }
    }

    private static Uri Append(Uri root) => new(root, Azurite.Account);
}

/// <summary>Where Azurite itself listens; only the front and the set-up know.</summary>
/// <param name="Blob">Blob service root.</param>
/// <param name="Queue">Queue service root.</param>
/// <param name="Table">Table service root.</param>
internal sealed record StorageBackends(Uri Blob, Uri Queue, Uri Table)
{
    public Uri Of(StorageService service) => service switch
    {
        StorageService.Blob => Blob,
        StorageService.Queue => Queue,
        _ => Table,
    };
}

/// <summary>HTTPS to one certificate and no other: the one we gave to Azurite.</summary>
internal static class Pinned
{
    public static SocketsHttpHandler Handler(X509Certificate2 certificate)
    {
        var expected = certificate.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, presented, _, _) =>
            presented?.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256) == expected;
        return handler;
    }
}
