using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device;

/// <summary>One run of the client workflow: the network and disk around <see cref="TrustedMetadata"/> (FORMAT.md 6).</summary>
/// <remarks>Requests, in order: root N+1 and on, timestamp, snapshot, targets; then delegated roles as targets are looked up.
/// Nothing else is asked for, and nothing that the cache can answer. Each file is stored as soon as it is trusted, so a cut
/// or a refusal later keeps the rollback protection already won. A session lives for one update check, with one reading of the clock.</remarks>
public sealed class RepositorySession
{
    /// <summary>Roots taken in one session: a device asleep through more rotations than that takes two sessions.</summary>
    public const int RootStepsMax = 256;

    /// <summary>Delegated roles visited in one lookup.</summary>
    public const int RolesMax = 32;

    private readonly TrustedMetadata _trusted;
    private readonly MetadataStore _store;
    private readonly BoundedFetch _fetch;
    private readonly RepositoryAddress _address;

    private RepositorySession(TrustedMetadata trusted, MetadataStore store, BoundedFetch fetch, RepositoryAddress address) =>
        (_trusted, _store, _fetch, _address) = (trusted, store, fetch, address);

    /// <summary>Refreshes the top-level roles.</summary>
    /// <param name="store">This device's metadata; its root must be there.</param>
    /// <param name="fetch">The network.</param>
    /// <param name="address">The repository.</param>
    /// <param name="now">The session's one reading of the clock.</param>
    /// <param name="cancel">The caller's patience; files already trusted stay stored.</param>
    /// <returns>A session with current, trusted top-level roles, or <c>root-missing</c>, <c>root-steps</c> (more than
    /// <see cref="RootStepsMax"/> new roots: those taken are stored, the next session goes on from there), a fault of <see cref="TrustedMetadata"/> or of
    /// <see cref="BoundedFetch.ReadWhole"/>.</returns>
    /// <exception cref="HttpRequestException">The repository is not reachable: an outage. What was stored is valid.</exception>
    public static async Task<Parsed<RepositorySession>> Refresh(
        MetadataStore store, BoundedFetch fetch, RepositoryAddress address, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (store.Read(RoleName.Root, Root.WireBytesMax) is not { } rootFile) return new Fault("root-missing", "root");
        if (!TrustedMetadata.Begin(rootFile, now).TryGet(out var trusted, out var fault)) return fault;
        var session = new RepositorySession(trusted, store, fetch, address);
        fault = await session.RefreshRoot(cancel).ConfigureAwait(false)
            ?? await session.RefreshTimestamp(cancel).ConfigureAwait(false)
            ?? await session.RefreshSnapshot(cancel).ConfigureAwait(false)
            ?? await session.RefreshTargets(cancel).ConfigureAwait(false);
        return fault is null ? session : fault;
    }

    /// <summary>The trusted top-level roles.</summary>
    public TrustedMetadata Trusted => _trusted;

    /// <summary>Looks a target up: the top-level role, then delegations that cover it, depth first in order of priority
    /// (workflow 5.6.7).</summary>
    /// <param name="name">Target name.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The entry of the first role that lists it, or <c>target-absent</c>, <c>target-search</c> (more than
    /// <see cref="RolesMax"/> roles), <c>targets-unlisted</c>, or a fault of judging or fetching a role on the way: an
    /// answer of a lower role is never taken while a higher one is unreadable.</returns>
    public async Task<Parsed<TargetFile>> Find(string name, CancellationToken cancel)
    {
        var visited = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Stack<(Targets Delegator, Delegation Delegation)>();
        var role = _trusted.Targets!;
        while (true)
        {
            if (role.Files.TryGetValue(name, out var file)) return file;
            Descend(role, name, pending);
            do
            {
                if (pending.Count == 0) return new Fault("target-absent", "target");
            }
            while (visited.Contains(pending.Peek().Delegation.Name) && pending.TryPop(out _)); // a cycle, or a role two others share
            var (delegator, delegation) = pending.Pop();
            if (visited.Count == RolesMax) return new Fault("target-search", "target");
            visited.Add(delegation.Name);
            if (!(await Load(delegator, delegation, cancel).ConfigureAwait(false)).TryGet(out var next, out var fault)) return fault;
            role = next;
        }
    }

    /// <summary>Where a found target's bytes are.</summary>
    /// <param name="name">Target name.</param>
    /// <param name="file">Its entry.</param>
    public Uri AddressOf(string name, TargetFile file) => _address.Target(name, file);

    // Pushes in reverse, so that the first delegation is visited first. A terminating one that covers the name ends the search:
    // nothing that came before it on the stack may answer either.
    private static void Descend(Targets role, string name, Stack<(Targets, Delegation)> pending)
    {
        var covering = role.Delegations.Where(delegation => delegation.Covers(name)).ToList();
        var last = covering.FindIndex(delegation => delegation.Terminating);
        if (last >= 0)
        {
            pending.Clear();
            covering.RemoveRange(last + 1, covering.Count - last - 1);
        }
        for (var i = covering.Count - 1; i >= 0; i--) pending.Push((role, covering[i]));
    }

    private async Task<Fault?> RefreshRoot(CancellationToken cancel)
    {
        for (var step = 0; step < RootStepsMax; step++)
        {
            var before = _trusted.Root;
            var answer = await _fetch.ReadWhole(_address.Role(RoleName.Root, before.Header.Version + 1), Root.WireBytesMax, cancel).ConfigureAwait(false);
            // Only absence ends the chain. Any other failure could hide a revocation, so it fails the session.
            if (answer.Fault is { Code: "fetch-absent" }) return _trusted.FinishRoot();
            if (!answer.TryGet(out var file, out var fault)) return fault;
            if (!_trusted.TakeRoot(file).TryGet(out var next, out fault)) return fault;
            _store.Keep(RoleName.Root, file); // even if expired: it still revokes, and vouches for its successor
            if (before.RevokesFor(RoleName.Timestamp, next) || before.RevokesFor(RoleName.Snapshot, next)) _store.ForgetVersions();
        }
        return new Fault("root-steps", "root");
    }

    private async Task<Fault?> RefreshTimestamp(CancellationToken cancel)
    {
        // The cached one, if good, sets the floor for versions; if damaged or revoked it is simply not there.
        if (_store.Read(RoleName.Timestamp, Timestamp.WireBytesMax) is { } cached) _ = _trusted.TakeTimestamp(cached);
        var answer = await _fetch.ReadWhole(_address.Timestamp, Timestamp.WireBytesMax, cancel).ConfigureAwait(false);
        if (!answer.TryGet(out var file, out var fault)) return fault;
        var taken = _trusted.TakeTimestamp(file);
        if (taken.Fault is { Code: "timestamp-same" }) return _trusted.CheckTimestamp(_trusted.Timestamp!);
        if (!taken.TryGet(out var timestamp, out fault)) return fault;
        if (_trusted.CheckTimestamp(timestamp) is { } expired) return expired; // 5.4.4: not stored
        _store.Keep(RoleName.Timestamp, file);
        return null;
    }

    private async Task<Fault?> RefreshSnapshot(CancellationToken cancel)
    {
        if (_store.Read(RoleName.Snapshot, Snapshot.WireBytesMax) is { } cached
            && _trusted.TakeSnapshot(cached, Origin.Cache).TryGet(out _, out _)
            && _trusted.CheckSnapshot(cached) is null)
        {
            return null;
        }
        var entry = _trusted.Timestamp!.Snapshot;
        var answer = await _fetch.ReadWhole(_address.Role(RoleName.Snapshot, entry.Version), Bound(entry, Snapshot.WireBytesMax), cancel).ConfigureAwait(false);
        if (!answer.TryGet(out var file, out var fault)) return fault;
        if (!_trusted.TakeSnapshot(file, Origin.Server).TryGet(out _, out fault)) return fault;
        _store.Keep(RoleName.Snapshot, file);
        return null;
    }

    private async Task<Fault?> RefreshTargets(CancellationToken cancel)
    {
        var judged = await CachedOrFetched(RoleName.Targets, _trusted.TakeTargets, cancel).ConfigureAwait(false);
        return judged.Fault;
    }

    private Task<Parsed<Targets>> Load(Targets delegator, Delegation delegation, CancellationToken cancel) =>
        CachedOrFetched(delegation.Name, file => _trusted.JudgeDelegated(file, delegator, delegation), cancel);

    private async Task<Parsed<Targets>> CachedOrFetched(string role, Func<ReadOnlyMemory<byte>, Parsed<Targets>> judge, CancellationToken cancel)
    {
        if (!_trusted.EntryOf(role).TryGet(out var entry, out var fault)) return fault;
        if (_store.Read(role, Targets.WireBytesMax) is { } cached)
        {
            var kept = judge(cached);
            if (kept.Fault is null) return kept;
        }
        var answer = await _fetch.ReadWhole(_address.Role(role, entry.Version), Bound(entry, Targets.WireBytesMax), cancel).ConfigureAwait(false);
        if (!answer.TryGet(out var file, out fault)) return fault;
        var judged = judge(file);
        if (judged.Fault is null) _store.Keep(role, file);
        return judged;
    }

    private static int Bound(MetaFile entry, int roleMax) => (int)Math.Min(entry.Length ?? roleMax, roleMax);
}
