using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device;

/// <summary>Downloads a target into a directory, for gateways that keep files and for the command line.</summary>
/// <remarks>A name in the directory always means verified content: the download goes to a temporary file and is renamed after its
/// digests were checked. Devices with slots use the updater instead.</remarks>
public static class TargetDownload
{
    /// <summary>Looks a target up and downloads it, unless the directory already holds it.</summary>
    /// <param name="session">A refreshed session.</param>
    /// <param name="fetch">The network.</param>
    /// <param name="name">Target name. The file is called by it, quoted into one segment.</param>
    /// <param name="directory">Destination; created when missing.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>Nothing when the verified file is there, or <c>hash-unknown</c>, <c>target-hash</c> (swapped or corrupted), or a fault
    /// of <see cref="RepositorySession.Find"/> or <see cref="BoundedFetch.ReadRest"/>.</returns>
    public static async Task<Fault?> ToDirectory(RepositorySession session, BoundedFetch fetch, string name, string directory, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(fetch);
        if (!(await session.Find(name, cancel).ConfigureAwait(false)).TryGet(out var entry, out var fault)) return fault;
        if (!entry.Hashes.AreUsable) return new Fault("hash-unknown", "targets.targets.*.hashes");
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, RoleName.Quote(name));
        if (await Holds(path, entry, cancel).ConfigureAwait(false)) return null;
        var temporary = path + ".download";
        try
        {
            fault = await Download(fetch, session.AddressOf(name, entry), entry, temporary, cancel).ConfigureAwait(false);
            if (fault is null) File.Move(temporary, path, overwrite: true);
            return fault;
        }
        finally
        {
            File.Delete(temporary); // nothing there after the move
        }
    }

    private static async Task<Fault?> Download(BoundedFetch fetch, Uri uri, TargetFile entry, string path, CancellationToken cancel)
    {
        using var digest = new StreamDigest(entry.Hashes);
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        long at = 0;
        var fault = await fetch.ReadRest(uri, 0, entry.Length, chunk =>
        {
            digest.Append(chunk.Span);
            RandomAccess.Write(file, chunk.Span, at);
            at += chunk.Length;
            return null;
        }, cancel).ConfigureAwait(false);
        if (fault is not null) return fault;
        RandomAccess.FlushToDisk(file);
        return digest.Matches() ? null : new Fault("target-hash", "target");
    }

    private static async Task<bool> Holds(string path, TargetFile entry, CancellationToken cancel)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != entry.Length) return false;
        using var digest = new StreamDigest(entry.Hashes);
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            var chunk = new byte[64 * 1024];
            for (int read; (read = await file.ReadAsync(chunk, cancel).ConfigureAwait(false)) > 0;) digest.Append(chunk.AsSpan(0, read));
        }
        return digest.Matches();
    }
}

/// <summary>Checks content against its digests as it streams by.</summary>
/// <param name="expected">Digests, at least one usable.</param>
public sealed class StreamDigest(Hashes expected) : IDisposable
{
    private readonly IncrementalHash? _sha256 = expected.Sha256 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _sha512 = expected.Sha512 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA512);

    /// <summary>Takes the next bytes.</summary>
    /// <param name="content">Bytes, in order.</param>
    public void Append(ReadOnlySpan<byte> content)
    {
        _sha256?.AppendData(content);
        _sha512?.AppendData(content);
    }

    /// <summary>Whether the bytes taken so far have every digest. May be asked once; the state is spent.</summary>
    public bool Matches() =>
        expected.AreUsable
        && (_sha256 is null || _sha256.GetHashAndReset().AsSpan().SequenceEqual(expected.Sha256))
        && (_sha512 is null || _sha512.GetHashAndReset().AsSpan().SequenceEqual(expected.Sha512));

    /// <summary>Frees the hash states.</summary>
    public void Dispose()
    {
        _sha256?.Dispose();
        _sha512?.Dispose();
    }
}
