using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Targets metadata, top-level or delegated: files, and whom else to ask (TUF 1.0.34 section 4.5).</summary>
/// <param name="Header">Version and expiry.</param>
/// <param name="Files">File by target name.</param>
/// <param name="Keys">Keys of the delegations, by keyid.</param>
/// <param name="Delegations">Delegations, in order of priority.</param>
public sealed record Targets(
    Header Header,
    IReadOnlyDictionary<string, TargetFile> Files,
    IReadOnlyDictionary<string, PublicKey> Keys,
    IReadOnlyList<Delegation> Delegations)
{
    /// <summary>Longest targets file taken, bytes.</summary>
    public const int WireBytesMax = 5_000_000;

    private static readonly Dictionary<string, PublicKey> NoKeys = [];

    /// <summary>Reads the signed part.</summary>
    /// <param name="signed">The object.</param>
    /// <returns>The role, or <c>metadata-type</c>, <c>spec-version</c>, <c>expires-format</c>, <c>target-name</c>,
    /// <c>hash-format</c>, <c>delegation-twice</c>, <c>succinct-roles</c> (hash-bin delegations, which our format does not have: ignored they
    /// would hide files), <c>role-name</c>, <c>delegation-paths</c>, <c>keyid-*</c>, <c>key-public</c>, <c>field-*</c>.</returns>
    public static Parsed<Targets> Parse(JsonObject signed)
    {
        var fields = new Fields(signed, "targets");
        var header = Header.Read(fields, RoleName.Targets);
        var entries = fields.Object("targets");
        var delegationsJson = fields.Has("delegations") ? fields.Object("delegations") : null;
        if (fields.Fault is not null) return fields.Fault;
        var files = new Dictionary<string, TargetFile>(entries.Count, StringComparer.Ordinal);
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries.Names[i].Length is 0 or > PathPattern.CharsMax) return new Fault("target-name", "targets.targets.*");
            if (entries.At(i) is not JsonObject json) return new Fault("field-type", "targets.targets.*");
            if (!TargetFile.Parse(json).TryGet(out var file, out var fault)) return fault;
            files.Add(entries.Names[i], file);
        }
        if (delegationsJson is null) return new Targets(header, files, NoKeys, []);
        return ReadDelegations(delegationsJson).TryGet(out var found, out var refused)
            ? new Targets(header, files, found.Keys, found.Delegations)
            : refused;
    }

    private static Parsed<(IReadOnlyDictionary<string, PublicKey> Keys, IReadOnlyList<Delegation> Delegations)> ReadDelegations(JsonObject json)
    {
        var fields = new Fields(json, "targets.delegations");
        if (fields.Has("succinct_roles")) return new Fault("succinct-roles", "targets.delegations.succinct_roles");
        var keysJson = fields.Object("keys");
        var list = fields.List("roles", 4096);
        if (fields.Fault is not null) return fields.Fault;
        if (!RoleKeys.ReadKeys(keysJson, "targets.delegations.keys").TryGet(out var keys, out var fault)) return fault;
        var delegations = new List<Delegation>(list.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in list)
        {
            if (item is not JsonObject role) return new Fault("field-type", "targets.delegations.roles.*");
            if (!Delegation.Parse(role).TryGet(out var delegation, out fault)) return fault;
            if (!names.Add(delegation.Name)) return new Fault("delegation-twice", "targets.delegations.roles.*.name");
            delegations.Add(delegation);
        }
        return (keys, delegations);
    }
}
