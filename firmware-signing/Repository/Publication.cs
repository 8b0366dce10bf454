using Serverless.Faults;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>What devices see now, read back and verified as a device would, up to expiry: an expired repository must still be
/// readable to those who renew it. Delegated roles are read when asked for. Not thread-safe.</summary>
public sealed class Publication
{
    private const int RootsMax = 1024;

    private readonly IRepositoryFiles _files;
    private readonly TrustedMetadata _trusted;
    private readonly Dictionary<string, PublishedRole> _roles = new(StringComparer.Ordinal);

    private Publication(IRepositoryFiles files, TrustedMetadata trusted, Root newestRoot, JsonObject targetsSigned) =>
        (_files, _trusted, NewestRoot, TargetsSigned) = (files, trusted, newestRoot, targetsSigned);

    /// <summary>The newest root. After a crash between root and timestamp it is one ahead of what the timestamp stands under.</summary>
    public Root NewestRoot { get; }

    /// <summary>Whether the newest root is not yet the one that the timestamp stands under: somebody must sign the timestamp.</summary>
    public bool RootIsAhead => NewestRoot.Header.Version != _trusted.Root.Header.Version;

    /// <summary>The timestamp.</summary>
    public Timestamp Timestamp => _trusted.Timestamp!;

    /// <summary>The snapshot.</summary>
    public Snapshot Snapshot => _trusted.Snapshot!;

    /// <summary>The top-level targets role.</summary>
    public Targets Targets => _trusted.Targets!;

    /// <summary>Its signed part, with the members that only we know.</summary>
    public JsonObject TargetsSigned { get; }

    /// <summary>Reads the present publication.</summary>
    /// <param name="files">The container.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The publication, or <c>publish-root</c> (nothing was ever published), <c>publish-conflict</c> (a file that another names
    /// is not there), or the fault with which a device would refuse it.</returns>
    public static async Task<Parsed<Publication>> Read(IRepositoryFiles files, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(files);
        // The timestamp first: what it names is older than it, and immutable. The other way round a publication between two reads
        // could look like a broken one.
        var timestamp = await files.Read("timestamp.json", cancel).ConfigureAwait(false);
        var roots = new List<ReadOnlyMemory<byte>>();
        while (roots.Count < RootsMax && await files.Read($"{roots.Count + 1}.root.json", cancel).ConfigureAwait(false) is { } root) roots.Add(root.Content);
        if (timestamp is null || roots.Count == 0) return new Fault("publish-root", "root");
        var read = await ReadUnder(files, roots, roots.Count, timestamp.Content, cancel).ConfigureAwait(false);
        return read.Fault is { Code: "timestamp-threshold" } && roots.Count > 1
            ? await ReadUnder(files, roots, roots.Count - 1, timestamp.Content, cancel).ConfigureAwait(false)
            : read;
    }

    /// <summary>A delegated role.</summary>
    /// <param name="name">The role.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The role; <c>targets-unlisted</c> before it is first published, or when nobody delegates to it; or as
    /// <see cref="Read"/>.</returns>
    public async Task<Parsed<PublishedRole>> Role(string name, CancellationToken cancel)
    {
        if (_roles.TryGetValue(name, out var known)) return known;
        if (Targets.Delegations.FirstOrDefault(one => one.Name == name) is not { } delegation || !Snapshot.Roles.TryGetValue(name, out var entry))
            return new Fault("targets-unlisted", "snapshot.meta.*");
        if (await _files.Read($"{entry.Version}.{RoleName.Quote(name)}.json", cancel).ConfigureAwait(false) is not { } file) return new Fault("publish-conflict", "targets.delegations.roles.*");
        if (!_trusted.JudgeDelegated(file.Content, Targets, delegation).TryGet(out var targets, out var fault)) return fault;
        if (!Envelope.Read(file.Content).TryGet(out var envelope, out fault)) return fault;
        return _roles[name] = new PublishedRole(envelope.Signed, targets);
    }

    private static async Task<Parsed<Publication>> ReadUnder(
        IRepositoryFiles files, List<ReadOnlyMemory<byte>> roots, int count, ReadOnlyMemory<byte> timestampFile, CancellationToken cancel)
    {
        if (!TrustedMetadata.Begin(roots[0], DateTimeOffset.MinValue).TryGet(out var trusted, out var fault)) return fault;
        var newest = trusted.Root;
        for (var i = 1; i < count; i++)
        {
            if (!trusted.TakeRoot(roots[i]).TryGet(out newest, out fault)) return fault;
        }
        // The root after the one the timestamp stands under: verified by it, used only to know which keys come next.
        if (count < roots.Count && !TakeNext(roots, count).TryGet(out newest, out fault)) return fault;
        if (trusted.FinishRoot() is { } ended) return ended;
        if (!trusted.TakeTimestamp(timestampFile).TryGet(out var timestamp, out fault)) return fault;
        if (await files.Read($"{timestamp.Snapshot.Version}.snapshot.json", cancel).ConfigureAwait(false) is not { } snapshotFile) return new Fault("publish-conflict", "snapshot");
        if (!trusted.TakeSnapshot(snapshotFile.Content, Origin.Server).TryGet(out var snapshot, out fault)) return fault;
        if (await files.Read($"{snapshot.Roles[RoleName.Targets].Version}.targets.json", cancel).ConfigureAwait(false) is not { } targetsFile)
            return new Fault("publish-conflict", "targets");
        if (!trusted.TakeTargets(targetsFile.Content).TryGet(out _, out fault)) return fault;
        if (!Envelope.Read(targetsFile.Content).TryGet(out var envelope, out fault)) return fault;
        return new Publication(files, trusted, newest, envelope.Signed);
    }

    private static Parsed<Root> TakeNext(List<ReadOnlyMemory<byte>> roots, int last)
    {
        if (!TrustedMetadata.Begin(roots[0], DateTimeOffset.MinValue).TryGet(out var trusted, out var fault)) return fault;
        for (var i = 1; i <= last; i++)
        {
            if (!trusted.TakeRoot(roots[i]).TryGet(out _, out fault)) return fault;
        }
        return trusted.Root;
    }
}

/// <summary>A delegated role as published.</summary>
/// <param name="Signed">Its signed part.</param>
/// <param name="Targets">The same, parsed.</param>
public sealed record PublishedRole(JsonObject Signed, Targets Targets);
