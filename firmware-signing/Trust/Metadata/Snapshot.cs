using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Snapshot metadata: the version of every targets role, so that files of different publications never mix
/// (TUF 1.0.34 section 4.4).</summary>
/// <param name="Header">Version and expiry.</param>
/// <param name="Roles">Entry by role name (the file name without <c>.json</c>). Always holds <c>targets</c>.</param>
public sealed record Snapshot(Header Header, IReadOnlyDictionary<string, MetaFile> Roles)
{
    /// <summary>Longest snapshot taken, bytes.</summary>
    public const int WireBytesMax = 2_000_000;

    private const string Suffix = ".json";

    /// <summary>Reads the signed part.</summary>
    /// <param name="signed">The object.</param>
    /// <returns>The snapshot, or <c>metadata-type</c>, <c>spec-version</c>, <c>expires-format</c>, <c>snapshot-meta</c> (a file
    /// that does not end in <c>.json</c>, or no <c>targets.json</c>), <c>hash-format</c>, <c>hash-unknown</c>, <c>field-*</c>.</returns>
    public static Parsed<Snapshot> Parse(JsonObject signed)
    {
        var fields = new Fields(signed, "snapshot");
        var header = Header.Read(fields, RoleName.Snapshot);
        var meta = fields.Object("meta");
        if (fields.Fault is not null) return fields.Fault;
        var roles = new Dictionary<string, MetaFile>(meta.Count, StringComparer.Ordinal);
        for (var i = 0; i < meta.Count; i++)
        {
            var name = meta.Names[i];
            if (!name.EndsWith(Suffix, StringComparison.Ordinal)) return new Fault("snapshot-meta", "snapshot.meta.*");
            if (meta.At(i) is not JsonObject json) return new Fault("field-type", "snapshot.meta.*");
            if (!MetaFile.Parse(json, "snapshot.meta.*").TryGet(out var entry, out var fault)) return fault;
            roles.Add(name[..^Suffix.Length], entry);
        }
        return roles.ContainsKey(RoleName.Targets) ? new Snapshot(header, roles) : new Fault("snapshot-meta", "snapshot.meta.targets");
    }
}
