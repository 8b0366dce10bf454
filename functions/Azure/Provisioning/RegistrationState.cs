using System.Text.Json;

namespace Serverless.Provisioning;

/// <summary>The service's runtime record of one device's registration.</summary>
public sealed record RegistrationState
{
    /// <summary>The device's registration id.</summary>
    public required string RegistrationId { get; init; }

    /// <summary>The device id at the hub.</summary>
    public string? DeviceId { get; init; }

    /// <summary>Host name of the hub it was assigned to.</summary>
    public string? AssignedHub { get; init; }

    /// <summary>Where it stands.</summary>
    public RegistrationStatus Status { get; init; }

    /// <summary>The service's word for how it was assigned, such as <c>initialAssignment</c>.</summary>
    public string? Substatus { get; init; }

    /// <summary>The service's error code of the last failure.</summary>
    public int? ErrorCode { get; init; }

    /// <summary>The service's error text; may hold what the webhook said.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>The version, without quotes.</summary>
    public string? ETag { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>What the webhook told the device; undefined when it told nothing.</summary>
    public JsonElement Payload { get; init; }
}

/// <summary>Where a registration stands.</summary>
public enum RegistrationStatus
{
    /// <summary>A state this client does not know.</summary>
    Other,

    /// <summary>Never assigned.</summary>
    Unassigned,

    /// <summary>Under way.</summary>
    Assigning,

    /// <summary>Done.</summary>
    Assigned,

    /// <summary>Refused or broken.</summary>
    Failed,

    /// <summary>Its entry is disabled.</summary>
    Disabled,
}
