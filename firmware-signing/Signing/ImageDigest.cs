using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Serverless.FirmwareSigning.Signing;

/// <summary>SHA-256 of an image of any size in constant memory.</summary>
public static class ImageDigest
{
    /// <summary>Two of these are held: one being hashed while the other is read. Larger ones leave the CPU's cache.</summary>
    public const int ChunkBytes = 512 * 1024;

    /// <summary>Hashes a file.</summary>
    /// <param name="path">The file; it must not change meanwhile.</param>
    /// <param name="progress">Told the bytes hashed so far, about every 512 KiB; or <see langword="null"/>.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>Length and digest of the same bytes.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static async Task<(long Length, byte[] Sha256)> OfFile(string path, IProgress<long>? progress, CancellationToken cancel)
    {
        using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (filled, empty) = (new byte[ChunkBytes], new byte[ChunkBytes]);
        long length = 0;
        var count = Fill(file, filled, 0);
        while (count > 0)
        {
            cancel.ThrowIfCancellationRequested();
            length += count;
            // Read ahead on another thread: from the page cache reading is a copy, and would otherwise take a fifth of the time.
            var (target, offset) = (empty, length);
            var ahead = Task.Run(() => Fill(file, target, offset), CancellationToken.None);
            hash.AppendData(filled, 0, count);
            progress?.Report(length);
            count = await ahead.ConfigureAwait(false);
            (filled, empty) = (empty, filled);
        }
        return (length, hash.GetHashAndReset());
    }

    /// <summary>Hashes a stream while it comes in, and hands its bytes on.</summary>
    /// <param name="source">The stream, at its start.</param>
    /// <param name="chunkBytes">Bytes a chunk; two chunks are held. <see cref="ChunkBytes"/>, or more when the sink wants larger blocks.</param>
    /// <param name="sink">Gets each chunk, in order, and its end's offset; the memory is valid until it returns. All but the last are
    /// <paramref name="chunkBytes"/> long.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>Length and digest of the bytes handed on.</returns>
    /// <exception cref="IOException">The stream broke off.</exception>
    public static async Task<(long Length, byte[] Sha256)> OfStream(
        Stream source, int chunkBytes, Func<ReadOnlyMemory<byte>, long, CancellationToken, Task> sink, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(sink);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (filled, empty) = (new byte[chunkBytes], new byte[chunkBytes]);
        long length = 0;
        var count = await source.ReadAtLeastAsync(filled, chunkBytes, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        while (count > 0)
        {
            length += count;
            // Read ahead on another thread: what the socket has already is copied while this one hashes.
            var target = empty;
            var ahead = Task.Run(() => source.ReadAtLeastAsync(target, chunkBytes, throwOnEndOfStream: false, cancel).AsTask(), CancellationToken.None);
            try
            {
                hash.AppendData(filled, 0, count);
                await sink(filled.AsMemory(0, count), length, cancel).ConfigureAwait(false);
            }
            finally
            {
                count = await ahead.ConfigureAwait(false); // also when the sink fails: the stream must not be read after its owner disposes it
            }
            (filled, empty) = (empty, filled);
        }
        return (length, hash.GetHashAndReset());
    }

    // A short read is not the end; only 0 is.
    private static int Fill(SafeFileHandle file, byte[] buffer, long offset)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var read = RandomAccess.Read(file, buffer.AsSpan(filled), offset + filled);
            if (read == 0) break;
            filled += read;
        }
        return filled;
    }
}
