using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.FirmwareSigning.Repository;

namespace Serverless.Firmware.Stores;

/// <summary>The repository's metadata in container <c>ota</c>, below <c>metadata/</c>.</summary>
/// <remarks>The client's own retries stay on. A conditional write that landed and is retried answers "exists" or "changed"; the publisher
/// finds out by reading what is there. Versioned files are cacheable for ever; the timestamp never.</remarks>
/// <param name="container">The container; it exists (infrastructure makes it).</param>
internal sealed class BlobRepositoryFiles(BlobContainerClient container) : IRepositoryFiles
{
    /// <summary>Folder of the metadata.</summary>
    public const string Folder = "metadata/";

    /// <summary>For what is never replaced.</summary>
    public const string Immutable = "public, max-age=31536000, immutable";

    /// <summary>For the timestamp: a cache must ask each time.</summary>
    public const string NoCache = "no-cache";

    private const int BytesMax = 16 * 1024 * 1024; // far over any file of ours; a bound on what a broken container can cost

    /// <inheritdoc/>
    public async Task<StoredFile?> Read(string name, CancellationToken cancel)
    {
        try
        {
            var answer = await container.GetBlobClient(Folder + name).DownloadStreamingAsync(cancellationToken: cancel).ConfigureAwait(false);
            using var download = answer.Value;
            if (download.Details.ContentLength > BytesMax) throw new IOException($"{name} is too long to be metadata.");
            var content = new byte[download.Details.ContentLength];
            await download.Content.ReadExactlyAsync(content, cancel).ConfigureAwait(false);
            return new StoredFile(content, download.Details.ETag.ToString());
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public Task<bool> Create(string name, ReadOnlyMemory<byte> content, CancellationToken cancel) =>
        Write(name, content, Immutable, new BlobRequestConditions { IfNoneMatch = ETag.All }, cancel);

    /// <inheritdoc/>
    public Task<bool> Swap(string name, ReadOnlyMemory<byte> content, string? tag, CancellationToken cancel) =>
        Write(name, content, NoCache, tag is null ? new BlobRequestConditions { IfNoneMatch = ETag.All } : new BlobRequestConditions { IfMatch = new ETag(tag) }, cancel);

    private async Task<bool> Write(string name, ReadOnlyMemory<byte> content, string cache, BlobRequestConditions conditions, CancellationToken cancel)
    {
        var options = new BlobUploadOptions { HttpHeaders = new BlobHttpHeaders { CacheControl = cache, ContentType = "application/json" }, Conditions = conditions };
        try
        {
            await container.GetBlobClient(Folder + name).UploadAsync(BinaryData.FromBytes(content), options, cancel).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException lost) when (lost.Status is 409 or 412)
        {
            return false;
        }
    }
}
