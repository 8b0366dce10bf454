using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Provisioning;

// The wire records of the service API, 2021-10-01. Members that are not ours are skipped on reads: services add members.

internal sealed record EnrollmentBody
{
    public string? RegistrationId { get; init; }

    public string? EnrollmentGroupId { get; init; }

    public string? DeviceId { get; init; }

    public RegistrationBody? RegistrationState { get; init; }

    public AttestationBody? Attestation { get; init; }

    public CapabilitiesBody? Capabilities { get; init; }

    public string? IotHubHostName { get; init; }

    public TwinBody? InitialTwin { get; init; }

    public string? Etag { get; init; }

    public string? ProvisioningStatus { get; init; }

    public ReprovisionBody? ReprovisionPolicy { get; init; }

    public string? CreatedDateTimeUtc { get; init; }

    public string? LastUpdatedDateTimeUtc { get; init; }

    public string? AllocationPolicy { get; init; }

    public IReadOnlyList<string>? IotHubs { get; init; }

    public WebhookBody? CustomAllocationDefinition { get; init; }
}

internal sealed record AttestationBody(string? Type, TpmBody? Tpm, X509Body? X509, KeysBody? SymmetricKey);

internal sealed record TpmBody(string? EndorsementKey, string? StorageRootKey);

internal sealed record X509Body(CertificatesBody? ClientCertificates, CertificatesBody? SigningCertificates, ReferencesBody? CaReferences);

internal sealed record CertificatesBody(CertificateBody? Primary, CertificateBody? Secondary);

internal sealed record CertificateBody(string? Certificate, CertificateInfoBody? Info);

internal sealed record CertificateInfoBody(
    string? SubjectName, string? Sha1Thumbprint, string? Sha256Thumbprint, string? IssuerName, string? NotBeforeUtc, string? NotAfterUtc,
    string? SerialNumber, int? Version);

internal sealed record ReferencesBody(string? Primary, string? Secondary);

// Printed by nobody: a class, so that no generated text holds a key.
internal sealed class KeysBody
{
    public string? PrimaryKey { get; init; }

    public string? SecondaryKey { get; init; }
}

internal sealed record CapabilitiesBody(bool IotEdge);

internal sealed record TwinBody(JsonElement? Tags, TwinPropertiesBody? Properties);

internal sealed record TwinPropertiesBody(JsonElement? Desired);

internal sealed record ReprovisionBody(bool UpdateHubAssignment, bool MigrateDeviceData);

// A class for the same reason: the URL holds the function key.
internal sealed class WebhookBody
{
    public string? WebhookUrl { get; init; }

    public string? ApiVersion { get; init; }
}

internal sealed record RegistrationBody
{
    public string? RegistrationId { get; init; }

    public string? DeviceId { get; init; }

    public string? AssignedHub { get; init; }

    public string? Status { get; init; }

    public string? Substatus { get; init; }

    public int? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public string? Etag { get; init; }

    public string? CreatedDateTimeUtc { get; init; }

    public string? LastUpdatedDateTimeUtc { get; init; }

    public JsonElement? Payload { get; init; }
}

internal sealed record BulkBody(string Mode, IReadOnlyList<EnrollmentBody>? Enrollments, IReadOnlyList<EnrollmentBody>? EnrollmentGroups);

internal sealed record BulkAnswerBody(bool? IsSuccessful, IReadOnlyList<BulkErrorBody>? Errors);

internal sealed record BulkErrorBody(string? RegistrationId, string? EnrollmentGroupId, int? ErrorCode, string? ErrorStatus);

internal sealed record QueryBody(string Query);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 32)]
[JsonSerializable(typeof(EnrollmentBody))]
[JsonSerializable(typeof(List<EnrollmentBody>))]
[JsonSerializable(typeof(RegistrationBody))]
[JsonSerializable(typeof(List<RegistrationBody>))]
[JsonSerializable(typeof(AttestationBody))]
[JsonSerializable(typeof(BulkBody))]
[JsonSerializable(typeof(BulkAnswerBody))]
[JsonSerializable(typeof(QueryBody))]
internal sealed partial class ProvisioningJson : JsonSerializerContext;
