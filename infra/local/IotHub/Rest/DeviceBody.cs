using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Rest;

/// <summary>The device JSON of PUT and bulk requests. Members that only the hub sets (etag, generationId, times, connection state) are
/// read over: SDKs send back what they got.</summary>
internal static class DeviceBody
{
    /// <param name="body">Untrusted.</param>
    /// <param name="deviceId">The id as the path, or the bulk element, says it.</param>
    /// <returns>The device asked for, or <c>argument-invalid</c>. Ids, keys and thumbprints are checked by the registry.</returns>
    public static Parsed<DeviceSpec> Parse(JsonObject body, string deviceId)
    {
        var fault = new Fault("argument-invalid", "device");
        if (!body.TryText("status", out var status) || !body.TryText("statusReason", out var reason)) return fault;
        if (!Enum.TryParse<DeviceStatus>(status ?? "enabled", ignoreCase: true, out var parsed) || !Enum.IsDefined(parsed) || char.IsAsciiDigit((status ?? "e")[0])) return fault;
        if (!body.TryObject("authentication", out var authentication) || !body.TryObject("capabilities", out var capabilities)) return fault;
        if (!Credentials(authentication ?? []).TryGet(out var credentials, out var refused)) return refused;
        var edge = capabilities?["iotEdge"] is { } flag && flag.GetValueKind() == JsonValueKind.True;
        return new DeviceSpec(deviceId, credentials, parsed, reason, IotEdge: edge);
    }

    // Without a type: pinned when thumbprints are there, else keys (which the hub makes when they are empty).
    private static Parsed<DeviceCredentials> Credentials(JsonObject authentication)
    {
        var fault = new Fault("argument-invalid", "authentication");
        if (!authentication.TryText("type", out var type)) return fault;
        if (!authentication.TryObject("symmetricKey", out var keys) || !authentication.TryObject("x509Thumbprint", out var thumbprints)) return fault;
        string? primaryKey = null, secondaryKey = null, primary = null, secondary = null;
        if (keys is not null && !(keys.TryText("primaryKey", out primaryKey) && keys.TryText("secondaryKey", out secondaryKey))) return fault;
        if (thumbprints is not null && !(thumbprints.TryText("primaryThumbprint", out primary) && thumbprints.TryText("secondaryThumbprint", out secondary))) return fault;
        primary = string.IsNullOrEmpty(primary) ? null : primary.ToUpperInvariant();
        secondary = string.IsNullOrEmpty(secondary) ? null : secondary.ToUpperInvariant();
        return type switch
        {
            "sas" => new DeviceCredentials(AuthenticationType.Sas, primaryKey, secondaryKey),
            "selfSigned" => new DeviceCredentials(AuthenticationType.SelfSigned, PrimaryThumbprint: primary, SecondaryThumbprint: secondary),
            "certificateAuthority" => DeviceCredentials.CertificateAuthority,
            "none" => new DeviceCredentials(AuthenticationType.None),
            null when primary is not null || secondary is not null => new DeviceCredentials(AuthenticationType.SelfSigned, PrimaryThumbprint: primary, SecondaryThumbprint: secondary),
            null => new DeviceCredentials(AuthenticationType.Sas, primaryKey, secondaryKey),
            _ => fault,
        };
    }
}
