namespace Serverless.FirmwareSigning.Device.Files;

/// <summary>One flat directory, with durability spelled out, so that a test can cut the power between any two calls.</summary>
/// <remarks>Nothing is durable until flushed: a written file needs <see cref="Flush"/>, a new or renamed name needs
/// <see cref="FlushNames"/>. I/O failures are exceptions: an outage. Not thread-safe.</remarks>
public interface IFiles
{
    /// <summary>The content, or <see langword="null"/> when there is no such file or it is longer than the bound (a file
    /// of ours is never longer: it is damage, and treated as absence).</summary>
    /// <param name="name">File name, without directory.</param>
    /// <param name="bytesMax">Bound.</param>
    byte[]? Read(string name, int bytesMax);

    /// <summary>Creates or truncates, and writes. Not durable, not atomic.</summary>
    /// <param name="name">File name.</param>
    /// <param name="content">Content.</param>
    void Write(string name, ReadOnlySpan<byte> content);

    /// <summary>Makes the file's content durable.</summary>
    /// <param name="name">An existing file.</param>
    void Flush(string name);

    /// <summary>Renames over whatever is there, atomically. Durable after <see cref="FlushNames"/>.</summary>
    /// <param name="from">An existing file.</param>
    /// <param name="to">The new name.</param>
    void Rename(string from, string to);

    /// <summary>Deletes, if there. Durable after <see cref="FlushNames"/>.</summary>
    /// <param name="name">File name.</param>
    void Delete(string name);

    /// <summary>Makes creations, renames and deletions durable.</summary>
    void FlushNames();
}
