using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Signing;

/// <summary>Puts signatures on metadata, each verified before it is used (FORMAT.md 3.3).</summary>
public static class SignedFile
{
    /// <summary>Signs metadata with every signer.</summary>
    /// <param name="signed">The signed part.</param>
    /// <param name="signers">Different keys.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The file, or <c>signature-wrong</c>, or a signer's refusal.</returns>
    public static async Task<Parsed<byte[]>> Create(JsonObject signed, IReadOnlyList<IDigestSigner> signers, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(signers);
        var signatures = new List<JsonValue>(signers.Count);
        foreach (var signer in signers)
        {
            if (!(await Sign(signed, signer, cancel).ConfigureAwait(false)).TryGet(out var der, out var fault)) return fault;
            signatures.Add(Entry(signer.Key.KeyId, der));
        }
        return Assemble(signed, signatures);
    }

    /// <summary>Signs metadata with one key, for a file others sign too.</summary>
    /// <param name="signed">The signed part: exactly what the signer was shown.</param>
    /// <param name="signer">The key.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The DER signature, verified; or <c>signature-wrong</c> (the signer answered with another key's signature, or a
    /// broken one: nothing of it may be published), or the signer's refusal.</returns>
    public static async Task<Parsed<byte[]>> Sign(JsonObject signed, IDigestSigner signer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(signer);
        var bytes = CanonicalJson.Encode(signed);
        var answer = await signer.Sign(SHA256.HashData(bytes), cancel).ConfigureAwait(false);
        if (!answer.TryGet(out var raw, out var fault)) return fault;
        if (raw.RAndS.Length != EcdsaDer.RawBytes) return new Fault("signature-wrong", "length");
        var der = EcdsaDer.FromRaw(raw.RAndS.Span);
        return signer.Key.Verifies(bytes, der) ? der : new Fault("signature-wrong", "value");
    }

    /// <summary>The file of signatures made at different times by different people.</summary>
    /// <param name="signed">The signed part.</param>
    /// <param name="signatures">Verified DER signature by keyid.</param>
    public static byte[] Assemble(JsonObject signed, IReadOnlyDictionary<string, byte[]> signatures)
    {
        ArgumentNullException.ThrowIfNull(signatures);
        return Assemble(signed, [.. signatures.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => Entry(one.Key, one.Value))]);
    }

    private static JsonObject Entry(string keyId, byte[] der) => JsonObject.Of(("keyid", keyId), ("sig", Convert.ToHexStringLower(der)));

    private static byte[] Assemble(JsonObject signed, List<JsonValue> signatures) =>
        JsonWriting.Encode(JsonObject.Of(("signatures", new JsonArray([.. signatures])), ("signed", signed)));
}
