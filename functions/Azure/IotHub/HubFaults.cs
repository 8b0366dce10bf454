using System.Globalization;
using System.Text.Json;
using Serverless.Rest;

namespace Serverless.IotHub;

/// <summary>What the service's refusals are called here. Codes: <c>hub-device-unknown</c>, <c>hub-device-exists</c>, <c>hub-device-stale</c>,
/// <c>hub-device-generation-stale</c>, <c>hub-device-offline</c>, <c>hub-device-no-answer</c>, <c>hub-device-answer</c>,
/// <c>hub-too-large</c>, <c>hub-refused</c>, <c>hub-item-busy</c>, <c>hub-item-failed</c>.</summary>
internal static class HubFaults
{
    // The service writes a code's number or its name, by place and version (ErrorCode.cs of its C# SDK).
    private static readonly Dictionary<string, (int Status, string Code)> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["404001"] = (404, "hub-device-unknown"),
        ["DeviceNotFound"] = (404, "hub-device-unknown"),
        ["404103"] = (404, "hub-device-offline"),
        ["DeviceNotOnline"] = (404, "hub-device-offline"),
        ["409001"] = (409, "hub-device-exists"),
        ["DeviceAlreadyExists"] = (409, "hub-device-exists"),
        ["412001"] = (412, "hub-device-stale"),
        ["PreconditionFailed"] = (412, "hub-device-stale"),
        ["413001"] = (413, "hub-too-large"),
        ["MessageTooLarge"] = (413, "hub-too-large"),
        ["413002"] = (413, "hub-too-large"),
        ["TooManyDevices"] = (413, "hub-too-large"),
        ["429001"] = (429, "hub-item-busy"),
        ["ThrottlingException"] = (429, "hub-item-busy"),
    };

    /// <summary>The fault of a refusal.</summary>
    /// <param name="reply">Status 400 or more.</param>
    public static ServiceFault Of(ServiceReply reply)
    {
        var code = Known.TryGetValue(reply.ServiceCode, out var known) ? known.Code : ByStatus(reply.Status);
        return new ServiceFault(code, "device", reply.Status, reply.ServiceCode, reply.TrackingId);
    }

    /// <summary>What became of each device of a bulk call.</summary>
    /// <exception cref="JsonException">The answer contradicts itself, or names a device that was not sent.</exception>
    public static BulkOutcome Of(BulkAnswerBody answer, IReadOnlySet<string> ids)
    {
        var failures = new Dictionary<string, ServiceFault>(StringComparer.Ordinal);
        foreach (var error in answer.Errors ?? [])
        {
            if (error?.DeviceId is not { } id || !ids.Contains(id)) throw new JsonException("an error names none of the devices");
            var service = error.ErrorCode switch
            {
                { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
                { ValueKind: JsonValueKind.String } text => text.GetString()!,
                _ => "",
            };
            service = ServiceError.Code(service);
            var status = Known.TryGetValue(service, out var known) ? known.Status
                : int.TryParse(service, NumberStyles.None, CultureInfo.InvariantCulture, out var number6) && number6 is >= 400_000 and < 600_000 ? number6 / 1000
                : 400;
            failures[id] = new ServiceFault(known.Code ?? ByStatus(status), "device", status, service, "");
        }

        if (answer.IsSuccessful is not { } successful || successful != (failures.Count == 0)) throw new JsonException("isSuccessful and errors contradict each other");
        return new BulkOutcome(failures);
    }

    private static string ByStatus(int status) => status switch
    {
        404 => "hub-device-unknown",
        409 => "hub-device-exists",
        412 => "hub-device-stale",
        413 => "hub-too-large",
        429 => "hub-item-busy",
        502 => "hub-device-answer",
        504 => "hub-device-no-answer",
        >= 500 => "hub-item-failed",
        _ => "hub-refused",
    };
}
