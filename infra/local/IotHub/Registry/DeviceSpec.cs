using System.Text.Json.Nodes;

namespace Serverless.Local.IotHub.Registry;

/// <summary>A device as a caller asks for it.</summary>
/// <param name="DeviceId">See <see cref="DeviceName"/>.</param>
/// <param name="Credentials">How it will prove itself; sas without keys gets generated ones.</param>
/// <param name="Status">Enabled unless said otherwise.</param>
/// <param name="StatusReason">At most 128 characters.</param>
/// <param name="Tags">Twin tags it starts with; copied.</param>
/// <param name="Desired">Desired properties it starts with; copied.</param>
/// <param name="IotEdge">Kept, without effect.</param>
public sealed record DeviceSpec(
    string DeviceId,
    DeviceCredentials Credentials,
    DeviceStatus Status = DeviceStatus.Enabled,
    string? StatusReason = null,
    JsonObject? Tags = null,
    JsonObject? Desired = null,
    bool IotEdge = false);
