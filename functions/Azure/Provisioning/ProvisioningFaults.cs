using System.Text.Json;
using Serverless.Rest;

namespace Serverless.Provisioning;

/// <summary>What the service's refusals are called here. Codes: <c>enrollment-unknown</c>, <c>enrollment-exists</c>,
/// <c>enrollment-stale</c>, <c>enrollment-conflict</c>, the same with <c>enrollment-group-</c> (<c>enrollment-group-unknown</c>,
/// <c>enrollment-group-exists</c>, <c>enrollment-group-stale</c>, <c>enrollment-group-conflict</c>), <c>registration-unknown</c>,
/// <c>registration-stale</c>, <c>registration-conflict</c>, <c>provisioning-refused</c>, <c>provisioning-item-busy</c>,
/// <c>provisioning-item-failed</c>.</summary>
internal static class ProvisioningFaults
{
    /// <summary>The fault of a refusal.</summary>
    /// <param name="reply">Status 400 or more.</param>
    /// <param name="where"><c>enrollment</c>, <c>enrollmentGroup</c>, <c>registration</c>, <c>query</c> or <c>bulk</c>.</param>
    public static ServiceFault Of(ServiceReply reply, string where) =>
        new(Code(where, reply.Status), where, reply.Status, reply.ServiceCode, reply.TrackingId);

    /// <summary>What became of each item of a bulk call.</summary>
    /// <exception cref="JsonException">The answer contradicts itself, or names an id that was not sent.</exception>
    public static BulkOutcome Of(BulkAnswerBody answer, BulkMode mode, IReadOnlyList<string> ids)
    {
        var failures = new Dictionary<string, ServiceFault>(StringComparer.OrdinalIgnoreCase);
        foreach (var error in answer.Errors ?? [])
        {
            var id = error?.RegistrationId ?? error?.EnrollmentGroupId;
            if (id is null || !ids.Contains(id, StringComparer.OrdinalIgnoreCase)) throw new JsonException("an error names none of the items");
            var kind = error!.EnrollmentGroupId is null ? "enrollment" : "enrollmentGroup";
            // The service's codes are six digits that begin with the HTTP status.
            var status = error.ErrorCode is >= 400_000 and < 600_000 ? error.ErrorCode.Value / 1000 : error.ErrorCode is >= 400 and < 600 ? error.ErrorCode.Value : 400;
            var code = mode == BulkMode.Create && status == 409 ? Word(kind) + "-exists" : Code(kind, status);
            failures[id] = new ServiceFault(code, id == error.EnrollmentGroupId ? "enrollmentGroupId" : "registrationId", status,
                error.ErrorCode?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "", "");
        }

        if (answer.IsSuccessful is not { } successful || successful != (failures.Count == 0)) throw new JsonException("isSuccessful and errors contradict each other");
        return new BulkOutcome(failures);
    }

    private static string Code(string kind, int status) => (status, kind) switch
    {
        (404, not ("query" or "bulk")) => Word(kind) + "-unknown",
        (409, not ("query" or "bulk")) => Word(kind) + "-conflict",
        (412, not ("query" or "bulk")) => Word(kind) + "-stale",
        (429, _) => "provisioning-item-busy",
        ( >= 500, _) => "provisioning-item-failed",
        _ => "provisioning-refused",
    };

    private static string Word(string kind) => kind == "enrollmentGroup" ? "enrollment-group" : kind;
}
