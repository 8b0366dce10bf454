using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.IotHub;

/// <summary>Between domain and wire records. What cannot be mapped is a <see cref="JsonException"/>, which the client turns into an outage.</summary>
internal static class HubDevices
{
    /// <summary>A device as read. Keys, which the service sends to whoever may read devices, end here.</summary>
    public static HubDevice Device(DeviceBody body) => new()
    {
        DeviceId = body.DeviceId ?? throw new JsonException("deviceId is missing"),
        GenerationId = body.GenerationId,
        ETag = body.Etag,
        Status = Status(body.Status) ?? throw new JsonException("status is missing"),
        StatusReason = body.StatusReason,
        StatusUpdatedAt = Instant(body.StatusUpdatedTime),
        Authentication = new HubAuthentication(Kind(body.Authentication?.Type), body.Authentication?.X509Thumbprint?.PrimaryThumbprint, body.Authentication?.X509Thumbprint?.SecondaryThumbprint),
        IotEdge = body.Capabilities?.IotEdge ?? false,
        DeviceScope = body.DeviceScope,
        Connected = string.Equals(body.ConnectionState, "Connected", StringComparison.OrdinalIgnoreCase),
        LastActivityAt = Instant(body.LastActivityTime),
    };

    /// <summary>A device as sent: what may be set, and nothing that only the service sets.</summary>
    public static DeviceBody From(HubDevice device) => new()
    {
        DeviceId = device.DeviceId,
        Status = Word(device.Status),
        StatusReason = Reason(device.StatusReason),
        Authentication = From(device.Authentication),
        Capabilities = device.IotEdge ? new CapabilitiesBody(true) : null,
        DeviceScope = device.DeviceScope,
    };

    /// <summary>A change as sent.</summary>
    public static ChangeBody From(HubChange change)
    {
        var (device, mode) = (change.Device, change.Mode);
        var full = mode is HubChangeMode.Create or HubChangeMode.Update or HubChangeMode.UpdateIfMatchETag;
        if (mode is HubChangeMode.UpdateIfMatchETag or HubChangeMode.DeleteIfMatchETag && device.ETag is null) throw new ArgumentException("the mode names a version and none is given", nameof(change));
        if (mode == HubChangeMode.UpdateTwinIfMatchETag && change.TwinETag is null) throw new ArgumentException("the mode names a twin version and none is given", nameof(change));
        return new ChangeBody
        {
            Id = device.DeviceId,
            ETag = mode is HubChangeMode.UpdateIfMatchETag or HubChangeMode.DeleteIfMatchETag ? device.ETag : null,
            ImportMode = Word(mode),
            Status = full ? Word(device.Status) : null,
            StatusReason = full ? Reason(device.StatusReason) : null,
            Authentication = full ? From(device.Authentication) : null,
            Capabilities = full && device.IotEdge ? new CapabilitiesBody(true) : null,
            DeviceScope = full ? device.DeviceScope : null,
            TwinETag = mode == HubChangeMode.UpdateTwinIfMatchETag ? change.TwinETag : null,
            Tags = change.Twin?.Tags,
            Properties = change.Twin?.Desired is { } desired ? new PropertiesBody(desired) : null,
        };
    }

    /// <summary>A twin as read.</summary>
    public static Twin Twin(TwinBody body) => new()
    {
        DeviceId = body.DeviceId ?? throw new JsonException("deviceId is missing"),
        ETag = body.Etag,
        Version = body.Version ?? 0,
        Status = Status(body.Status),
        Credential = body.AuthenticationType is { } type ? Kind(type) : null,
        LastActivityAt = Instant(body.LastActivityTime),
        Tags = body.Tags ?? default,
        Desired = body.Properties?.Desired ?? default,
        Reported = body.Properties?.Reported ?? default,
    };

    /// <summary>Changes a device as the service wrote it, keys and members we do not know included, so that an update changes what it
    /// names and nothing else. The document never leaves the client.</summary>
    /// <param name="device">What GET answered.</param>
    /// <param name="status">The new status.</param>
    /// <param name="reason">The new reason.</param>
    public static void SetStatus(JsonObject device, HubDeviceStatus status, string? reason)
    {
        device["status"] = Word(status);
        device["statusReason"] = Reason(reason);
    }

    /// <summary>Gives a device by symmetric keys two new ones; leaves any other as it is.</summary>
    /// <returns>Whether there were keys to change.</returns>
    public static bool RenewKeys(JsonObject device)
    {
        if (device["authentication"] is not JsonObject authentication || Kind(Text(authentication["type"])) != HubCredential.SymmetricKeys) return false;
        var fresh = Rest.DeviceKeys.Random();
        authentication["symmetricKey"] = new JsonObject { ["primaryKey"] = fresh.Primary, ["secondaryKey"] = fresh.Secondary };
        return true;
    }

    /// <summary>A text member; absent or of another kind is <see langword="null"/>.</summary>
    public static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static AuthenticationBody From(HubAuthentication authentication) => authentication.Kind switch
    {
        HubCredential.SymmetricKeys => new() { Type = "sas", SymmetricKey = new() { PrimaryKey = authentication.Keys?.Primary ?? "", SecondaryKey = authentication.Keys?.Secondary ?? "" } },
        HubCredential.Thumbprints => new() { Type = "selfSigned", X509Thumbprint = new(authentication.PrimaryThumbprint, authentication.SecondaryThumbprint) },
        HubCredential.CertificateAuthority => new() { Type = "certificateAuthority" },
        HubCredential.None => new() { Type = "none" },
        _ => throw new ArgumentException("an authentication kind that is not known cannot be written", nameof(authentication)),
    };

    private static HubCredential Kind(string? word) => word switch
    {
        "sas" => HubCredential.SymmetricKeys,
        "selfSigned" => HubCredential.Thumbprints,
        "certificateAuthority" => HubCredential.CertificateAuthority,
        "none" => HubCredential.None,
        _ => HubCredential.Other,
    };

    // A status nobody knows must not be taken for either.
    private static HubDeviceStatus? Status(string? word) => word switch
    {
        null => null,
        "enabled" => HubDeviceStatus.Enabled,
        "disabled" => HubDeviceStatus.Disabled,
        _ => throw new JsonException("status is not known"),
    };

    private static string Word(HubDeviceStatus status) => status == HubDeviceStatus.Disabled ? "disabled" : "enabled";

    private static string? Reason(string? reason) => reason is null or { Length: <= 128 } ? reason : throw new ArgumentException("a status reason has at most 128 characters", nameof(reason));

    private static string Word(HubChangeMode mode) => mode switch
    {
        HubChangeMode.Create => "create",
        HubChangeMode.Update => "update",
        HubChangeMode.UpdateIfMatchETag => "updateIfMatchETag",
        HubChangeMode.Delete => "delete",
        HubChangeMode.DeleteIfMatchETag => "deleteIfMatchETag",
        HubChangeMode.UpdateTwin => "updateTwin",
        HubChangeMode.UpdateTwinIfMatchETag => "updateTwinIfMatchETag",
        _ => throw new ArgumentOutOfRangeException(nameof(mode)),
    };

    // The registry writes year 1 for "never", and leaves the zone out here and there; it is UTC.
    private static DateTimeOffset? Instant(string? text) =>
        text is null ? null
        : !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant) ? throw new JsonException("an instant is not ISO 8601")
        : instant.Year <= 1 ? null : instant;
}
