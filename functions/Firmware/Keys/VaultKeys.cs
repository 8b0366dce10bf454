using System.Collections.Concurrent;
using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Vault;
using Serverless.KeyVault;

namespace Serverless.Firmware.Keys;

/// <summary>The app's keys in Azure Key Vault: <c>tuf-policy</c>, <c>tuf-snapshot</c>, <c>tuf-timestamp</c>.</summary>
/// <remarks>Which version signs is said by the metadata, never by what is current in the vault: a rotation there changes nothing until
/// a ceremony names the new version. Which version has which keyid never changes and is remembered. Thread-safe.</remarks>
/// <param name="client">The vault.</param>
/// <param name="clock">Wall time: whether a version may sign now.</param>
internal sealed class VaultKeys(KeyVaultClient client, TimeProvider clock) : ISigningKeys
{
    private readonly ConcurrentDictionary<string, string> _versions = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public async Task<Parsed<IDigestSigner>> Find(KeyUse use, IReadOnlyCollection<string> keyIds, CancellationToken cancel)
    {
        var name = NameOf(use);
        foreach (var keyId in keyIds)
        {
            if (!_versions.TryGetValue(keyId, out var known)) continue;
            var opened = await VaultSigner.Open(client, name, known, cancel).ConfigureAwait(false);
            // Disabled since: another trusted version may do.
            if (opened.TryGet(out var signer, out _) && signer.Attributes.RefusesSigningAt(clock.GetUtcNow()) is null) return signer;
        }

        if (!(await client.ListVersions(name, cancel).ConfigureAwait(false)).TryGet(out var versions, out var fault)) return fault;
        fault = new Fault("signing-key-conflict", name);
        foreach (var version in versions)
        {
            if (!(await VaultSigner.Open(client, name, version.Id.Version, cancel).ConfigureAwait(false)).TryGet(out var signer, out var refused))
            {
                if (refused.Code == "key-type") continue; // a version that no metadata can name
                return refused;
            }
            if (!keyIds.Contains(signer.Key.KeyId)) continue;
            _versions[signer.Key.KeyId] = version.Id.Version;
            if (signer.Attributes.RefusesSigningAt(clock.GetUtcNow()) is not { } notNow) return signer;
            fault = notNow;
        }
        return fault;
    }

    private static string NameOf(KeyUse use) => use switch
    {
        KeyUse.Policy => "tuf-policy",
        KeyUse.Snapshot => "tuf-snapshot",
        _ => "tuf-timestamp",
    };
}
