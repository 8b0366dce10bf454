using System.Globalization;
using System.Text;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Serverless.Telemetry.Blobs;

/// <summary>A container of Azure Blob Storage.</summary>
/// <remarks>The client's own retries stay on: a repeated conditional append that had landed comes back as
/// <see cref="StaleWriterException"/>, which every caller answers by reloading, and a reload finds what landed.</remarks>
/// <param name="container">The container; it exists (infrastructure makes it).</param>
internal sealed class AzureBlobs(BlobContainerClient container) : IBlobs
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel)
    {
        var names = new List<string>();
        await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancel).ConfigureAwait(false)) names.Add(blob.Name);
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <inheritdoc/>
    public async Task<BlobContent?> Open(string name, long from, CancellationToken cancel)
    {
        var blob = container.GetBlobClient(name);
        try
        {
            var known = (await blob.GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value;
            var blocks = known.BlobType == BlobType.Append ? known.BlobCommittedBlockCount : 0;
            // A range that starts at the end is refused by the service (416), though it means "nothing new".
            if (from >= known.ContentLength) return new BlobContent(Stream.Null, known.ContentLength, blocks);
            var range = new HttpRange(from, known.ContentLength - from);
            var download = await blob.DownloadStreamingAsync(new BlobDownloadOptions { Range = range }, cancel).ConfigureAwait(false);
            return new BlobContent(download.Value.Content, known.ContentLength, blocks);
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> Create(string name, CancellationToken cancel)
    {
        var made = await container.GetAppendBlobClient(name)
            .CreateIfNotExistsAsync(cancellationToken: cancel).ConfigureAwait(false);
        return made is not null;
    }

    /// <inheritdoc/>
    public async Task Append(string name, ReadOnlyMemory<byte> block, long position, CancellationToken cancel)
    {
        using var stream = ReadOnlyStream.Over(block);
        try
        {
            var options = new AppendBlobAppendBlockOptions { Conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = position } };
            await container.GetAppendBlobClient(name).AppendBlockAsync(stream, options, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException moved) when (moved.Status == 412)
        {
            throw new StaleWriterException(name);
        }
    }

    /// <inheritdoc/>
    public async Task<long?> Length(string name, CancellationToken cancel)
    {
        try
        {
            return (await container.GetBlobClient(name).GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value.ContentLength;
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task Write(string name, IEnumerable<ReadOnlyMemory<byte>> chunks, CancellationToken cancel)
    {
        // Staged blocks become the blob with the block list, in one step: a crash before it leaves nothing to read.
        var blob = container.GetBlockBlobClient(name);
        var ids = new List<string>();
        foreach (var chunk in chunks)
        {
            var id = Convert.ToBase64String(Encoding.ASCII.GetBytes(ids.Count.ToString("D6", CultureInfo.InvariantCulture)));
            using var stream = ReadOnlyStream.Over(chunk);
            await blob.StageBlockAsync(id, stream, cancellationToken: cancel).ConfigureAwait(false);
            ids.Add(id);
        }

        await blob.CommitBlockListAsync(ids, cancellationToken: cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task Delete(string name, CancellationToken cancel) =>
        container.GetBlobClient(name).DeleteIfExistsAsync(cancellationToken: cancel);
}

/// <summary>Memory as the stream that the storage client asks for, without a copy.</summary>
file static class ReadOnlyStream
{
    public static MemoryStream Over(ReadOnlyMemory<byte> memory) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(memory, out var segment)
            ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
            : new MemoryStream(memory.ToArray(), writable: false);
}
