using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Serverless.IotHub;

// The wire records of the service API, 2021-04-12. Members that are not ours are skipped on reads: services add members.

internal sealed record DeviceBody
{
    public string? DeviceId { get; init; }

    public string? GenerationId { get; init; }

    public string? Etag { get; init; }

    public string? Status { get; init; }

    public string? StatusReason { get; init; }

    public string? StatusUpdatedTime { get; init; }

    public string? ConnectionState { get; init; }

    public string? LastActivityTime { get; init; }

    public AuthenticationBody? Authentication { get; init; }

    public CapabilitiesBody? Capabilities { get; init; }

    public string? DeviceScope { get; init; }
}

internal sealed record ChangeBody
{
    public required string Id { get; init; }

    public string? ETag { get; init; }

    public required string ImportMode { get; init; }

    public string? Status { get; init; }

    public string? StatusReason { get; init; }

    public AuthenticationBody? Authentication { get; init; }

    public CapabilitiesBody? Capabilities { get; init; }

    public string? DeviceScope { get; init; }

    public string? TwinETag { get; init; }

    public JsonObject? Tags { get; init; }

    public PropertiesBody? Properties { get; init; }
}

internal sealed record AuthenticationBody
{
    public string? Type { get; init; }

    public KeysBody? SymmetricKey { get; init; }

    public ThumbprintsBody? X509Thumbprint { get; init; }
}

// Printed by nobody: a class, so that no generated text holds a key. Reads skip it: see HubDevices.
internal sealed class KeysBody
{
    public string? PrimaryKey { get; init; }

    public string? SecondaryKey { get; init; }
}

internal sealed record ThumbprintsBody(string? PrimaryThumbprint, string? SecondaryThumbprint);

internal sealed record CapabilitiesBody(bool IotEdge);

internal sealed record PropertiesBody(JsonObject? Desired);

internal sealed record TwinPatchBody(JsonObject? Tags, PropertiesBody? Properties);

internal sealed record TwinBody
{
    public string? DeviceId { get; init; }

    public string? Etag { get; init; }

    public long? Version { get; init; }

    public string? Status { get; init; }

    public string? AuthenticationType { get; init; }

    public string? LastActivityTime { get; init; }

    public JsonElement? Tags { get; init; }

    public TwinPropertiesBody? Properties { get; init; }
}

internal sealed record TwinPropertiesBody(JsonElement? Desired, JsonElement? Reported);

internal sealed record BulkAnswerBody(bool? IsSuccessful, IReadOnlyList<BulkErrorBody>? Errors);

internal sealed record BulkErrorBody(string? DeviceId, JsonElement? ErrorCode);

internal sealed record QueryBody(string Query);

internal sealed record MethodBody(string MethodName, JsonNode? Payload, int ResponseTimeoutInSeconds, int ConnectTimeoutInSeconds);

internal sealed record MethodAnswerBody(int? Status, JsonElement? Payload);

internal sealed record StatisticsBody(long? TotalDeviceCount, long? EnabledDeviceCount, long? DisabledDeviceCount);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 32)]
[JsonSerializable(typeof(DeviceBody))]
[JsonSerializable(typeof(List<ChangeBody>))]
[JsonSerializable(typeof(TwinBody))]
[JsonSerializable(typeof(List<TwinBody>))]
[JsonSerializable(typeof(TwinPatchBody))]
[JsonSerializable(typeof(BulkAnswerBody))]
[JsonSerializable(typeof(QueryBody))]
[JsonSerializable(typeof(MethodBody))]
[JsonSerializable(typeof(MethodAnswerBody))]
[JsonSerializable(typeof(StatisticsBody))]
[JsonSerializable(typeof(List<JsonElement>))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class HubJson : JsonSerializerContext;
