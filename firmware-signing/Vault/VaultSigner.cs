using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.KeyVault;

namespace Serverless.FirmwareSigning.Vault;

/// <summary>A key in Azure Key Vault as the signer of firmware metadata: pinned to one version for its whole life.</summary>
/// <remarks>Thread-safe. Outages are <see cref="KeyVaultOutageException"/>; nothing was signed, or it does not matter.</remarks>
public sealed class VaultSigner : IDigestSigner
{
    private readonly KeyVaultClient _client;
    private readonly VaultKey _key;

    private VaultSigner(KeyVaultClient client, VaultKey key)
    {
        (_client, _key) = (client, key);
        using var point = key.ToECDsa();
        Key = PublicKey.From(point);
    }

    /// <inheritdoc/>
    public PublicKey Key { get; }

    /// <summary>Which key version this is; belongs into audit records.</summary>
    public VaultKeyId Id => _key.Id;

    /// <summary>What the vault said of the key when the signer was opened: warn long before <see cref="KeyAttributes.Expires"/>.</summary>
    public KeyAttributes Attributes => _key.Attributes;

    /// <summary>Reads a key and pins the version that was read.</summary>
    /// <param name="client">The vault.</param>
    /// <param name="name">The key's name.</param>
    /// <param name="version">The version the metadata names, 32 lower-case hex characters. <see langword="null"/> pins whichever is
    /// current now: right for a ceremony that puts it into metadata, wrong for a signer of published roles, whose key a rotation
    /// in the vault would then change.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The signer, or <c>key-type</c> (not P-256: FORMAT.md 3.1), or a refusal of <see cref="KeyVaultClient.GetKey"/>. A key that is
    /// disabled or expired opens: its public part is still wanted, only <see cref="Sign"/> refuses.</returns>
    /// <exception cref="KeyVaultOutageException">The vault could not be asked.</exception>
    public static async Task<Parsed<VaultSigner>> Open(KeyVaultClient client, string name, string? version, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(client);
        var read = await client.GetKey(name, version, cancel).ConfigureAwait(false);
        return read.Then<VaultSigner>(key => key.Curve == SigningCurve.P256 ? new VaultSigner(client, key) : new Fault("key-type", "key.crv"));
    }

    /// <summary>Signs a digest.</summary>
    /// <param name="sha256">32 bytes.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The signature, verified, or a refusal of <see cref="KeyVaultClient.Sign"/>.</returns>
    /// <exception cref="KeyVaultOutageException">The vault could not be asked.</exception>
    public async Task<Parsed<RawSignature>> Sign(ReadOnlyMemory<byte> sha256, CancellationToken cancel)
    {
        if (sha256.Length != SHA256.HashSizeInBytes) throw new ArgumentException("A SHA-256 digest has 32 bytes.", nameof(sha256));
        var signed = await _client.Sign(_key, sha256, cancel).ConfigureAwait(false);
        return signed.Then<RawSignature>(signature => new RawSignature(signature.Value, signature.Key.ToString()));
    }
}
