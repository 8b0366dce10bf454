using Serverless.Rest;

namespace Serverless.IotHub;

/// <summary>A device's identity in the hub's registry.</summary>
public sealed record HubDevice
{
    /// <summary>Its id, case-sensitive: see <see cref="HubDeviceId"/>.</summary>
    public required string DeviceId { get; init; }

    /// <summary>Changes when the id is deleted and made again: another device under the same name. Read only.</summary>
    public string? GenerationId { get; init; }

    /// <summary>The version that was read, without quotes.</summary>
    public string? ETag { get; init; }

    /// <summary>Whether it may use the hub.</summary>
    public HubDeviceStatus Status { get; init; } = HubDeviceStatus.Enabled;

    /// <summary>Free text, at most 128 characters; whoever may read devices reads it.</summary>
    public string? StatusReason { get; init; }

    /// <summary>When the status last changed; read only.</summary>
    public DateTimeOffset? StatusUpdatedAt { get; init; }

    /// <summary>How it proves who it is.</summary>
    public required HubAuthentication Authentication { get; init; }

    /// <summary>Whether it is an IoT Edge device.</summary>
    public bool IotEdge { get; init; }

    /// <summary>The Edge scope it belongs to.</summary>
    public string? DeviceScope { get; init; }

    /// <summary>Whether it seems connected: minutes behind, no basis for a decision. Read only.</summary>
    public bool Connected { get; init; }

    /// <summary>When it was last seen; read only.</summary>
    public DateTimeOffset? LastActivityAt { get; init; }
}

/// <summary>Whether a device may use the hub.</summary>
public enum HubDeviceStatus
{
    /// <summary>It may.</summary>
    Enabled,

    /// <summary>It may not.</summary>
    Disabled,
}

/// <summary>How a device proves to the hub who it is.</summary>
/// <param name="Kind">By what.</param>
/// <param name="PrimaryThumbprint">Hex SHA-1 or SHA-256 of its certificate, with <see cref="HubCredential.Thumbprints"/>.</param>
/// <param name="SecondaryThumbprint">The next certificate's.</param>
public sealed record HubAuthentication(HubCredential Kind, string? PrimaryThumbprint = null, string? SecondaryThumbprint = null)
{
    /// <summary>By a certificate of a CA that the hub trusts, with the device id as common name.</summary>
    public static HubAuthentication CertificateAuthority { get; } = new(HubCredential.CertificateAuthority);

    /// <summary>By keys that are set with a write and never read; <see langword="null"/> asks the hub to make new ones.</summary>
    public DeviceKeys? Keys { get; init; }
}

/// <summary>By what a device proves who it is.</summary>
public enum HubCredential
{
    /// <summary>Symmetric keys.</summary>
    SymmetricKeys,

    /// <summary>Certificates whose thumbprints the hub knows.</summary>
    Thumbprints,

    /// <summary>Certificates of a trusted CA.</summary>
    CertificateAuthority,

    /// <summary>Nothing: it cannot connect.</summary>
    None,

    /// <summary>A kind this client does not know; it is read, never written.</summary>
    Other,
}

/// <summary>One change of a bulk call.</summary>
/// <param name="Mode">What to do.</param>
/// <param name="Device">The device. For twin and deletion modes only its id and, with <c>…IfMatchETag</c>, its ETag count. A full update
/// replaces authentication: a device by symmetric keys that are not given gets new ones.</param>
public sealed record HubChange(HubChangeMode Mode, HubDevice Device)
{
    /// <summary>Tags and desired properties: merged with the twin modes, the first ones with <see cref="HubChangeMode.Create"/>.</summary>
    public TwinPatch? Twin { get; init; }

    /// <summary>The twin's version for <see cref="HubChangeMode.UpdateTwinIfMatchETag"/>, without quotes.</summary>
    public string? TwinETag { get; init; }
}

/// <summary>What a bulk call does with one device.</summary>
public enum HubChangeMode
{
    /// <summary>Makes it; one that exists is refused.</summary>
    Create,

    /// <summary>Replaces it, whatever version is there.</summary>
    Update,

    /// <summary>Replaces it if its version is the one given.</summary>
    UpdateIfMatchETag,

    /// <summary>Deletes it.</summary>
    Delete,

    /// <summary>Deletes it if its version is the one given.</summary>
    DeleteIfMatchETag,

    /// <summary>Merges into its twin.</summary>
    UpdateTwin,

    /// <summary>Merges into its twin if the twin's version is the one given.</summary>
    UpdateTwinIfMatchETag,
}

/// <summary>How many devices the hub knows. Counted by the service now and then.</summary>
/// <param name="Total">All.</param>
/// <param name="Enabled">Enabled ones.</param>
/// <param name="Disabled">Disabled ones.</param>
public sealed record HubStatistics(long Total, long Enabled, long Disabled);
