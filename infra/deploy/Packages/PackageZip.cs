using System.IO.Compression;
using System.Security.Cryptography;

namespace Serverless.Deploy.Packages;

/// <summary>A function app as one zip whose bytes depend on nothing but the files: entries in ordinal order, one fixed time, Unix modes
/// of our own, no extra fields.</summary>
public static class PackageZip
{
    // Unix file types and permissions in the upper half of the external attributes (APPNOTE 4.4.15, "version made by" Unix).
    private const int RegularFile = 0x8000;
    private const int ReadByAll = 0x1A4; // 0644
    private const int RunByAll = 0x1ED; // 0755

    // The first moment a zip can tell. Anything else would have to come from somewhere: a clock, a commit, a file system.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>What does not belong to the app: symbols of the debugger and documentation.</summary>
    private static readonly string[] LeftOut = [".dbg", ".pdb", ".xml"];

    /// <summary>Writes the zip.</summary>
    /// <param name="folder">The app as published.</param>
    /// <param name="executable">The one file that is run, by name at the top; it gets the execute bit.</param>
    /// <param name="to">Where the bytes go; seekable, or the writer would add fields behind each entry.</param>
    /// <exception cref="DeployException">The folder is no function app: host.json or the executable is missing.</exception>
    public static void Write(string folder, string executable, Stream to)
    {
        ArgumentNullException.ThrowIfNull(to);
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
            .Where(name => !LeftOut.Contains(Path.GetExtension(name)))
            .Order(StringComparer.Ordinal).ToList();
        foreach (var needed in new[] { "host.json", executable })
        {
            if (!files.Contains(needed)) throw new DeployException($"{folder} is no published function app: it has no {needed}");
        }

        using var zip = new ZipArchive(to, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var name in files)
        {
            var entry = zip.CreateEntry(name, CompressionLevel.Optimal);
            entry.LastWriteTime = Epoch;
            entry.ExternalAttributes = (RegularFile | (name == executable ? RunByAll : ReadByAll)) << 16;
            using var from = File.OpenRead(Path.Combine(folder, name));
            using var into = entry.Open();
            from.CopyTo(into);
        }
    }

    /// <summary>Writes the zip to a file.</summary>
    /// <param name="folder">The app as published.</param>
    /// <param name="executable">See <see cref="Write(string, string, Stream)"/>.</param>
    /// <param name="file">The file, written over.</param>
    /// <returns>SHA-256 of the file, lower-case hex.</returns>
    public static string Write(string folder, string executable, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        using var to = File.Create(file);
        Write(folder, executable, to);
        to.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(to));
    }
}
