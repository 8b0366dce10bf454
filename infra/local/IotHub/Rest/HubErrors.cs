using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Rest;

/// <summary>Refusals in the service's own words: a six-digit code whose first three digits are the HTTP status, a name in the header
/// <c>iothub-errorcode</c>, and a JSON body whose <c>Message</c> is <c>ErrorCode:{name};{text}</c>.</summary>
internal static class HubErrors
{
    private static readonly Dictionary<string, (int Code, string Name, string Text)> Known = new(StringComparer.Ordinal)
    {
        ["argument-invalid"] = (400004, "ArgumentInvalid", "the request is not understood"),
        ["device-id"] = (400004, "ArgumentInvalid", "the device id has characters or a length that are not allowed"),
        ["device-credentials"] = (400004, "ArgumentInvalid", "authentication is not valid"),
        ["device-reason"] = (400004, "ArgumentInvalid", "statusReason is longer than 128 characters"),
        ["twin-member"] = (400004, "ArgumentInvalid", "a twin member's name or value is not allowed"),
        ["twin-depth"] = (400004, "ArgumentInvalid", "the twin is nested deeper than 10"),
        ["query-syntax"] = (400004, "ArgumentInvalid", "the query is not in the supported subset"),
        ["bulk-mode"] = (400004, "ArgumentInvalid", "importMode is not known"),
        ["token-missing"] = (401002, "IotHubUnauthorizedAccess", "Unauthorized"),
        ["caller-role"] = (401003, "IotHubUnauthorized", "Principal is not authorized due to no assigned permissions"),
        ["queue-full"] = (403004, "DeviceMaximumQueueDepthExceeded", "50 messages wait already"),
        ["device-not-found"] = (404001, "DeviceNotFound", "no such device"),
        ["module-not-found"] = (404010, "ModuleNotFound", "modules are not offered"),
        ["device-not-online"] = (404103, "DeviceNotOnline", "Timed out waiting for device to connect."),
        ["device-exists"] = (409001, "DeviceAlreadyExists", "a device with this id exists"),
        ["etag-mismatch"] = (412001, "PreconditionFailed", "the ETag does not match"),
        ["body-size"] = (413001, "MessageTooLarge", "the request is too large"),
        ["message-size"] = (413001, "MessageTooLarge", "the message is too large"),
        ["twin-size"] = (413001, "MessageTooLarge", "the twin section is too large"),
        ["bulk-size"] = (413002, "TooManyDevices", "at most 100 devices a request"),
        ["hub-full"] = (403002, "IotHubQuotaExceeded", "the hub has all the devices it may have"),
        ["throttled"] = (429001, "ThrottlingException", "the hub's rate for this operation is exceeded"),
        ["device-answer"] = (502101, "BadDeviceResponse", "the device's answer is not JSON"),
        ["device-no-answer"] = (504101, "GatewayTimeout", "Timed out waiting for the response from device."),
    };

    /// <summary>The service's number and name of a fault; every fault of a token is <c>401002</c>.</summary>
    public static (int Code, string Name, string Text) Of(Fault fault) =>
        Known.TryGetValue(fault.Code, out var known) ? known
        : fault.Code.StartsWith("token-", StringComparison.Ordinal) ? Known["token-missing"]
        : throw new System.Diagnostics.UnreachableException($"'{fault.Code}' has no error code");

    /// <summary>Answers with a fault. The text is ours: nothing the caller sent comes back.</summary>
    public static Task Write(HttpContext http, Fault fault, DateTimeOffset now)
    {
        var (code, name, text) = Of(fault);
        var stamp = now.UtcDateTime.ToString("MM/dd/yyyy HH:mm:ss", CultureInfo.InvariantCulture);
        http.Response.StatusCode = code / 1000;
        http.Response.Headers["iothub-errorcode"] = name;
        return HubReply.WriteJson(http, new JsonObject
        {
            ["Message"] = $"ErrorCode:{name};{text}",
            ["ExceptionMessage"] = $"Tracking ID:{http.TraceIdentifier}-TimeStamp:{stamp}",
        });
    }
}
