namespace Serverless.FirmwareSigning.Repository;

/// <summary>The published metadata, as a blob container sees it: files made once, and one that is swapped.</summary>
/// <remarks>Not trusted by devices: who can write here can withhold updates, not forge them.</remarks>
public interface IRepositoryFiles
{
    /// <summary>A file and its tag, or <see langword="null"/>.</summary>
    /// <param name="name">For example <c>3.snapshot.json</c>.</param>
    /// <param name="cancel">The caller's patience.</param>
    Task<StoredFile?> Read(string name, CancellationToken cancel);

    /// <summary>Creates an immutable file.</summary>
    /// <param name="name">A versioned name.</param>
    /// <param name="content">Content.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>False when a file of that name exists; it is left as it is (blob: <c>If-None-Match: *</c>).</returns>
    /// <remarks>On an exception the write may have landed.</remarks>
    Task<bool> Create(string name, ReadOnlyMemory<byte> content, CancellationToken cancel);

    /// <summary>Replaces a file if it is still the one that was read.</summary>
    /// <param name="name"><c>timestamp.json</c>.</param>
    /// <param name="content">Content.</param>
    /// <param name="tag">Tag of the file read, or <see langword="null"/> when there was none.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>False when someone else replaced it (blob: <c>If-Match</c>).</returns>
    /// <remarks>On an exception the write may have landed.</remarks>
    Task<bool> Swap(string name, ReadOnlyMemory<byte> content, string? tag, CancellationToken cancel);
}

/// <summary>A file as stored.</summary>
/// <param name="Content">Content.</param>
/// <param name="Tag">Changes whenever the content does (blob: ETag).</param>
public sealed record StoredFile(ReadOnlyMemory<byte> Content, string Tag);
