namespace Serverless.Telemetry.Blobs;

/// <summary>One blob container, as far as ingestion needs it. Thread-safe.</summary>
/// <remarks>Every method passes the service's exception through on an outage. Unless a method says otherwise, a failed write
/// <b>may have landed</b>: callers find out by reading, never by assuming.</remarks>
internal interface IBlobs
{
    /// <summary>Names of all blobs below a prefix, ascending by ordinal. Strongly consistent.</summary>
    Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel);

    /// <summary>Opens a blob for reading from an offset to the end it has now.</summary>
    /// <param name="name">Name in the container.</param>
    /// <param name="from">First byte to read, 0 to the blob's length.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The content, or <see langword="null"/> when there is no such blob.</returns>
    Task<BlobContent?> Open(string name, long from, CancellationToken cancel);

    /// <summary>Creates an empty append blob unless the name is taken.</summary>
    /// <returns>Whether this call created it.</returns>
    Task<bool> Create(string name, CancellationToken cancel);

    /// <summary>Appends one block, all of it or nothing, if the blob is exactly <paramref name="position"/> bytes long.</summary>
    /// <param name="name">An append blob.</param>
    /// <param name="block">1 byte to <see cref="BlobLimits.AppendBytesMax"/>.</param>
    /// <param name="position">The length the blob must have.</param>
    /// <param name="cancel">Stops the call; the block may have landed.</param>
    /// <exception cref="StaleWriterException">Somebody else appended (or an unanswered first try of this very call landed).</exception>
    Task Append(string name, ReadOnlyMemory<byte> block, long position, CancellationToken cancel);

    /// <summary>The blob's length in bytes, or <see langword="null"/> when there is no such blob.</summary>
    Task<long?> Length(string name, CancellationToken cancel);

    /// <summary>Writes a whole blob; readers see all of it or nothing. Chunks are pulled one at a time and may reuse their memory.</summary>
    Task Write(string name, IEnumerable<ReadOnlyMemory<byte>> chunks, CancellationToken cancel);

    /// <summary>Deletes a blob; one that is gone already is no error.</summary>
    Task Delete(string name, CancellationToken cancel);
}

/// <summary>A blob opened for reading.</summary>
/// <param name="Bytes">From the offset asked for to the end; the caller disposes it.</param>
/// <param name="Length">Length of the whole blob in bytes when it was opened.</param>
/// <param name="Blocks">Blocks of an append blob; 0 for other blobs.</param>
internal sealed record BlobContent(Stream Bytes, long Length, int Blocks) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Bytes.Dispose();
}

/// <summary>What the blob service allows, and what we use of it.</summary>
internal static class BlobLimits
{
    /// <summary>Largest block appended, in bytes. The service takes 4 MiB in every API version (100 MiB from 2022-11-02 on).</summary>
    public const int AppendBytesMax = 4 * 1024 * 1024;

    /// <summary>Blocks after which an append blob is left for the next one; the service refuses block 50 001.</summary>
    public const int BlocksMax = 49_000;
}

/// <summary>Another writer has moved the blob on: what this writer decided from is not the newest. It must reload.</summary>
/// <param name="blob">Name of the blob.</param>
internal sealed class StaleWriterException(string blob)
    : IOException($"'{blob}' was changed by another writer; this one reloads before it goes on")
{
}
