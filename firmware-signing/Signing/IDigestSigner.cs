using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Signing;

/// <summary>A P-256 key that signs digests and never leaves where it is: a vault, an encrypted file.</summary>
public interface IDigestSigner
{
    /// <summary>The public part of exactly the key version that signs. It does not change during the signer's life: a vault's
    /// "current version" is pinned when the signer is made.</summary>
    PublicKey Key { get; }

    /// <summary>Signs a digest.</summary>
    /// <param name="sha256">32 bytes.</param>
    /// <param name="cancel">The caller's patience; a signature that is not fetched harms nothing.</param>
    /// <returns>The signature, or the signer's refusal (<c>key-disabled</c>, <c>key-forbidden</c> and the like, listed by the adapter).</returns>
    /// <exception cref="IOException">Adapters pass their own outage exceptions through; nothing was signed, or it does not matter.</exception>
    Task<Parsed<RawSignature>> Sign(ReadOnlyMemory<byte> sha256, CancellationToken cancel);
}

/// <summary>A signature as vaults and COSE carry it.</summary>
/// <param name="RAndS">R||S, 64 bytes (RFC 7518 section 3.4). Not DER: <see cref="EcdsaDer.FromRaw"/> converts.</param>
/// <param name="KeyVersion">Which key signed, as the signer's own answer names it; for the audit record.</param>
public sealed record RawSignature(ReadOnlyMemory<byte> RAndS, string KeyVersion);
