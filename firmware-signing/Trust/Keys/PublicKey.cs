using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>A public key as TUF writes it (1.0.34 section 4.2), with its recomputed keyid.</summary>
/// <remarks>Identity is <see cref="Material"/>, not the keyid: unknown members change the keyid, so one key can have many
/// (FORMAT.md 3.4). Verification is not thread-safe: the base library's key objects are not.</remarks>
public sealed class PublicKey
{
    // TUF: { "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": { "public": PEM } }
    //      { "keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": { "public": PEM } }
    //      { "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": 64 hex digits } }
    private readonly Verifier? _verifier;

    private delegate bool Verifier(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    private PublicKey(string keyId, JsonObject json, string material, Verifier? verifier)
    {
        KeyId = keyId;
        Json = json;
        Material = material;
        _verifier = verifier;
    }

    /// <summary>SHA-256 of the canonical key object, 64 lower-case hex characters.</summary>
    public string KeyId { get; }

    /// <summary>The key object, unknown members kept.</summary>
    public JsonObject Json { get; }

    /// <summary>What the key mathematically is: two key objects with equal material are one key, and count once.</summary>
    public string Material { get; }

    /// <summary>Whether this version can verify with the key. A key of an unknown kind is kept and never counts.</summary>
    public bool IsUsable => _verifier is not null;

    /// <summary>The keyid of a key object.</summary>
    /// <param name="json">The object, unknown members included.</param>
    public static string KeyIdOf(JsonObject json) => Convert.ToHexStringLower(SHA256.HashData(CanonicalJson.Encode(json)));

    /// <summary>Reads a key object.</summary>
    /// <param name="json">The object.</param>
    /// <param name="path">Its path in the schema.</param>
    /// <returns>The key, or <c>field-missing</c>, <c>field-type</c>, <c>field-range</c>, <c>key-public</c> (a known kind whose
    /// public part is not a key of that kind).</returns>
    public static Parsed<PublicKey> Parse(JsonObject json, string path)
    {
        var fields = new Fields(json, path);
        var (type, scheme) = (fields.Text("keytype", 64), fields.Text("scheme", 64));
        var keyval = new Fields(fields.Object("keyval"), fields.PathOf("keyval"));
        if (fields.Fault is not null) return fields.Fault;
        var keyId = KeyIdOf(json);
        if ((type, scheme) is not (("ecdsa", "ecdsa-sha2-nistp256") or ("rsa", "rsassa-pss-sha256") or ("ed25519", "ed25519")))
            return new PublicKey(keyId, json, keyId, verifier: null);
        var text = keyval.Text("public");
        if (keyval.Fault is not null) return keyval.Fault;
        var (material, verifier) = type switch
        {
            "ecdsa" => TryEcdsa(text),
            "rsa" => TryRsa(text),
            _ => TryEd25519(text),
        };
        return material is null ? new Fault("key-public", keyval.PathOf("public")) : new PublicKey(keyId, json, material, verifier);
    }

    /// <summary>The key object of one of our own P-256 keys (FORMAT.md 3.1).</summary>
    /// <param name="key">A P-256 key; only its public part is read.</param>
    /// <exception cref="ArgumentException">Another curve.</exception>
    public static PublicKey From(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var json = JsonObject.Of(
            ("keytype", "ecdsa"),
            ("scheme", "ecdsa-sha2-nistp256"),
            ("keyval", JsonObject.Of(("public", Pem.Write(key.ExportSubjectPublicKeyInfo())))));
        return Parse(json, "key").TryGet(out var parsed, out _) ? parsed : throw new ArgumentException("Not a P-256 key.", nameof(key));
    }

    /// <summary>Whether the signature over the message is this key's. A malformed signature is simply not.</summary>
    /// <param name="message">The signed bytes, not their digest.</param>
    /// <param name="signature">As it stands in the metadata: DER for ECDSA.</param>
    public bool Verifies(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => _verifier?.Invoke(message, signature) ?? false;

    private static (string?, Verifier?) TryEcdsa(string pem)
    {
        if (Pem.TrySpki(pem) is not { } spki) return default;
        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(spki, out var read);
            var parameters = key.ExportParameters(includePrivateParameters: false);
            if (read != spki.Length || !IsP256(parameters.Curve)) return default;
            // The point, not the SPKI: compressed and uncompressed forms are one key.
            return ($"p256:{Convert.ToHexStringLower(parameters.Q.X!)}{Convert.ToHexStringLower(parameters.Q.Y!)}", (message, signature) => VerifiesEcdsa(key, message, signature));
        }
        catch (CryptographicException)
        {
            return default;
        }
    }

    private static bool VerifiesEcdsa(ECDsa key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        Span<byte> raw = stackalloc byte[EcdsaDer.RawBytes];
        return EcdsaDer.TryToRaw(signature, raw) && key.VerifyData(message, raw, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private static bool IsP256(ECCurve curve) => curve.IsNamed && (curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value || curve.Oid.FriendlyName is "nistP256" or "ECDSA_P256");

    private static (string?, Verifier?) TryRsa(string pem)
    {
        if (Pem.TrySpki(pem) is not { } spki) return default;
        var key = RSA.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(spki, out var read);
            var parameters = key.ExportParameters(includePrivateParameters: false);
            // Below 2048 bits is breakable, above 8192 one verification becomes a way to burn a device's battery.
            if (read != spki.Length || key.KeySize is < 2048 or > 8192) return default;
            return ($"rsa:{Convert.ToHexStringLower(parameters.Exponent!)}:{Convert.ToHexStringLower(parameters.Modulus!)}", (message, signature) =>
                signature.Length == parameters.Modulus!.Length && key.VerifyData(message, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss));
        }
        catch (CryptographicException)
        {
            return default;
        }
    }

    private static (string?, Verifier?) TryEd25519(string hex)
    {
        var point = new byte[32];
        if (!Hex.TryDecode(hex, point) || !Ed25519.IsKey(point)) return default;
        return ($"ed25519:{hex}", (message, signature) => Ed25519.Verify(point, message, signature));
    }
}
