using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Serverless.FirmwareSigning.Device.Files;

/// <summary><see cref="IFiles"/> on a real directory.</summary>
/// <remarks>On Unix names are flushed by fsync of the directory (POSIX leaves a rename volatile without it). On Windows NTFS
/// journals names and offers no such call; <see cref="FlushNames"/> does nothing there.
/// The directory is trusted: who can write it can roll this device's metadata back.</remarks>
public sealed partial class DiskFiles : IFiles
{
    private readonly string _directory;

    /// <summary>Uses a directory, creating it when missing.</summary>
    /// <param name="directory">Path.</param>
    public DiskFiles(string directory)
    {
        Directory.CreateDirectory(directory);
        _directory = directory;
    }

    /// <inheritdoc/>
    public byte[]? Read(string name, int bytesMax)
    {
        var path = PathOf(name);
        if (!File.Exists(path)) return null;
        using var handle = File.OpenHandle(path);
        var length = RandomAccess.GetLength(handle);
        if (length > bytesMax) return null;
        var content = new byte[length];
        var read = 0;
        while (read < content.Length)
        {
            var step = RandomAccess.Read(handle, content.AsSpan(read), read);
            if (step == 0) return null;
            read += step;
        }
        return content;
    }

    /// <inheritdoc/>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        using var handle = File.OpenHandle(PathOf(name), FileMode.Create, FileAccess.Write);
        RandomAccess.Write(handle, content, 0);
    }

    /// <inheritdoc/>
    public void Flush(string name)
    {
        using var handle = File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.Write);
        RandomAccess.FlushToDisk(handle);
    }

    /// <inheritdoc/>
    public void Rename(string from, string to) => File.Move(PathOf(from), PathOf(to), overwrite: true);

    /// <inheritdoc/>
    public void Delete(string name) => File.Delete(PathOf(name));

    /// <inheritdoc/>
    public void FlushNames()
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(_directory, flags: 0);
        if (descriptor < 0) throw new IOException("The directory cannot be opened for fsync.", new Win32Exception(Marshal.GetLastPInvokeError()));
        try
        {
            if (Fsync(descriptor) != 0) throw new IOException("fsync of the directory failed.", new Win32Exception(Marshal.GetLastPInvokeError()));
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private string PathOf(string name) => Path.Combine(_directory, name);

    // The base library opens no directory handle, so libc directly: open(path, O_RDONLY), fsync, close.
    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}
