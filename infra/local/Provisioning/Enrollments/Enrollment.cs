using System.Text.Json.Nodes;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>One device, or all that a CA or a key vouches for.</summary>
internal enum EnrollmentKind
{
    Individual,
    Group,
}

/// <summary>How a hub is chosen.</summary>
internal enum AllocationPolicy
{
    /// <summary>By a hash of the registration id over the linked hubs.</summary>
    Hashed,

    /// <summary>On Azure the hub of least latency; all are equally near here, so as <see cref="Hashed"/>.</summary>
    GeoLatency,

    /// <summary>The one named.</summary>
    Static,

    /// <summary>The webhook's decision.</summary>
    Custom,
}

/// <summary>The webhook of custom allocation.</summary>
/// <param name="Url">HTTPS; its query holds the function's key, so it is never shown.</param>
/// <param name="ApiVersion">Fixes the request's shape.</param>
internal sealed record Webhook(Uri Url, string ApiVersion)
{
    /// <summary>The URL as the service shows it, to the webhook too: its query masked.</summary>
    public string Masked => Url.Query.Length == 0 ? Url.ToString() : Url.GetLeftPart(UriPartial.Path) + "?****";

    /// <summary>The key is kept out of logs and failure messages.</summary>
    public override string ToString() => Masked;
}

/// <summary>What a device that registers again may expect.</summary>
/// <param name="UpdateHubAssignment">Whether it may be given another hub.</param>
/// <param name="MigrateDeviceData">Whether its twin moves with it, or starts anew.</param>
internal sealed record ReprovisionPolicy(bool UpdateHubAssignment, bool MigrateDeviceData);

/// <summary>The writable sections of a twin.</summary>
internal sealed record InitialTwin(JsonObject? Tags, JsonObject? Desired)
{
    public JsonObject Document() => new()
    {
        ["tags"] = Tags?.DeepClone(),
        ["properties"] = new JsonObject { ["desired"] = Desired?.DeepClone() },
    };
}

/// <summary>An enrolment, immutable: an update makes a new one with a new <see cref="ETag"/>.</summary>
/// <param name="Kind">One device or many.</param>
/// <param name="Id">Registration id or group id, as spelled first; compare with <see cref="RegistrationName.Comparer"/>.</param>
/// <param name="Attestation">How its devices prove themselves.</param>
/// <param name="Enabled">Whether they may register.</param>
/// <param name="DeviceId">The hub's name for the device of an individual enrolment; null for its registration id.</param>
/// <param name="Policy">How a hub is chosen.</param>
/// <param name="Hubs">Host names to choose from; empty for every linked one.</param>
/// <param name="Webhook">For <see cref="AllocationPolicy.Custom"/>.</param>
/// <param name="Twin">What a new identity's twin starts with.</param>
/// <param name="Reprovision">See <see cref="ReprovisionPolicy"/>.</param>
/// <param name="IotEdge">The capability flag.</param>
/// <param name="Information"><c>optionalDeviceInformation</c>: kept and shown.</param>
/// <param name="ETag">Opaque, without quotes.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="UpdatedAt">UTC.</param>
internal sealed record Enrollment(
    EnrollmentKind Kind,
    string Id,
    Attestation Attestation,
    bool Enabled,
    string? DeviceId,
    AllocationPolicy Policy,
    IReadOnlyList<string> Hubs,
    Webhook? Webhook,
    InitialTwin? Twin,
    ReprovisionPolicy Reprovision,
    bool IotEdge,
    JsonObject? Information,
    string ETag = "",
    DateTimeOffset CreatedAt = default,
    DateTimeOffset UpdatedAt = default);
