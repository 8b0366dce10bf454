namespace Serverless.FirmwareSigning.Repository;

/// <summary>What a publication changes. Files are whole and already signed: the publisher holds none of their keys.</summary>
/// <param name="Roles">File by role: <c>targets</c> and delegated roles.</param>
/// <param name="Root">The next root, or <see langword="null"/>.</param>
/// <param name="RemovedRoles">Delegated roles to drop from the snapshot; devices accept that only with a rotation of the snapshot's key.</param>
public sealed record Change(IReadOnlyDictionary<string, byte[]> Roles, byte[]? Root, IReadOnlyList<string> RemovedRoles)
{
    /// <summary>Nothing but new signatures of the online roles.</summary>
    public static Change Refresh { get; } = new(new Dictionary<string, byte[]>(), null, []);

    /// <summary>One or more roles.</summary>
    /// <param name="roles">Role and its signed file.</param>
    public static Change Of(params IEnumerable<(string Role, byte[] File)> roles) =>
        new(roles.ToDictionary(role => role.Role, role => role.File, StringComparer.Ordinal), null, []);
}

/// <summary>What devices now see.</summary>
/// <param name="TimestampVersion">Version of the timestamp.</param>
/// <param name="SnapshotVersion">Version of the snapshot.</param>
public sealed record Published(long TimestampVersion, long SnapshotVersion);
