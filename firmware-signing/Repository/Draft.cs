using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>A role as a ceremony writes it down: keys, and how many must sign.</summary>
/// <param name="Keys">Different keys.</param>
/// <param name="Threshold">1 to the number of keys.</param>
public sealed record RoleDraft(IReadOnlyList<PublicKey> Keys, int Threshold)
{
    /// <summary>The role object.</summary>
    public JsonObject ToJson() => JsonObject.Of(
        ("keyids", new JsonArray([.. Keys.Select(key => (JsonValue)key.KeyId)])),
        ("threshold", Threshold));
}

/// <summary>The signed parts of metadata in our profile, unsigned as yet (FORMAT.md 4).</summary>
public static class Draft
{
    /// <summary>Root metadata.</summary>
    /// <param name="version">1, or one more than the root it follows.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="roles">The four top-level roles.</param>
    public static JsonObject Root(long version, DateTimeOffset expires, IReadOnlyDictionary<string, RoleDraft> roles)
    {
        ArgumentNullException.ThrowIfNull(roles);
        return JsonObject.Of(
            ("_type", RoleName.Root),
            ("spec_version", Header.SpecVersion),
            ("version", version),
            ("expires", Header.Write(expires)),
            ("consistent_snapshot", true),
            ("keys", KeyMap(roles.Values.SelectMany(role => role.Keys))),
            ("roles", JsonObject.Of(roles.Select(role => (role.Key, (JsonValue)role.Value.ToJson())))));
    }

    /// <summary>Targets metadata.</summary>
    /// <param name="version">One more than the version it follows.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="files">Entry by target name.</param>
    /// <param name="delegations">Delegations in order of priority, with their keys; none for a product's role.</param>
    public static JsonObject Targets(
        long version, DateTimeOffset expires, IReadOnlyDictionary<string, TargetFile> files, IReadOnlyList<(Delegation Role, IReadOnlyList<PublicKey> Keys)> delegations)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(delegations);
        var draft = Common(RoleName.Targets, version, expires)
            .With("targets", JsonObject.Of(files.Select(file => (file.Key, (JsonValue)file.Value.ToJson()))));
        return delegations.Count == 0 ? draft : draft.With("delegations", JsonObject.Of(
            ("keys", KeyMap(delegations.SelectMany(delegation => delegation.Keys))),
            ("roles", new JsonArray([.. delegations.Select(delegation => delegation.Role.ToJson())]))));
    }

    /// <summary>The one delegation a product has: terminating, its own names only, so no other role can answer for it
    /// (FORMAT.md 4.4).</summary>
    /// <param name="product">Product id, also the role's name.</param>
    /// <param name="keys">Different keys: the pipeline's and the engineers'.</param>
    /// <param name="threshold">At least 2, unless the product has a single-person policy.</param>
    public static (Delegation Role, IReadOnlyList<PublicKey> Keys) Product(string product, IReadOnlyList<PublicKey> keys, int threshold) =>
        (new Delegation(product, new RoleKeys([.. keys.Select(key => key.KeyId)], threshold), Terminating: true, [$"{product}/*/*"], null), keys);

    /// <summary>Snapshot metadata.</summary>
    /// <param name="version">Higher than the version it follows.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="roles">Entry by role.</param>
    public static JsonObject Snapshot(long version, DateTimeOffset expires, IReadOnlyDictionary<string, MetaFile> roles)
    {
        ArgumentNullException.ThrowIfNull(roles);
        return Common(RoleName.Snapshot, version, expires)
            .With("meta", JsonObject.Of(roles.Select(role => ($"{role.Key}.json", (JsonValue)role.Value.ToJson()))));
    }

    /// <summary>Timestamp metadata.</summary>
    /// <param name="version">Higher than the version it follows.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="snapshot">The snapshot's entry.</param>
    public static JsonObject Timestamp(long version, DateTimeOffset expires, MetaFile snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return Common(RoleName.Timestamp, version, expires).With("meta", JsonObject.Of(("snapshot.json", snapshot.ToJson())));
    }

    private static JsonObject Common(string type, long version, DateTimeOffset expires) => JsonObject.Of(
        ("_type", type),
        ("spec_version", Header.SpecVersion),
        ("version", version),
        ("expires", Header.Write(expires)));

    private static JsonObject KeyMap(IEnumerable<PublicKey> keys) =>
        JsonObject.Of(keys.DistinctBy(key => key.KeyId, StringComparer.Ordinal).Select(key => (key.KeyId, (JsonValue)key.Json)));
}
