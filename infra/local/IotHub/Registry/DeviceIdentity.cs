namespace Serverless.Local.IotHub.Registry;

/// <summary>Whether a device may use the hub.</summary>
public enum DeviceStatus
{
    /// <summary>It may.</summary>
    Enabled,

    /// <summary>No device-facing endpoint answers it.</summary>
    Disabled,
}

/// <summary>How a device proves who it is.</summary>
public enum AuthenticationType
{
    /// <summary>Symmetric keys.</summary>
    Sas,

    /// <summary>A pinned certificate thumbprint.</summary>
    SelfSigned,

    /// <summary>A chain to a registered CA, with the device id as common name.</summary>
    CertificateAuthority,

    /// <summary>Nothing: it cannot connect.</summary>
    None,
}

/// <summary>A device's credentials as the registry holds them.</summary>
/// <param name="Type">Which of them count.</param>
/// <param name="PrimaryKey">Base64 of 16 to 64 bytes, for <see cref="AuthenticationType.Sas"/>.</param>
/// <param name="SecondaryKey">Likewise.</param>
/// <param name="PrimaryThumbprint">SHA-1 or SHA-256 of the DER certificate, upper-case hex, for <see cref="AuthenticationType.SelfSigned"/>.</param>
/// <param name="SecondaryThumbprint">Likewise.</param>
public sealed record DeviceCredentials(
    AuthenticationType Type,
    string? PrimaryKey = null,
    string? SecondaryKey = null,
    string? PrimaryThumbprint = null,
    string? SecondaryThumbprint = null)
{
    /// <summary>A CA-signed device: nothing of its own is stored.</summary>
    public static DeviceCredentials CertificateAuthority { get; } = new(AuthenticationType.CertificateAuthority);

    /// <summary>A device with a pinned certificate.</summary>
    /// <param name="thumbprint">SHA-1 or SHA-256, hex.</param>
    /// <param name="secondary">The certificate it may roll over to.</param>
    public static DeviceCredentials Pinned(string thumbprint, string? secondary = null)
    {
        ArgumentNullException.ThrowIfNull(thumbprint);
        return new(AuthenticationType.SelfSigned, PrimaryThumbprint: thumbprint.ToUpperInvariant(), SecondaryThumbprint: secondary?.ToUpperInvariant());
    }

    /// <summary>Keys are kept out of logs and failure messages.</summary>
    public override string ToString() => Type.ToString();
}

/// <summary>An entry of the identity registry, immutable: an update makes a new one with a new <see cref="ETag"/>.</summary>
/// <param name="DeviceId">See <see cref="DeviceName"/>.</param>
/// <param name="GenerationId">Changes when an id is deleted and made again; never repeats within a hub.</param>
/// <param name="ETag">Opaque, without quotes.</param>
/// <param name="Status">Whether it may use the hub.</param>
/// <param name="StatusReason">Free text of at most 128 characters.</param>
/// <param name="StatusUpdatedAt">When the status last changed, UTC.</param>
/// <param name="Credentials">How it proves itself.</param>
/// <param name="IotEdge">The <c>capabilities.iotEdge</c> flag; kept, without effect here.</param>
public sealed record DeviceIdentity(
    string DeviceId,
    string GenerationId,
    string ETag,
    DeviceStatus Status,
    string? StatusReason,
    DateTimeOffset StatusUpdatedAt,
    DeviceCredentials Credentials,
    bool IotEdge);
