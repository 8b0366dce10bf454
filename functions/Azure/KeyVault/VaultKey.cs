using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>The public part of one version of an EC key, as the vault gave it. It never changes, so it may be kept for ever; its
/// attributes are those of the moment it was read.</summary>
public sealed class VaultKey
{
    private readonly ECParameters _point;

    internal VaultKey(VaultKeyId id, SigningCurve curve, ECParameters point, IReadOnlyList<string> operations, KeyAttributes attributes)
    {
        (Id, Curve, _point, Operations, Attributes) = (id, curve, point, operations, attributes);
    }

    /// <summary>Which key and version.</summary>
    public VaultKeyId Id { get; }

    /// <summary>Its curve, and so its algorithm.</summary>
    public SigningCurve Curve { get; }

    /// <summary><c>key_ops</c>: what the vault lets it do.</summary>
    public IReadOnlyList<string> Operations { get; }

    /// <summary>Enabled, from when, until when: as they were when it was read.</summary>
    public KeyAttributes Attributes { get; }

    /// <summary>Why it may not sign now, as far as is known here; the vault has the last word.</summary>
    /// <param name="now">The caller's one reading of the clock.</param>
    /// <returns>Nothing, or <c>key-disabled</c>, <c>key-not-yet-valid</c>, <c>key-expired</c>, <c>key-operation</c>.</returns>
    public Fault? RefusesSigningAt(DateTimeOffset now) =>
        Attributes.RefusesSigningAt(now) ?? (Operations.Contains("sign", StringComparer.Ordinal) ? null : new Fault("key-operation", "key.key_ops"));

    /// <summary>The public key for the base library; the caller owns it.</summary>
    public ECDsa ToECDsa() => ECDsa.Create(_point);

    /// <summary>Whether a signature is this key's, without asking the vault.</summary>
    /// <param name="digest">What was signed.</param>
    /// <param name="signature">R||S.</param>
    public bool Verifies(ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != Curve.SignatureBytes) return false;
        using var key = ToECDsa();
        return key.VerifyHash(digest, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }
}

/// <summary>A signature that was verified before it was handed out.</summary>
/// <param name="Key">The key version that made it, as the vault's answer names it.</param>
/// <param name="Value">R||S of fixed width (RFC 7518 section 3.4). Not DER. Randomised: the same digest gives another one next time.</param>
public sealed record VaultSignature(VaultKeyId Key, ReadOnlyMemory<byte> Value);
