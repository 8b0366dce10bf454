using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Root metadata: which keys speak for which top-level role (TUF 1.0.34 section 4.3).</summary>
/// <param name="Header">Version and expiry.</param>
/// <param name="Keys">Keys by keyid.</param>
/// <param name="Roles">Exactly <c>root</c>, <c>timestamp</c>, <c>snapshot</c>, <c>targets</c> (and <c>mirrors</c> if given, unused).</param>
public sealed record Root(Header Header, IReadOnlyDictionary<string, PublicKey> Keys, IReadOnlyDictionary<string, RoleKeys> Roles)
{
    /// <summary>Longest root file taken, bytes. The same as python-tuf and tuf-js take.</summary>
    public const int WireBytesMax = 512_000;

    /// <summary>Reads the signed part.</summary>
    /// <param name="signed">The object.</param>
    /// <returns>The root, or <c>metadata-type</c>, <c>spec-version</c>, <c>expires-format</c>, <c>keyid-mismatch</c>,
    /// <c>keyid-twice</c>, <c>key-public</c>, <c>keys-too-many</c>, <c>root-inconsistent</c> (not <c>consistent_snapshot</c>:
    /// a client could then meet half a publication, FORMAT.md 4.1), <c>field-*</c>.</returns>
    public static Parsed<Root> Parse(JsonObject signed)
    {
        var fields = new Fields(signed, "root");
        var header = Header.Read(fields, RoleName.Root);
        if (!fields.Boolean("consistent_snapshot")) fields.Refuse("root-inconsistent", "consistent_snapshot");
        var roles = new Fields(fields.Object("roles"), "root.roles");
        var keysJson = fields.Object("keys");
        if (fields.Fault is not null) return fields.Fault;
        if (!RoleKeys.ReadKeys(keysJson, "root.keys").TryGet(out var keys, out var fault)) return fault;
        var byRole = new Dictionary<string, RoleKeys>(StringComparer.Ordinal);
        foreach (var role in RoleName.TopLevel)
        {
            var entry = new Fields(roles.Object(role), $"root.roles.{role}");
            if (roles.Fault is not null) return roles.Fault;
            if (RoleKeys.Read(entry) is not { } roleKeys) return entry.Fault!;
            byRole.Add(role, roleKeys);
        }
        return new Root(header, keys, byRole);
    }

    /// <summary>Whether enough of a top-level role's keys signed.</summary>
    /// <param name="role">One of <see cref="RoleName.TopLevel"/>.</param>
    /// <param name="envelope">The file.</param>
    public bool Vouches(string role, Envelope envelope) => Roles[role].AreMetBy(envelope, Keys);

    /// <summary>Whether a key that could sign the role no longer can: the sign of a recovery (TUF 1.0.34 section 5.3.11).</summary>
    /// <param name="role">One of <see cref="RoleName.TopLevel"/>.</param>
    /// <param name="next">The root that follows.</param>
    /// <remarks>A key merely added is no recovery: forgetting versions then would only weaken rollback protection.</remarks>
    public bool RevokesFor(string role, Root next)
    {
        ArgumentNullException.ThrowIfNull(next);
        return MaterialOf(role).Except(next.MaterialOf(role), StringComparer.Ordinal).Any();
    }

    private IEnumerable<string> MaterialOf(string role) =>
        Roles[role].KeyIds.Where(Keys.ContainsKey).Select(keyId => Keys[keyId].Material);
}
