using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Provisioning;

/// <summary>What individual enrolments and groups have in common.</summary>
public abstract record Enrollment
{
    private protected Enrollment()
    {
    }

    /// <summary>How a device proves who it is.</summary>
    public required Attestation Attestation { get; init; }

    /// <summary>Whether a device may register. A disabled entry refuses also where another entry would admit.</summary>
    public ProvisioningStatus Status { get; init; } = ProvisioningStatus.Enabled;

    /// <summary>Who picks the hub; <see langword="null"/> leaves it to the service's default.</summary>
    public AllocationPolicy? Allocation { get; init; }

    /// <summary>The webhook of <see cref="AllocationPolicy.Custom"/>, required with it in every write. Never read back, since the
    /// service masks it: writing what was read would destroy it.</summary>
    public AllocationWebhook? Webhook { get; init; }

    /// <summary>Host names of the hubs to pick from; empty for all linked ones.</summary>
    public IReadOnlyList<string> IotHubs { get; init; } = [];

    /// <summary>The twin a device gets at its first assignment.</summary>
    public InitialTwin? InitialTwin { get; init; }

    /// <summary>What happens when a device registers again; <see langword="null"/> leaves it to the service's default.</summary>
    public ReprovisionPolicy? Reprovision { get; init; }

    /// <summary>Whether the device is an IoT Edge device.</summary>
    public bool IotEdge { get; init; }

    /// <summary>The version that was read, without quotes; what an update requires.</summary>
    public string? ETag { get; init; }

    /// <summary>When it was made; read only.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last changed; read only.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }
}

/// <summary>One device's entry. It beats every group.</summary>
public sealed record IndividualEnrollment : Enrollment
{
    /// <summary>The device's registration id: see <see cref="RegistrationId"/>.</summary>
    public required string RegistrationId { get; init; }

    /// <summary>The device id at the hub; <see langword="null"/> for the registration id.</summary>
    public string? DeviceId { get; init; }

    /// <summary>What became of its registration; read only.</summary>
    public RegistrationState? Registration { get; init; }
}

/// <summary>An entry for all devices of one CA or one group key.</summary>
public sealed record EnrollmentGroup : Enrollment
{
    /// <summary>The group's id: as <see cref="RegistrationId"/>.</summary>
    public required string GroupId { get; init; }
}

/// <summary>Whether a device may register.</summary>
public enum ProvisioningStatus
{
    /// <summary>It may.</summary>
    Enabled,

    /// <summary>It may not.</summary>
    Disabled,
}

/// <summary>Who picks the hub.</summary>
public enum AllocationPolicy
{
    /// <summary>The service, evenly.</summary>
    Hashed,

    /// <summary>The service, by latency.</summary>
    GeoLatency,

    /// <summary>The entry names one.</summary>
    Static,

    /// <summary>A webhook.</summary>
    Custom,

    /// <summary>A kind this client does not know; it is read, never written.</summary>
    Other,
}

/// <summary>A webhook that picks the hub.</summary>
/// <param name="Url">Its URL with the function key in it: a secret. It prints without its query.</param>
/// <param name="ApiVersion">Fixes the request's shape: <c>2021-10-01</c>.</param>
public sealed record AllocationWebhook(Uri Url, string ApiVersion = "2021-10-01")
{
    /// <summary>The URL without query and user info.</summary>
    public override string ToString() => Url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
}

/// <summary>What happens when a device registers again.</summary>
/// <param name="UpdateHubAssignment">Whether it may move to another hub.</param>
/// <param name="MigrateDeviceData">Whether its twin goes with it.</param>
public sealed record ReprovisionPolicy(bool UpdateHubAssignment, bool MigrateDeviceData);

/// <summary>The twin a device begins with.</summary>
/// <param name="Tags">A JSON object, or undefined.</param>
/// <param name="Desired">A JSON object, or undefined.</param>
public sealed record InitialTwin(JsonElement Tags, JsonElement Desired)
{
    /// <summary>Takes copies.</summary>
    /// <param name="tags">Tags, or <see langword="null"/>.</param>
    /// <param name="desired">Desired properties, or <see langword="null"/>.</param>
    public static InitialTwin From(JsonObject? tags, JsonObject? desired) => new(Element(tags), Element(desired));

    private static JsonElement Element(JsonObject? node) => node is null ? default : JsonDocument.Parse(node.ToJsonString()).RootElement.Clone();
}
