using System.Security.Cryptography;
using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.ReleaseCommand.Ceremony;

/// <summary>Keys in files: encrypted private ones of holders, public ones of everybody.</summary>
/// <param name="session">Asks for passphrases.</param>
/// <param name="passphraseFiles">File that holds a passphrase, by holder or by key file's name; others are asked for.</param>
internal sealed class KeyFiles(Session session, IReadOnlyDictionary<string, string> passphraseFiles)
{
    /// <summary>Characters of a passphrase at least. PBKDF2 with 600 000 rounds buys about 20 bits; the rest must be in it.</summary>
    public const int PassphraseCharsMin = 16;

    private const int FileBytesMax = 64 * 1024;

    /// <summary>Asks for a new passphrase, twice.</summary>
    /// <param name="holder">Whose.</param>
    /// <returns>The passphrase, or <c>passphrase-short</c>, <c>passphrase-mismatch</c>, <c>passphrase-missing</c>.</returns>
    public Parsed<string> NewPassphrase(string holder)
    {
        if (!Passphrase(holder, $"new passphrase of {holder}: ").TryGet(out var first, out var fault)) return fault;
        if (first.Length < PassphraseCharsMin) return new Fault("passphrase-short", $"passphrase.{holder}");
        if (passphraseFiles.ContainsKey(holder)) return first;
        return session.At.AskSecret($"once more, passphrase of {Printable.Of(holder)}: ") == first ? first : new Fault("passphrase-mismatch", $"passphrase.{holder}");
    }

    /// <summary>Opens a holder's key file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The key, which the caller disposes of; or <c>file-missing</c>, <c>file-size</c>, <c>passphrase-missing</c>, <c>key-file</c>.</returns>
    public Parsed<FileKey> Open(string path)
    {
        if (!InputFile.Read(path, FileBytesMax).TryGet(out var bytes, out var fault)) return fault;
        var name = Path.GetFileName(path);
        if (!Passphrase(name, $"passphrase of {name}: ").TryGet(out var passphrase, out fault)) return fault;
        return FileKey.Open(Encoding.UTF8.GetString(bytes), passphrase);
    }

    /// <summary>Reads a public key, P-256, as <c>fwsign export-key</c> writes it.</summary>
    /// <param name="path">A PEM file with one <c>PUBLIC KEY</c>.</param>
    /// <returns>The key, or <c>file-missing</c>, <c>file-size</c>, <c>public-key</c>.</returns>
    public static Parsed<PublicKey> ReadPublic(string path)
    {
        if (!InputFile.Read(path, FileBytesMax).TryGet(out var bytes, out var fault)) return fault;
        var text = Encoding.UTF8.GetString(bytes);
        if (!PemEncoding.TryFind(text, out var found) || text[found.Label] != "PUBLIC KEY") return new Fault("public-key", Path.GetFileName(path));
        using var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(text);
            return PublicKey.From(key);
        }
        catch (Exception refused) when (refused is CryptographicException or ArgumentException)
        {
            return new Fault("public-key", Path.GetFileName(path));
        }
    }

    // For a script the passphrase comes from a file: an argument or a variable could be seen by other processes.
    private Parsed<string> Passphrase(string name, string question)
    {
        // The key file alice.root.pem is also alice's.
        if (passphraseFiles.TryGetValue(name, out var path) || passphraseFiles.TryGetValue(name.Split('.')[0], out path))
        {
            return InputFile.Read(path, 4096).Then<string>(bytes => Encoding.UTF8.GetString(bytes).TrimEnd('\r', '\n'));
        }

        if (!session.At.IsInteractive) return new Fault("passphrase-missing", $"passphrase.{name}");
        return session.At.AskSecret(Printable.Of(question)) is { Length: > 0 } typed ? typed : new Fault("passphrase-missing", $"passphrase.{name}");
    }
}

/// <summary>Files the person names.</summary>
internal static class InputFile
{
    /// <summary>Reads a file, bounded.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytesMax">Bound.</param>
    /// <returns>The content, or <c>file-missing</c>, <c>file-size</c>.</returns>
    /// <exception cref="IOException">It is there and cannot be read.</exception>
    public static Parsed<byte[]> Read(string path, int bytesMax)
    {
        var file = new FileInfo(path);
        if (!file.Exists) return new Fault("file-missing", Path.GetFileName(path));
        return file.Length > bytesMax ? new Fault("file-size", Path.GetFileName(path)) : File.ReadAllBytes(path);
    }
}

/// <summary>Files a ceremony leaves: none is ever written over, and none appears half.</summary>
internal static class OutputFiles
{
    /// <summary>Writes files that must not exist yet.</summary>
    /// <param name="folder">Created when missing.</param>
    /// <param name="files">Name, content, and whether only the owner may read it; in this order.</param>
    /// <returns>Nothing, or <c>file-exists</c>: then none was written.</returns>
    public static Fault? Create(string folder, params IReadOnlyList<(string Name, byte[] Content, bool Secret)> files)
    {
        if (files.FirstOrDefault(file => Path.Exists(Path.Combine(folder, file.Name))) is { Name: { } there }) return new Fault("file-exists", there);
        Directory.CreateDirectory(folder);
        foreach (var (name, content, secret) in files) Write(Path.Combine(folder, name), content, secret);
        return null;
    }

    /// <summary>Replaces a draft.</summary>
    /// <param name="path">The draft.</param>
    /// <param name="content">Its next content.</param>
    public static void Replace(string path, byte[] content) => Write(path, content, secret: false, overwrite: true);

    private static void Write(string path, byte[] content, bool secret, bool overwrite = false)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (secret && !OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(path + ".next", options))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }
        File.Move(path + ".next", path, overwrite);
    }
}
