using System.Buffers.Binary;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.ReleaseCommand.Online;

/// <summary>Uploads files of any size in blocks; a second run goes on where the first stopped.</summary>
/// <remarks>A block's id holds the digest of its content, so a block that is there is the right one, whoever staged it. The name holds the digest
/// of the whole, so a name that is taken holds this very file or a bug. What arrives is hashed again by the Firmware app in any case.</remarks>
internal static class ImageUpload
{
    /// <summary>4 MiB: an image of 195 GiB fits into the 50 000 blocks of a blob.</summary>
    public const int BlockBytes = 4 * 1024 * 1024;

    /// <summary>Blocks in flight.</summary>
    public const int Parallel = 4;

    /// <summary>Where a file goes: <c>product/version/digest/file</c>.</summary>
    /// <param name="product">Product id.</param>
    /// <param name="version">Version.</param>
    /// <param name="sha256">The file's digest, lower-case hex.</param>
    /// <param name="file">Its name.</param>
    public static string NameOf(string product, string version, string sha256, string file) => $"{product}/{version}/{sha256[..16]}/{file}";

    /// <summary>Uploads a file.</summary>
    /// <param name="container">Container <c>firmware</c>.</param>
    /// <param name="name">From <see cref="NameOf"/>.</param>
    /// <param name="path">The file; it must not change meanwhile.</param>
    /// <param name="length">Its length, as hashed.</param>
    /// <param name="progress">Told the bytes that are there.</param>
    /// <param name="cancel">The caller's patience; staged blocks stay for a week.</param>
    /// <returns>Nothing, or <c>blob-length</c> (the name is taken by something else), <c>image-changed</c> (the file is not as long as it was).</returns>
    /// <exception cref="RequestFailedException">The store refused or could not be reached; blocks may have landed.</exception>
    public static async Task<Fault?> Run(BlobContainerClient container, string name, string path, long length, IProgress<long> progress, CancellationToken cancel)
    {
        var blob = container.GetBlockBlobClient(name);
        var (there, staged) = await Found(blob, cancel).ConfigureAwait(false);
        if (there > 0)
        {
            progress.Report(there);
            return there == length ? null : new Fault("blob-length", name);
        }

        var ids = new List<string>();
        var flying = new Queue<Task>();
        long done = 0;
        using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        if (RandomAccess.GetLength(file) != length) return new Fault("image-changed", Path.GetFileName(path));
        for (long at = 0; at < length; at += BlockBytes)
        {
            var block = new byte[Math.Min(BlockBytes, length - at)];
            for (var filled = 0; filled < block.Length;)
            {
                var read = RandomAccess.Read(file, block.AsSpan(filled), at + filled);
                if (read == 0) return new Fault("image-changed", Path.GetFileName(path));
                filled += read;
            }
            var id = BlockId(at / BlockBytes, block);
            ids.Add(id);
            if (flying.Count == Parallel) await flying.Dequeue().ConfigureAwait(false);
            flying.Enqueue(staged.Contains(id) ? Count(Task.CompletedTask, block.Length) : Count(Stage(blob, id, block, cancel), block.Length));
        }
        while (flying.TryDequeue(out var one)) await one.ConfigureAwait(false);

        try
        {
            await blob.CommitBlockListAsync(ids, new CommitBlockListOptions { Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } }, cancel).ConfigureAwait(false);
            return null;
        }
        catch (RequestFailedException taken) when (taken.Status is 409 or 412)
        {
            // Another run of the same upload came first, or our own answer was lost.
            return (await Found(blob, cancel).ConfigureAwait(false)).Length == length ? null : new Fault("blob-length", name);
        }

        async Task Count(Task staging, int bytes)
        {
            await staging.ConfigureAwait(false);
            progress.Report(Interlocked.Add(ref done, bytes));
        }
    }

    private static async Task Stage(BlockBlobClient blob, string id, byte[] block, CancellationToken cancel)
    {
        using var content = new MemoryStream(block);
        await blob.StageBlockAsync(id, content, options: null, cancel).ConfigureAwait(false);
    }

    // All ids of a blob have one length: number and digest, 40 bytes in base64.
    private static string BlockId(long number, byte[] block)
    {
        var id = new byte[8 + SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(id, number);
        SHA256.HashData(block, id.AsSpan(8));
        return Convert.ToBase64String(id);
    }

    // One question for both: the length of the blob, 0 when there is none (an image is never empty), and blocks that await being put together.
    private static async Task<(long Length, HashSet<string> Staged)> Found(BlockBlobClient blob, CancellationToken cancel)
    {
        try
        {
            var list = (await blob.GetBlockListAsync(BlockListTypes.All, cancellationToken: cancel).ConfigureAwait(false)).Value;
            return (list.BlobContentLength, [.. list.UncommittedBlocks.Select(block => block.Name)]);
        }
        catch (RequestFailedException absent) when (absent.Status == 404)
        {
            return (0, []);
        }
    }
}
