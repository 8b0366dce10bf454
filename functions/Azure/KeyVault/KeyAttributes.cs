using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>What the vault says of a key version besides the key.</summary>
/// <param name="Enabled">Off: the vault refuses everything.</param>
/// <param name="NotBefore"><c>nbf</c>, or none.</param>
/// <param name="Expires"><c>exp</c>, or none; the named second is already too late.</param>
/// <param name="Created">When the version was made, UTC; orders versions.</param>
public sealed record KeyAttributes(bool Enabled, DateTimeOffset? NotBefore, DateTimeOffset? Expires, DateTimeOffset Created)
{
    /// <summary>Why the key may not sign now.</summary>
    /// <param name="now">The caller's one reading of the clock.</param>
    /// <returns>Nothing, or <c>key-disabled</c>, <c>key-not-yet-valid</c>, <c>key-expired</c>.</returns>
    public Fault? RefusesSigningAt(DateTimeOffset now) =>
        !Enabled ? new Fault("key-disabled", "attributes.enabled")
        : now < NotBefore ? new Fault("key-not-yet-valid", "attributes.nbf")
        : now >= Expires ? new Fault("key-expired", "attributes.exp")
        : null;
}

/// <summary>An entry of a key's list of versions.</summary>
/// <param name="Id">Which version.</param>
/// <param name="Attributes">What the vault says of it.</param>
public sealed record KeyVersion(VaultKeyId Id, KeyAttributes Attributes);
