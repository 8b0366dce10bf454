using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub;

namespace Serverless.Local.Provisioning;

/// <summary>A refusal in the service's own words: a six-digit code whose first three digits are the HTTP status, and a text.</summary>
/// <param name="Code">401002, 400207 and their texts are as Azure sends them; the rest are in its manner, where it publishes the HTTP
/// status alone.</param>
/// <param name="Message">Ours, or Azure's: nothing the caller sent comes back.</param>
internal sealed record ProvisioningError(int Code, string Message)
{
    private static readonly Dictionary<string, ProvisioningError> Known = new(StringComparer.Ordinal)
    {
        ["argument-invalid"] = new(400004, "The request is not understood."),
        ["registration-id"] = new(400004, "The id has characters or a length that are not allowed."),
        ["registration-mismatch"] = new(400004, "The registration id of the body is not that of the request."),
        ["enrollment-shape"] = new(400004, "The enrollment is not understood."),
        ["enrollment-allocation"] = new(400004, "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom', one hub when it is 'Static'."),
        ["enrollment-device"] = new(400004, "The device id is not allowed."),
        ["enrollment-hub"] = new(400004, "An IoT hub is not linked."),
        ["enrollment-authority"] = new(400004, "A CA reference is unknown or not verified."),
        ["attestation-shape"] = new(400004, "The attestation is not understood."),
        ["attestation-key"] = new(400004, "A key is not base64 of 16 to 64 bytes."),
        ["attestation-certificate"] = new(400004, "A certificate is missing, malformed, or no CA where one is needed."),
        ["twin-member"] = new(400004, "A twin member's name or value is not allowed."),
        ["twin-depth"] = new(400004, "The twin is nested deeper than 10."),
        ["twin-size"] = new(400004, "The twin section is too large."),
        ["query-syntax"] = new(400004, "The query is not in the supported subset."),
        ["bulk-mode"] = new(400004, "The mode is not known."),
        ["bulk-size"] = new(400013, "At most 10 enrollments a request."),
        ["webhook-status"] = new(400207, "Custom allocation failed with status code: "),
        ["webhook-timeout"] = new(400207, "Custom allocation failed: no answer in time."),
        ["webhook-unreachable"] = new(400207, "Custom allocation failed: the webhook cannot be reached."),
        ["webhook-answer"] = new(400207, "Custom allocation failed: the answer is not understood."),
        ["webhook-hub"] = new(400207, "Custom allocation failed: the hub is not linked."),
        ["hub-none"] = new(400208, "No IoT hub is linked to the enrollment."),
        ["hub-refused"] = new(400209, "The IoT hub refused the device."),
        ["caller-role"] = new(401003, "Principal is not authorized due to no assigned permissions."),
        ["credentials-missing"] = new(401002, "Unauthorized"),
        ["credentials-type"] = new(401002, "Unauthorized"),
        ["certificate-subject"] = new(401002, "Invalid certificate."),
        ["certificate-mismatch"] = new(401002, "Invalid certificate."),
        ["certificate-expired"] = new(401002, "Invalid certificate."),
        ["certificate-chain"] = new(401002, "CA certificate not found."),
        ["enrollment-unknown"] = new(401002, "Unauthorized"),
        ["enrollment-not-found"] = new(404201, "Enrollment not found."),
        ["registration-not-found"] = new(404202, "Registration not found."),
        ["operation-not-found"] = new(404203, "Operation not found."),
        ["scope-unknown"] = new(404204, "IDScope not found."),
        ["enrollment-exists"] = new(409201, "The enrollment exists."),
        ["enrollments-full"] = new(403002, "The service has all the enrollments it may have."),
        ["registrations-full"] = new(403002, "The service has all the registration records it may have."),
        ["etag-mismatch"] = new(412001, "The ETag does not match."),
        ["body-size"] = new(413001, "The request is too large."),
        ["body-type"] = new(415001, "The body is not application/json."),
        ["throttled"] = new(429001, "Operations are being throttled for this tenant."),
    };

    /// <summary>A bug of ours.</summary>
    public static ProvisioningError Internal { get; } = new(500001, "Internal error.");

    /// <summary>HTTP status.</summary>
    public int Status => Code / 1000;

    /// <summary>The service's words for a fault; every fault of a token is <c>401002</c>.</summary>
    public static ProvisioningError Of(Fault fault) =>
        fault.Code == "webhook-status" ? Known[fault.Code] with { Message = Known[fault.Code].Message + fault.Where }
        : Known.TryGetValue(fault.Code, out var known) ? known
        : fault.Code.StartsWith("token-", StringComparison.Ordinal) ? Known["credentials-missing"]
        : throw new System.Diagnostics.UnreachableException($"'{fault.Code}' has no error code");

    /// <summary>The documented error body.</summary>
    public JsonObject Document(DateTimeOffset now) => new()
    {
        ["errorCode"] = Code,
        ["trackingId"] = new Guid(RandomNumberGenerator.GetBytes(16)).ToString(),
        ["message"] = Message,
        ["timestampUtc"] = HubTime.Text(now),
    };

    /// <summary>The code as text, for the header <c>x-ms-error-code</c>.</summary>
    public override string ToString() => Code.ToString(CultureInfo.InvariantCulture);
}
