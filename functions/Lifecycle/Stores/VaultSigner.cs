using Serverless.KeyVault;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Stores;

/// <summary>Key <c>death-certificates</c> of Key Vault, P-256, which nothing else signs with.</summary>
internal sealed class VaultSigner(KeyVaultClient client) : IStatementSigner
{
    /// <summary>The key's name.</summary>
    public const string Name = "death-certificates";

    /// <inheritdoc/>
    public async Task<string> KeyId(CancellationToken cancel)
    {
        var read = await client.GetKey(Name, null, cancel).ConfigureAwait(false);
        return read.TryGet(out var key, out var fault) && key.Curve == SigningCurve.P256 ? key.Id.ToString()
            : throw new IOException($"the key for statements cannot be used: {fault?.Code ?? "not P-256"}"); // an operator mends it; the sweep tries again
    }

    /// <inheritdoc/>
    public async Task<ReadOnlyMemory<byte>> Sign(string keyId, ReadOnlyMemory<byte> digest, CancellationToken cancel)
    {
        var named = VaultKeyId.Parse(keyId).TryGet(out var id, out var wrong) ? id : throw new InvalidOperationException(wrong.ToString());
        var read = await client.GetKey(named.Name, named.Version, cancel).ConfigureAwait(false);
        if (!read.TryGet(out var key, out var fault)) throw new IOException($"the key for statements cannot be read: {fault.Code}");
        var signed = await client.Sign(key, digest, cancel).ConfigureAwait(false);
        return signed.TryGet(out var signature, out fault) ? signature.Value : throw new IOException($"the key for statements does not sign: {fault.Code}");
    }
}
