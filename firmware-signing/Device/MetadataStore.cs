using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device;

/// <summary>The metadata this device trusts: one file a role, the bytes exactly as received (FORMAT.md 6.2).</summary>
/// <remarks>What is read back is verified again, so damage costs a download; only a rollback of the whole directory is beyond
/// this layer (see <see cref="DiskFiles"/> on trust). Not thread-safe: one session at a time.</remarks>
/// <param name="files">The directory.</param>
public sealed class MetadataStore(IFiles files)
{
    /// <summary>The stored bytes, or <see langword="null"/>.</summary>
    /// <param name="role">Role name, as hostile as it likes.</param>
    /// <param name="bytesMax">The role's bound.</param>
    public byte[]? Read(string role, int bytesMax) => files.Read(FileOf(role), bytesMax);

    /// <summary>Keeps a role's verified bytes; they survive a power cut once this returns.</summary>
    /// <param name="role">Role name.</param>
    /// <param name="file">The bytes as received.</param>
    public void Keep(string role, ReadOnlySpan<byte> file) => AtomicFile.Replace(files, FileOf(role), file);

    /// <summary>Forgets timestamp and snapshot after their keys were revoked (workflow 5.3.11).</summary>
    /// <remarks>Called after the new root is durable. A cut in between leaves files whose signatures the new root no longer
    /// vouches for: they are ignored anyway.</remarks>
    public void ForgetVersions()
    {
        files.Delete(FileOf(RoleName.Timestamp));
        files.Delete(FileOf(RoleName.Snapshot));
        files.FlushNames();
    }

    private static string FileOf(string role) => RoleName.Quote(role) + ".json";
}
