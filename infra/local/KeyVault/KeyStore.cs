using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.Local.KeyVault;

/// <summary>The keys of a vault and the rules on them. Names are compared without case.</summary>
/// <remarks>Thread-safe: the map is replaced under a lock, records never change.</remarks>
internal sealed class KeyStore(KeyFile? file, TimeProvider clock)
{
    private static readonly HashSet<string> KnownOperations = new(StringComparer.Ordinal) { "sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "import", "export" };

    private readonly Lock _gate = new();
    private Dictionary<string, StoredKey> _keys = file?.Read() ?? new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Keys that are not deleted, by name.</summary>
    public IReadOnlyList<StoredKey> All()
    {
        lock (_gate) return [.. _keys.Values.Where(key => key.DeletedAt is null).OrderBy(key => key.Name, StringComparer.Ordinal)];
    }

    /// <returns>The key, or <c>key-not-found</c>.</returns>
    public Parsed<StoredKey> Find(string name)
    {
        lock (_gate) return _keys.TryGetValue(name, out var key) && key.DeletedAt is null ? key : new Fault("key-not-found", "key");
    }

    /// <returns>The deleted key, or <c>key-not-found</c>.</returns>
    public Parsed<StoredKey> FindDeleted(string name)
    {
        lock (_gate) return _keys.TryGetValue(name, out var key) && key.DeletedAt is not null ? key : new Fault("key-not-found", "key");
    }

    /// <summary>A new key, or a new version of one that exists.</summary>
    /// <returns>The key, its current version the new one; or <c>key-parameter</c>, <c>key-deleted</c> (the name is taken until the key is recovered).</returns>
    public Parsed<StoredKey> Add(string name, KeySpec spec, ECDsa? imported, System.Text.Json.Nodes.JsonObject? tags = null)
    {
        if (VaultCurve.Find(spec.Curve) is not { } curve) return new Fault("key-parameter", "crv");
        var operations = spec.Operations ?? ["sign", "verify"];
        if (!operations.All(KnownOperations.Contains)) return new Fault("key-parameter", "key_ops");
        if (spec.NotBefore >= spec.Expires) return new Fault("key-parameter", "attributes.exp");
        using var made = imported is null ? ECDsa.Create(curve.Curve) : null;
        var now = clock.GetUtcNow();
        var version = new StoredVersion(
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), curve.Name, (made ?? imported!).ExportPkcs8PrivateKey(), operations, spec.Enabled, spec.NotBefore, spec.Expires, now, now, tags);
        return Change(name, key =>
            key is null ? new StoredKey(name, [version], null)
            : key.DeletedAt is not null ? new Fault("key-deleted", "key")
            : key with { Versions = [.. key.Versions, version] });
    }

    /// <returns>The key with a version more, of the same kind; or <c>key-not-found</c>.</returns>
    public Parsed<StoredKey> Rotate(string name) => Find(name).Then(key => Add(
        key.Name, new KeySpec(key.Current.Curve, Operations: key.Current.Operations), null, key.Current.Tags?.DeepClone().AsObject()));

    /// <returns>The changed version's key, or <c>key-not-found</c>, <c>key-parameter</c>.</returns>
    public Parsed<StoredKey> Update(string name, string? version, Func<StoredVersion, StoredVersion> change) => Change(name, key =>
    {
        if (key is not { DeletedAt: null } || key.Find(version) is not { } found) return new Fault("key-not-found", "key");
        var next = change(found) with { Updated = clock.GetUtcNow() };
        return next.NotBefore >= next.Expires || !next.Operations.All(KnownOperations.Contains) ? new Fault("key-parameter", "attributes.exp") : key.With(next);
    });

    /// <summary>Soft delete, or its reverse.</summary>
    /// <returns>The key, or <c>key-not-found</c>.</returns>
    public Parsed<StoredKey> SetDeleted(string name, bool deleted) => Change(name, key =>
        key is null || (key.DeletedAt is not null) == deleted ? new Fault("key-not-found", "key") : key with { DeletedAt = deleted ? clock.GetUtcNow() : null });

    /// <summary>Whether a version may be used. Outside nbf and exp only what makes new trust is refused; off refuses all.</summary>
    /// <returns>Nothing, or <c>key-disabled</c>, <c>key-not-yet-valid</c>, <c>key-expired</c>, <c>key-operation</c>.</returns>
    public Fault? Refuses(StoredVersion version, string operation)
    {
        if (!version.Enabled) return new Fault("key-disabled", "attributes.enabled");
        if (!version.Operations.Contains(operation, StringComparer.Ordinal)) return new Fault("key-operation", "key_ops");
        if (operation != "sign") return null;
        var now = clock.GetUtcNow();
        return now < version.NotBefore ? new Fault("key-not-yet-valid", "attributes.nbf")
            : now >= version.Expires ? new Fault("key-expired", "attributes.exp")
            : null;
    }

    private Parsed<StoredKey> Change(string name, Func<StoredKey?, Parsed<StoredKey>> change)
    {
        lock (_gate)
        {
            if (!change(_keys.GetValueOrDefault(name)).TryGet(out var next, out var fault)) return fault;
            var keys = new Dictionary<string, StoredKey>(_keys, StringComparer.OrdinalIgnoreCase) { [name] = next };
            file?.Write(keys.Values); // before it is true in memory: a key that was handed out must survive
            _keys = keys;
            return next;
        }
    }
}
