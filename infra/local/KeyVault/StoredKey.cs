using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Serverless.Local.KeyVault;

/// <summary>A version of a key, with its private part.</summary>
internal sealed record StoredVersion(
    string Version,
    string Curve,
    byte[] Pkcs8,
    IReadOnlyList<string> Operations,
    bool Enabled,
    DateTimeOffset? NotBefore,
    DateTimeOffset? Expires,
    DateTimeOffset Created,
    DateTimeOffset Updated,
    JsonObject? Tags)
{
    /// <summary>The key; the caller disposes of it. Made anew each time: an ECDsa is not promised to be thread-safe.</summary>
    public ECDsa Open()
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(Pkcs8, out _);
        return key;
    }
}

/// <summary>A key: its versions, oldest first, and whether it lies in the bin.</summary>
internal sealed record StoredKey(string Name, IReadOnlyList<StoredVersion> Versions, DateTimeOffset? DeletedAt)
{
    public StoredVersion Current => Versions[^1];

    public StoredVersion? Find(string? version) => version is null ? Current : Versions.FirstOrDefault(one => one.Version == version);

    public StoredKey With(StoredVersion changed) => this with { Versions = [.. Versions.Select(one => one.Version == changed.Version ? changed : one)] };
}

/// <summary>The curves on offer and what signing on them takes (RFC 7518 section 3.4).</summary>
internal sealed record VaultCurve(string Name, string Algorithm, int DigestBytes, ECCurve Curve)
{
    public static VaultCurve? Find(string? name) => name switch
    {
        "P-256" => new("P-256", "ES256", 32, ECCurve.NamedCurves.nistP256),
        "P-384" => new("P-384", "ES384", 48, ECCurve.NamedCurves.nistP384),
        "P-521" => new("P-521", "ES512", 64, ECCurve.NamedCurves.nistP521),
        _ => null,
    };
}
