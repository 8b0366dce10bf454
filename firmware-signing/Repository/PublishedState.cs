using Serverless.Faults;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>What is published now, read back and verified up to expiry: an expired repository must still be renewable.</summary>
/// <remarks>The first root is the container's own: whoever could replace it could make the publisher sign snapshots of files no
/// device trusts, which stops updates and ships nothing.</remarks>
internal sealed class PublishedState
{
    private const int RootsMax = 1024;

    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);
    private byte[] _previousRoot = [];
    private ReadOnlyMemory<byte>? _timestampFile;
    private Snapshot? _snapshot;
    private Envelope? _snapshotEnvelope;

    public required Root Root { get; init; }

    public byte[] RootFile { get; private set; } = [];

    public string? TimestampTag { get; private set; }

    public long TimestampVersion { get; private set; }

    public ReadOnlyMemory<byte>? SnapshotFile { get; private set; }

    public long SnapshotVersion => _snapshot?.Header.Version ?? 0;

    public DateTimeOffset SnapshotExpires => _snapshot?.Header.Expires ?? DateTimeOffset.MinValue;

    public static async Task<Parsed<PublishedState>> Read(IRepositoryFiles files, byte[]? nextRoot, CancellationToken cancel)
    {
        var roots = new List<byte[]>();
        while (roots.Count < RootsMax && await files.Read($"{roots.Count + 1}.root.json", cancel).ConfigureAwait(false) is { } stored) roots.Add(stored.Content.ToArray());
        // After a crash between root and timestamp the next root is already there.
        if (nextRoot is not null && (roots.Count == 0 || !roots[^1].AsSpan().SequenceEqual(nextRoot))) roots.Add(nextRoot);
        if (roots.Count == 0) return new Fault("publish-root", "root");
        if (!TrustedMetadata.Begin(roots[0], DateTimeOffset.MinValue).TryGet(out var trusted, out var fault)) return fault;
        foreach (var next in roots.Skip(1))
        {
            if (!trusted.TakeRoot(next).TryGet(out _, out fault)) return fault;
        }
        var state = new PublishedState { Root = trusted.Root, RootFile = roots[^1], _previousRoot = roots[Math.Max(0, roots.Count - 2)] };
        return await state.ReadVersions(files, roots, cancel).ConfigureAwait(false) is { } refused ? refused : state;
    }

    public long VersionOf(string role) => _snapshot is not null && _snapshot.Roles.TryGetValue(role, out var entry) ? entry.Version : 0;

    public bool HasExactly(string role, long version, byte[] file) =>
        VersionOf(role) == version && _files.TryGetValue(role, out var published) && published.AsSpan().SequenceEqual(file);

    // The snapshot must be signed anew when a root takes its key away.
    public bool SnapshotStandsUnder(Root root) => _snapshotEnvelope is not null && root.Vouches(RoleName.Snapshot, _snapshotEnvelope);

    public Dictionary<string, MetaFile> RolesWith(Change change)
    {
        var roles = _snapshot is null ? new(StringComparer.Ordinal) : new Dictionary<string, MetaFile>(_snapshot.Roles, StringComparer.Ordinal);
        foreach (var (role, file) in change.Roles)
        {
            if (Envelope.Read(file).TryGet(out var envelope, out _) && Targets.Parse(envelope.Signed).TryGet(out var targets, out _))
                roles[role] = MetaFile.Of(targets.Header.Version, file);
        }
        foreach (var removed in change.RemovedRoles) roles.Remove(removed);
        return roles;
    }

    public bool Lists(Dictionary<string, MetaFile> roles) =>
        _snapshot is not null && _snapshot.Roles.Count == roles.Count
        && roles.All(role => _snapshot.Roles.TryGetValue(role.Key, out var before) && before == role.Value);

    /// <summary>What a device that holds the present publication would say of the next one.</summary>
    public Fault? JudgedByDevice(Change change, Dictionary<string, MetaFile> roles, ReadOnlyMemory<byte> snapshot, ReadOnlyMemory<byte> timestamp, DateTimeOffset now)
    {
        if (!TrustedMetadata.Begin(_previousRoot, now).TryGet(out var device, out var fault)) return fault;
        var revoked = false;
        if (!_previousRoot.AsSpan().SequenceEqual(RootFile))
        {
            var before = device.Root;
            if (!device.TakeRoot(RootFile).TryGet(out var root, out fault)) return fault;
            revoked = before.RevokesFor(RoleName.Timestamp, root) || before.RevokesFor(RoleName.Snapshot, root);
        }
        if (device.FinishRoot() is { } frozen) return frozen;
        if (!revoked && _timestampFile is { } oldTimestamp) _ = device.TakeTimestamp(oldTimestamp);
        if (!device.TakeTimestamp(timestamp).TryGet(out _, out fault)) return fault;
        if (!revoked && SnapshotFile is { } oldSnapshot) _ = device.TakeSnapshot(oldSnapshot, Origin.Cache);
        if (!device.TakeSnapshot(snapshot, Origin.Server).TryGet(out _, out fault)) return fault;
        if (FileOf(change, RoleName.Targets) is not { } targetsFile) return new Fault("publish-stale", "targets");
        if (!device.TakeTargets(targetsFile).TryGet(out var targets, out fault)) return fault;
        foreach (var delegation in targets.Delegations.Where(delegation => roles.ContainsKey(delegation.Name)))
        {
            if (FileOf(change, delegation.Name) is not { } file) return new Fault("publish-stale", "targets.delegations.roles.*");
            if (device.JudgeDelegated(file, targets, delegation).Fault is { } refused) return refused;
        }
        return null;
    }

    private byte[]? FileOf(Change change, string role) => change.Roles.TryGetValue(role, out var changed) ? changed : _files.GetValueOrDefault(role);

    private async Task<Fault?> ReadVersions(IRepositoryFiles files, List<byte[]> roots, CancellationToken cancel)
    {
        if (await files.Read("timestamp.json", cancel).ConfigureAwait(false) is not { } stored) return null;
        TimestampTag = stored.Tag;
        _timestampFile = stored.Content;
        // Under the root that is current, or the one before: the next root may be what revokes these very keys.
        if (!ReadUnder(roots[^1], stored.Content).TryGet(out var timestamp, out var fault)
            && (roots.Count < 2 || !ReadUnder(roots[^2], stored.Content).TryGet(out timestamp, out fault)))
        {
            return fault;
        }

        TimestampVersion = timestamp.Header.Version;
        if (await files.Read($"{timestamp.Snapshot.Version}.snapshot.json", cancel).ConfigureAwait(false) is not { } snapshotFile) return new Fault("publish-conflict", "snapshot");
        if (timestamp.Snapshot.Refuses(snapshotFile.Content.Span, RoleName.Snapshot) is { } mismatch) return mismatch;
        if (!Envelope.Read(snapshotFile.Content).TryGet(out _snapshotEnvelope, out fault)) return fault;
        if (!Snapshot.Parse(_snapshotEnvelope.Signed).TryGet(out _snapshot, out fault)) return fault;
        SnapshotFile = snapshotFile.Content;
        foreach (var (role, entry) in _snapshot.Roles)
        {
            if (await files.Read($"{entry.Version}.{RoleName.Quote(role)}.json", cancel).ConfigureAwait(false) is { } file) _files[role] = file.Content.ToArray();
        }
        return null;
    }

    private static Parsed<Timestamp> ReadUnder(byte[] rootFile, ReadOnlyMemory<byte> timestampFile)
    {
        if (!Envelope.Read(rootFile).TryGet(out var rootEnvelope, out var fault) || !Envelope.Read(timestampFile).TryGet(out var envelope, out fault)) return fault;
        if (!Root.Parse(rootEnvelope.Signed).TryGet(out var root, out fault)) return fault;
        return root.Vouches(RoleName.Timestamp, envelope) ? Timestamp.Parse(envelope.Signed) : new Fault("timestamp-threshold", "signatures");
    }
}
