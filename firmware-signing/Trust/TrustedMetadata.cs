using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Trust;

/// <summary>The trust decision: every step of the TUF client workflow (1.0.34 section 5) except network and disk.</summary>
/// <remarks>
/// Bytes go in in the order root…, timestamp, snapshot, targets, delegated roles; each is the cached copy first, if there is
/// one, and then the server's. What comes back is trusted, or a fault that names the attack it stops; after a fault the state
/// is what it was before. The clock is read once, before: no two checks of a session disagree about it.
/// A cached timestamp or snapshot may be expired, or may not match, and still serve to notice a rollback; that is why
/// <see cref="CheckTimestamp"/> and <see cref="CheckSnapshot"/> are separate steps, taken before the next role is used.
/// Wrong order is a bug of the caller and throws <see cref="InvalidOperationException"/>. Not thread-safe.
/// </remarks>
public sealed class TrustedMetadata
{
    private readonly DateTimeOffset _now;
    private bool _rootIsFinal;

    private TrustedMetadata(Root root, DateTimeOffset now)
    {
        Root = root;
        _now = now;
    }

    /// <summary>The trusted root.</summary>
    public Root Root { get; private set; }

    /// <summary>The trusted timestamp, once taken.</summary>
    public Timestamp? Timestamp { get; private set; }

    /// <summary>The trusted snapshot, once taken.</summary>
    public Snapshot? Snapshot { get; private set; }

    /// <summary>The trusted top-level targets role, once taken.</summary>
    public Targets? Targets { get; private set; }

    /// <summary>Begins a session with the root the device already trusts (workflow 5.2).</summary>
    /// <param name="rootFile">From the device's own store or from manufacture. It must still carry its own signatures, so that a
    /// corrupted store is noticed.</param>
    /// <param name="now">The one reading of the clock.</param>
    /// <returns>The session, or <c>root-threshold</c> or a fault of <see cref="Metadata.Root.Parse"/> and <see cref="Envelope.Read"/>.
    /// Expiry is not checked here: an expired root may still vouch for its successor (5.3.10).</returns>
    public static Parsed<TrustedMetadata> Begin(ReadOnlyMemory<byte> rootFile, DateTimeOffset now)
    {
        if (!Envelope.Read(rootFile).TryGet(out var envelope, out var fault)) return fault;
        if (!Metadata.Root.Parse(envelope.Signed).TryGet(out var root, out fault)) return fault;
        return root.Vouches(RoleName.Root, envelope) ? new TrustedMetadata(root, now) : new Fault("root-threshold", "signatures");
    }

    /// <summary>Takes the next root (workflow 5.3.4 to 5.3.6).</summary>
    /// <param name="file">The server's <c>N+1.root.json</c>.</param>
    /// <returns>The root, now trusted, or <c>root-threshold-old</c> (the trusted root's keys did not sign: a hijacked rotation),
    /// <c>root-version</c> (not exactly the next: rollback, or a skipped revocation), <c>root-threshold</c> (its own keys did not
    /// sign: a rotation to keys nobody holds), or a parse fault.</returns>
    public Parsed<Root> TakeRoot(ReadOnlyMemory<byte> file)
    {
        if (_rootIsFinal) throw new InvalidOperationException("A root after the timestamp.");
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        // Before it is parsed: unsigned text gets no further than the envelope.
        if (!Root.Vouches(RoleName.Root, envelope)) return new Fault("root-threshold-old", "signatures"); // 5.3.4
        if (!Metadata.Root.Parse(envelope.Signed).TryGet(out var next, out fault)) return fault;
        if (next.Header.Version != Root.Header.Version + 1) return new Fault("root-version", "root.version"); // 5.3.5
        if (!next.Vouches(RoleName.Root, envelope)) return new Fault("root-threshold", "signatures"); // 5.3.4
        Root = next;
        return next;
    }

    /// <summary>No newer root exists: from here on the root must be current (workflow 5.3.10).</summary>
    /// <returns>Nothing, or <c>root-expired</c>: a freeze, or a repository nobody tends.</returns>
    public Fault? FinishRoot()
    {
        _rootIsFinal = true;
        return Root.Header.IsExpired(_now) ? new Fault("root-expired", "root.expires") : null;
    }

    /// <summary>Takes a timestamp, cached or fetched (workflow 5.4.2 and 5.4.3).</summary>
    /// <param name="file">The bytes.</param>
    /// <returns>The timestamp, now trusted, or <c>timestamp-threshold</c>, <c>timestamp-rollback</c> (older than the trusted one),
    /// <c>timestamp-same</c> (the trusted version again: keep the trusted one, this is no failure),
    /// <c>snapshot-rollback</c> (it points to an older snapshot), or a parse fault. Expiry is <see cref="CheckTimestamp"/>'s.</returns>
    public Parsed<Timestamp> TakeTimestamp(ReadOnlyMemory<byte> file)
    {
        if (!_rootIsFinal || Snapshot is not null) throw new InvalidOperationException("The timestamp comes after the last root and before the snapshot.");
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        if (!Root.Vouches(RoleName.Timestamp, envelope)) return new Fault("timestamp-threshold", "signatures"); // 5.4.2
        if (!Metadata.Timestamp.Parse(envelope.Signed).TryGet(out var next, out fault)) return fault;
        if (Timestamp is { } trusted)
        {
            if (next.Header.Version < trusted.Header.Version) return new Fault("timestamp-rollback", "timestamp.version"); // 5.4.3.1
            if (next.Header.Version == trusted.Header.Version) return new Fault("timestamp-same", "timestamp.version");
            if (next.Snapshot.Version < trusted.Snapshot.Version) return new Fault("snapshot-rollback", "timestamp.meta.snapshot.version"); // 5.4.3.2
        }
        Timestamp = next;
        return next;
    }

    /// <summary>Freeze check of a fetched or final timestamp (workflow 5.4.4).</summary>
    /// <param name="timestamp">The timestamp to check; it need not be trusted yet.</param>
    /// <returns>Nothing, or <c>timestamp-expired</c>.</returns>
    public Fault? CheckTimestamp(Timestamp timestamp)
    {
        ArgumentNullException.ThrowIfNull(timestamp);
        return timestamp.Header.IsExpired(_now) ? new Fault("timestamp-expired", "timestamp.expires") : null;
    }

    /// <summary>Takes a snapshot (workflow 5.5.2 to 5.5.5).</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="origin">Whether the bytes come from the device's own store, where they were checked against the timestamp of
    /// their day; an older one then still serves to notice rollbacks.</param>
    /// <returns>The snapshot, now trusted, or <c>metadata-length</c>, <c>metadata-hash</c>, <c>snapshot-threshold</c>,
    /// <c>snapshot-version</c>, <c>targets-rollback</c> (a role's version went down), <c>targets-removed</c> (a role vanished: how
    /// a revocation is hidden), <c>timestamp-expired</c>, <c>snapshot-expired</c> (both only for a fetched one), or a parse fault.</returns>
    public Parsed<Snapshot> TakeSnapshot(ReadOnlyMemory<byte> file, Origin origin)
    {
        if (Timestamp is not { } timestamp || Targets is not null) throw new InvalidOperationException("The snapshot comes after the timestamp and before targets.");
        if (origin == Origin.Server && CheckTimestamp(timestamp) is { } expired) return expired;
        // 5.5.2. A cached file was checked when it came; an older one cannot match the newer timestamp, and need not.
        if (origin == Origin.Server && timestamp.Snapshot.Refuses(file.Span, RoleName.Snapshot) is { } mismatch) return mismatch;
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        if (!Root.Vouches(RoleName.Snapshot, envelope)) return new Fault("snapshot-threshold", "signatures"); // 5.5.3
        if (!Metadata.Snapshot.Parse(envelope.Signed).TryGet(out var next, out fault)) return fault;
        if (origin == Origin.Server && next.Header.Version != timestamp.Snapshot.Version) return new Fault("snapshot-version", "snapshot.version"); // 5.5.4
        foreach (var (role, before) in Snapshot?.Roles ?? new Dictionary<string, MetaFile>()) // 5.5.5
        {
            if (!next.Roles.TryGetValue(role, out var after)) return new Fault("targets-removed", "snapshot.meta.*");
            if (after.Version < before.Version) return new Fault("targets-rollback", "snapshot.meta.*.version");
        }
        // The expired fetched snapshot is not persisted, and the older cached one stays for comparison.
        if (origin == Origin.Server && next.Header.IsExpired(_now)) return new Fault("snapshot-expired", "snapshot.expires"); // 5.5.6
        Snapshot = next;
        return next;
    }

    /// <summary>Whether the trusted snapshot is the one the timestamp names, and current (workflow 5.5.4 and 5.5.6).</summary>
    /// <param name="file">The bytes it was read from: the timestamp may state their length and digest.</param>
    /// <returns>Nothing, or <c>snapshot-version</c>, <c>snapshot-expired</c>, <c>metadata-length</c>, <c>metadata-hash</c>.</returns>
    public Fault? CheckSnapshot(ReadOnlyMemory<byte> file)
    {
        if (Snapshot is not { } snapshot || Timestamp is not { } timestamp) throw new InvalidOperationException("No snapshot yet.");
        return snapshot.Header.Version != timestamp.Snapshot.Version ? new Fault("snapshot-version", "snapshot.version")
            : timestamp.Snapshot.Refuses(file.Span, RoleName.Snapshot) is { } mismatch ? mismatch
            : snapshot.Header.IsExpired(_now) ? new Fault("snapshot-expired", "snapshot.expires")
            : null;
    }

    /// <summary>Takes the top-level targets role (workflow 5.6).</summary>
    /// <param name="file">The bytes, cached or fetched.</param>
    /// <returns>The role, now trusted, or <c>targets-unlisted</c>, <c>metadata-length</c>, <c>metadata-hash</c>, <c>targets-threshold</c>,
    /// <c>targets-version</c> (not the one the snapshot lists: mix-and-match), <c>targets-expired</c>, or a parse fault.</returns>
    public Parsed<Targets> TakeTargets(ReadOnlyMemory<byte> file)
    {
        var judged = Judge(file, RoleName.Targets, envelope => Root.Vouches(RoleName.Targets, envelope));
        if (judged.TryGet(out var targets, out _)) Targets = targets;
        return judged;
    }

    /// <summary>Judges a delegated role for one delegator (workflow 5.6.7).</summary>
    /// <param name="file">The bytes, cached or fetched.</param>
    /// <param name="delegator">The trusted role that delegates.</param>
    /// <param name="delegation">The delegation, one of the delegator's.</param>
    /// <returns>The role, trusted for this delegator only: two delegators may name one role with different keys, so nothing is
    /// remembered between them. Or a fault as of <see cref="TakeTargets"/>.</returns>
    public Parsed<Targets> JudgeDelegated(ReadOnlyMemory<byte> file, Targets delegator, Delegation delegation)
    {
        ArgumentNullException.ThrowIfNull(delegator);
        ArgumentNullException.ThrowIfNull(delegation);
        if (Targets is null) throw new InvalidOperationException("Delegated roles come after targets.");
        return Judge(file, delegation.Name, envelope => delegation.Keys.AreMetBy(envelope, delegator.Keys));
    }

    /// <summary>What the snapshot says of a role.</summary>
    /// <param name="role">The role.</param>
    /// <returns>The entry, or <c>targets-unlisted</c>: a role outside the snapshot belongs to no publication.</returns>
    public Parsed<MetaFile> EntryOf(string role)
    {
        if (Snapshot is null) throw new InvalidOperationException("No snapshot yet.");
        return Snapshot.Roles.TryGetValue(role, out var entry) ? entry : new Fault("targets-unlisted", "snapshot.meta.*");
    }

    private Parsed<Targets> Judge(ReadOnlyMemory<byte> file, string role, Func<Envelope, bool> vouched)
    {
        if (!EntryOf(role).TryGet(out var entry, out var fault)) return fault;
        if (entry.Refuses(file.Span, "targets") is { } mismatch) return mismatch; // 5.6.2
        if (!Envelope.Read(file).TryGet(out var envelope, out fault)) return fault;
        if (!vouched(envelope)) return new Fault("targets-threshold", "signatures"); // 5.6.3
        if (!Metadata.Targets.Parse(envelope.Signed).TryGet(out var next, out fault)) return fault;
        if (next.Header.Version != entry.Version) return new Fault("targets-version", "targets.version"); // 5.6.4
        return next.Header.IsExpired(_now) ? new Fault("targets-expired", "targets.expires") : next; // 5.6.5
    }
}

/// <summary>Where metadata bytes come from.</summary>
public enum Origin
{
    /// <summary>The device's own store: written by this client after verification.</summary>
    Cache,

    /// <summary>The network: anyone.</summary>
    Server,
}
