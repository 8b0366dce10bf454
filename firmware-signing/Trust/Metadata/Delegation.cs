using System.Buffers;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>One role a targets role trusts for some names (TUF 1.0.34 section 4.5).</summary>
/// <param name="Name">The role's name; <see cref="RoleName.MayBeDelegated"/>.</param>
/// <param name="Keys">Who may sign it.</param>
/// <param name="Terminating">Whether the search for a covered name ends with this role and what it delegates to.</param>
/// <param name="Paths">Patterns, or <see langword="null"/> when hash prefixes are used.</param>
/// <param name="PathHashPrefixes">Prefixes, or <see langword="null"/> when patterns are used.</param>
public sealed record Delegation(string Name, RoleKeys Keys, bool Terminating, IReadOnlyList<string>? Paths, IReadOnlyList<string>? PathHashPrefixes)
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether the delegation covers a target name.</summary>
    /// <param name="target">The name.</param>
    public bool Covers(string target) =>
        Paths?.Any(pattern => PathPattern.Covers(pattern, target)) ?? PathPattern.HashCovers(PathHashPrefixes!, target);

    /// <summary>Reads one delegated role.</summary>
    /// <param name="json">The object.</param>
    /// <returns>The delegation, or <c>role-name</c>, <c>keyid-twice</c>, <c>delegation-paths</c> (neither or both of patterns and
    /// prefixes, or one we cannot read), <c>field-*</c>.</returns>
    public static Parsed<Delegation> Parse(JsonObject json)
    {
        var fields = new Fields(json, "targets.delegations.roles.*");
        var name = fields.Text("name", 128);
        var terminating = fields.Boolean("terminating");
        if (fields.Fault is null && !RoleName.MayBeDelegated(name)) fields.Refuse("role-name", "name");
        var keys = RoleKeys.Read(fields);
        var paths = fields.Has("paths") ? fields.Texts("paths", 4096) : null;
        var prefixes = fields.Has("path_hash_prefixes") ? fields.Texts("path_hash_prefixes", 4096) : null;
        if (paths is null == prefixes is null) fields.Refuse("delegation-paths", "paths");
        if (paths is not null && !paths.All(PathPattern.IsPlain)) fields.Refuse("delegation-paths", "paths");
        if (prefixes is not null && !prefixes.All(prefix => prefix.Length is > 0 and <= 64 && !prefix.AsSpan().ContainsAnyExcept(HexDigits)))
            fields.Refuse("delegation-paths", "path_hash_prefixes");
        return fields.Fault is null ? new Delegation(name, keys!, terminating, paths, prefixes) : fields.Fault;
    }

    /// <summary>As published.</summary>
    public JsonObject ToJson()
    {
        List<(string, JsonValue)> members =
        [
            ("name", Name),
            ("keyids", new JsonArray([.. Keys.KeyIds.Select(id => (JsonValue)id)])),
            ("threshold", Keys.Threshold),
            ("terminating", Terminating),
        ];
        if (Paths is not null) members.Add(("paths", new JsonArray([.. Paths.Select(path => (JsonValue)path)])));
        if (PathHashPrefixes is not null) members.Add(("path_hash_prefixes", new JsonArray([.. PathHashPrefixes.Select(prefix => (JsonValue)prefix)])));
        return JsonObject.Of(members);
    }
}
