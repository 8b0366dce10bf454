using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>Publishes so that a device sees the old publication or the new one, whole, at every moment (FORMAT.md 4.7).</summary>
/// <remarks>
/// Order: delegated roles, targets, snapshot, root, timestamp. Everything before the timestamp is a new immutable file no device
/// asks for yet (a root is the exception: it stands by itself, and old timestamps stay valid under it unless it revokes their
/// key, in which case a crash between the two freezes devices until the retry, never misleads them). A crash leaves orphans;
/// the retry passes over their version numbers, for gaps are legal. Two publishers race for the timestamp's tag; the loser
/// reads again and builds on the winner's publication, so no release is lost.
/// Target files themselves are uploaded before this is called.
/// </remarks>
/// <param name="files">The container.</param>
/// <param name="snapshotSigner">Online key of the snapshot.</param>
/// <param name="timestampSigner">Online key of the timestamp.</param>
/// <param name="policy">Lifetimes.</param>
/// <param name="clock">Read once a publication.</param>
public sealed class Publisher(IRepositoryFiles files, IDigestSigner snapshotSigner, IDigestSigner timestampSigner, PublishPolicy policy, TimeProvider clock)
{
    private const string TimestampFile = "timestamp.json";

    /// <summary>Publishes a change, or only renews the online roles.</summary>
    /// <param name="change">What changes.</param>
    /// <param name="cancel">The caller's patience. Cancelled or crashed, the call may be repeated as it was.</param>
    /// <returns>What devices now see, or <c>publish-stale</c> (a role's version is not above the published one: prepare it again),
    /// <c>publish-conflict</c> (another file of that version exists, or other publishers kept winning), <c>publish-root</c> (the first
    /// publication brings no root 1), or the fault with which a device would refuse the result (<c>timestamp-threshold</c>: not this root's online keys); then nothing was swapped.</returns>
    public async Task<Parsed<Published>> Publish(Change change, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(change);
        for (var attempt = 0; attempt < policy.Attempts; attempt++)
        {
            var (done, result) = await Attempt(change, cancel).ConfigureAwait(false);
            if (done) return result;
        }
        return new Fault("publish-conflict", "timestamp");
    }

    private async Task<(bool Done, Parsed<Published> Result)> Attempt(Change change, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (!(await PublishedState.Read(files, change.Root, cancel).ConfigureAwait(false)).TryGet(out var before, out var fault)) return (true, fault);

        // 1. Delegated roles, then targets: pre-signed, so their version is theirs, and must be new or the very same file.
        foreach (var (role, file) in change.Roles.OrderBy(one => one.Key == RoleName.Targets ? 1 : 0))
        {
            if (await CreateRole(before, role, file, cancel).ConfigureAwait(false) is { } refused) return (true, refused);
        }

        // 2. Snapshot, if it changes or grows old.
        var roles = before.RolesWith(change);
        var keepsSnapshot = before.Lists(roles) && before.SnapshotExpires - now >= policy.SnapshotRenewBefore && before.SnapshotStandsUnder(before.Root);
        Parsed<(long, ReadOnlyMemory<byte>)> snapshot = keepsSnapshot ? (before.SnapshotVersion, before.SnapshotFile!.Value) : await CreateSnapshot(before.SnapshotVersion + 1, now, roles, cancel).ConfigureAwait(false);
        if (!snapshot.TryGet(out var made, out fault)) return (true, fault);
        var (snapshotVersion, snapshotFile) = made;

        // 3. The timestamp is signed and the whole judged as a device would before anything becomes visible.
        var timestampVersion = before.TimestampVersion + 1;
        var draft = Draft.Timestamp(timestampVersion, now + policy.TimestampLives, MetaFile.Of(snapshotVersion, snapshotFile.Span));
        if (!(await SignedFile.Create(draft, [timestampSigner], cancel).ConfigureAwait(false)).TryGet(out var timestampFile, out fault)) return (true, fault);
        if (before.JudgedByDevice(change, roles, snapshotFile, timestampFile, now) is { } deviceFault) return (true, deviceFault);

        // 4. Root, then the swap that shows it all.
        if (change.Root is { } root && !await CreateOrSame($"{before.Root.Header.Version}.root.json", root, cancel).ConfigureAwait(false))
            return (true, new Fault("publish-conflict", "root"));
        var won = await files.Swap(TimestampFile, timestampFile, before.TimestampTag, cancel).ConfigureAwait(false);
        return (won, new Published(timestampVersion, snapshotVersion));
    }

    private async Task<Parsed<(long Version, ReadOnlyMemory<byte> File)>> CreateSnapshot(
        long version, DateTimeOffset now, Dictionary<string, MetaFile> roles, CancellationToken cancel)
    {
        for (; ; version++) // an orphan, or another publisher's: never overwritten, its signature is another
        {
            var signed = await SignedFile.Create(Draft.Snapshot(version, now + policy.SnapshotLives, roles), [snapshotSigner], cancel).ConfigureAwait(false);
            if (!signed.TryGet(out var file, out var fault)) return fault;
            if (await files.Create($"{version}.snapshot.json", file, cancel).ConfigureAwait(false)) return (version, file);
        }
    }

    private async Task<Fault?> CreateRole(PublishedState before, string role, byte[] file, CancellationToken cancel)
    {
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        if (!Targets.Parse(envelope.Signed).TryGet(out var targets, out fault)) return fault;
        var version = targets.Header.Version;
        // The same file again is a retry after a crash; it may even be published already.
        if (version <= before.VersionOf(role) && !before.HasExactly(role, version, file)) return new Fault("publish-stale", "targets.version");
        return await CreateOrSame($"{version}.{RoleName.Quote(role)}.json", file, cancel).ConfigureAwait(false) ? null : new Fault("publish-conflict", "targets.version");
    }

    private async Task<bool> CreateOrSame(string name, byte[] content, CancellationToken cancel) =>
        await files.Create(name, content, cancel).ConfigureAwait(false)
        || (await files.Read(name, cancel).ConfigureAwait(false))?.Content.Span.SequenceEqual(content) == true;
}
