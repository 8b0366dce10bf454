namespace Serverless.FirmwareSigning.Device.Files;

/// <summary>Replaces a file so that a power cut leaves the old content or the new, whole.</summary>
public static class AtomicFile
{
    /// <summary>Suffix of the half-written copy. A leftover is overwritten by the next replacement and never read.</summary>
    public const string TemporarySuffix = ".new";

    /// <summary>Replaces a file. After the call the new content survives a power cut.</summary>
    /// <param name="files">The directory.</param>
    /// <param name="name">File name.</param>
    /// <param name="content">New content.</param>
    public static void Replace(IFiles files, string name, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(files);
        var temporary = name + TemporarySuffix;
        files.Write(temporary, content); // cut here: the temporary is torn, the old file stands
        files.Flush(temporary); // before the rename: otherwise a journal may keep the new name with no content
        files.Rename(temporary, name); // cut here: old or new name, both whole
        files.FlushNames(); // after it the new content is what any later step may build on
    }

    /// <summary>Deletes a file durably.</summary>
    /// <param name="files">The directory.</param>
    /// <param name="name">File name.</param>
    public static void Delete(IFiles files, string name)
    {
        ArgumentNullException.ThrowIfNull(files);
        files.Delete(name);
        files.FlushNames();
    }
}
