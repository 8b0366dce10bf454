using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Serverless.Faults;
using Serverless.Firmware.Releases;

namespace Serverless.Firmware.Stores;

/// <summary>Container <c>firmware</c>.</summary>
/// <param name="container">The container; it exists.</param>
internal sealed class BlobImages(BlobContainerClient container) : IImages
{
    /// <inheritdoc/>
    public async Task<Image?> Look(string name, CancellationToken cancel)
    {
        try
        {
            var known = (await container.GetBlobClient(name).GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value;
            return new Image(name, known.ContentLength, known.ETag.ToString());
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<Stream?> Open(Image image, CancellationToken cancel) => await RangesAhead.Open(container.GetBlobClient(image.Name), image, cancel).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<Parsed<ReadOnlyMemory<byte>>> ReadWhole(string name, int bytesMax, CancellationToken cancel)
    {
        try
        {
            var answer = await container.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancel).ConfigureAwait(false);
            using var download = answer.Value;
            if (download.Details.ContentLength > bytesMax) return new Fault("sbom-size", "sbom");
            var content = new byte[download.Details.ContentLength];
            await download.Content.ReadExactlyAsync(content, cancel).ConfigureAwait(false);
            return new ReadOnlyMemory<byte>(content);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return new Fault("sbom-unknown", "sbom");
        }
    }
}

/// <summary>The repository's images in container <c>ota</c>, below <c>targets/</c>.</summary>
/// <param name="container">The container; it exists.</param>
internal sealed class BlobTargetShelf(BlobContainerClient container) : ITargetShelf
{
    /// <summary>Folder of the images.</summary>
    public const string Folder = "targets/";

    /// <inheritdoc/>
    public async Task<bool> Holds(string name, CancellationToken cancel) =>
        (await container.GetBlobClient(Folder + name).ExistsAsync(cancel).ConfigureAwait(false)).Value;

    /// <inheritdoc/>
    public ITargetWriter Begin(string name) => new Writer(container.GetBlockBlobClient(Folder + name));

    private sealed class Writer(BlockBlobClient blob) : ITargetWriter
    {
        private readonly List<string> _blocks = [];

        public async Task Add(ReadOnlyMemory<byte> block, CancellationToken cancel)
        {
            // Ids repeat from run to run: blocks of a run that died are replaced, and what is left over goes with the commit.
            var id = Convert.ToBase64String(Encoding.ASCII.GetBytes(_blocks.Count.ToString("D8", CultureInfo.InvariantCulture)));
            using var content = MemoryMarshal.TryGetArray(block, out var bytes)
                ? new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false)
                : new MemoryStream(block.ToArray(), writable: false);
            await blob.StageBlockAsync(id, content, cancellationToken: cancel).ConfigureAwait(false);
            _blocks.Add(id);
        }

        public async Task Finish(CancellationToken cancel)
        {
            var options = new CommitBlockListOptions
            {
                HttpHeaders = new BlobHttpHeaders { CacheControl = BlobRepositoryFiles.Immutable, ContentType = "application/octet-stream" },
                Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All },
            };
            try
            {
                await blob.CommitBlockListAsync(_blocks, options, cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException faster) when (faster.Status is 409 or 412)
            {
                // Its name is its digest: what the faster one wrote is the same.
            }
        }
    }
}
