using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Local.KeyVault;

/// <summary>Refusals in the service's own words: <c>{"error":{"code","message","innererror"?:{"code"}}}</c>.</summary>
internal static class VaultErrors
{
    private static readonly Dictionary<string, (int Status, string Code, string? Inner, string Message)> Known = new(StringComparer.Ordinal)
    {
        ["argument-invalid"] = (400, "BadParameter", null, "The request is not understood."),
        ["key-parameter"] = (400, "BadParameter", null, "A property of the key has an invalid value."),
        ["digest-length"] = (400, "BadParameter", null, "Invalid length of 'value': it is not a digest of this algorithm."),
        ["token-missing"] = (401, "Unauthorized", null, "AKV10000: Request is missing a Bearer or PoP token."),
        ["token-refused"] = (401, "Unauthorized", null, "AKV10032: The token does not count here."),
        ["caller-role"] = (403, "Forbidden", "ForbiddenByRbac", "Caller is not authorized to perform action on resource."),
        ["key-purge"] = (403, "Forbidden", "ForbiddenByPolicy", "Operation purge is not allowed: purge protection is on."),
        ["key-disabled"] = (403, "Forbidden", "KeyDisabled", "Operation is not allowed on a disabled key."),
        ["key-not-yet-valid"] = (403, "Forbidden", "KeyNotYetValid", "Operation is not allowed on a key that is not yet valid."),
        ["key-expired"] = (403, "Forbidden", "KeyExpired", "Operation is not allowed on an expired key."),
        ["key-operation"] = (403, "Forbidden", "KeyOperationForbidden", "Operation is not permitted on this key."),
        ["key-not-found"] = (404, "KeyNotFound", null, "A key with this name or version was not found in this key vault."),
        ["key-deleted"] = (409, "Conflict", "ObjectIsDeletedButRecoverable", "Key is currently in a deleted but recoverable state, and its name cannot be reused."),
        ["body-size"] = (413, "BadParameter", null, "The request is too large."),
        ["throttled"] = (429, "Throttled", null, "Request was not processed because too many requests were received."),
    };

    /// <summary>The service's words for a fault; every fault of a token that was given is one refusal.</summary>
    public static (int Status, string Code, string? Inner, string Message) Of(Fault fault) =>
        Known.TryGetValue(fault.Code, out var known) ? known
        : fault.Code.StartsWith("token-", StringComparison.Ordinal) ? Known["token-refused"]
        : throw new System.Diagnostics.UnreachableException($"'{fault.Code}' has no error code");

    /// <summary>Answers with a fault. The text is ours: nothing the caller sent comes back.</summary>
    public static Task Write(HttpContext http, Fault fault)
    {
        var (status, code, inner, message) = Of(fault);
        return Write(http, status, code, inner, message);
    }

    /// <summary>Answers with an error.</summary>
    public static Task Write(HttpContext http, int status, string code, string? inner, string message)
    {
        var error = new JsonObject { ["code"] = code, ["message"] = message };
        if (inner is not null) error["innererror"] = new JsonObject { ["code"] = inner };
        return WriteJson(http, status, new JsonObject { ["error"] = error });
    }

    /// <summary>Writes a JSON body with its length.</summary>
    public static Task WriteJson(HttpContext http, int status, JsonNode body)
    {
        var bytes = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(body);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = bytes.Length;
        http.Response.Headers.CacheControl = "no-cache";
        return http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }
}
