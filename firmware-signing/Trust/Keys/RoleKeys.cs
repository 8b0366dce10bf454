using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>Which keys may sign a role, and how many different ones must.</summary>
/// <param name="KeyIds">Keyids, none twice, in the document's order.</param>
/// <param name="Threshold">1 or more. It may exceed the number of keys: such a role can never be signed.</param>
public sealed record RoleKeys(IReadOnlyList<string> KeyIds, int Threshold)
{
    /// <summary>Keyids a role may list: each costs a verification.</summary>
    public const int KeysMax = 64;

    /// <summary>Reads <c>keyids</c> and <c>threshold</c>.</summary>
    /// <param name="fields">The role object.</param>
    /// <returns>The role, or nothing when <paramref name="fields"/> holds a fault: <c>keyid-twice</c>, <c>field-*</c>.</returns>
    public static RoleKeys? Read(Fields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var keyIds = fields.Texts("keyids", KeysMax);
        var threshold = fields.Integer("threshold", 1, 1024);
        if (keyIds.Distinct(StringComparer.Ordinal).Count() != keyIds.Count) fields.Refuse("keyid-twice", "keyids");
        return fields.Fault is null ? new RoleKeys(keyIds, (int)threshold) : null;
    }

    /// <summary>Reads a <c>keys</c> map, checking each keyid against its key.</summary>
    /// <param name="keys">The map.</param>
    /// <param name="path">Its path.</param>
    /// <returns>Keys by keyid, or <c>keyid-mismatch</c>, <c>key-public</c>, <c>keys-too-many</c>, <c>field-*</c>.</returns>
    public static Parsed<IReadOnlyDictionary<string, PublicKey>> ReadKeys(JsonObject keys, string path)
    {
        ArgumentNullException.ThrowIfNull(keys);
        // Each key costs a point decompression or a modulus import: 1024 is 16 roles of 64.
        if (keys.Count > 1024) return new Fault("keys-too-many", path);
        var byId = new Dictionary<string, PublicKey>(StringComparer.Ordinal);
        for (var i = 0; i < keys.Count; i++)
        {
            if (keys.At(i) is not JsonObject json) return new Fault("field-type", $"{path}.*");
            if (!PublicKey.Parse(json, $"{path}.*").TryGet(out var key, out var fault)) return fault;
            // TUF 1.0.34 section 4.2; without it one key could stand under two keyids (FORMAT.md 3.4).
            if (key.KeyId != keys.Names[i]) return new Fault("keyid-mismatch", $"{path}.*");
            byId.Add(key.KeyId, key);
        }
        return byId;
    }

    /// <summary>Whether enough different keys signed.</summary>
    /// <param name="envelope">What was signed, and the signatures.</param>
    /// <param name="keys">Keys of the delegator, by keyid.</param>
    /// <returns>Signatures of different keys that verify reach the threshold. Others, even malformed, neither help nor harm.</returns>
    public bool AreMetBy(Envelope envelope, IReadOnlyDictionary<string, PublicKey> keys)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(keys);
        var signers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var keyId in KeyIds)
        {
            if (!keys.TryGetValue(keyId, out var key) || !envelope.Signatures.TryGetValue(keyId, out var signature)) continue;
            if (signers.Contains(key.Material)) continue; // the same key under another keyid: counted once
            if (key.Verifies(envelope.SignedBytes.Span, signature) && signers.Add(key.Material) && signers.Count >= Threshold) return true;
        }
        return false;
    }
}
