using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Serverless.Local.Storage;

/// <summary>Refusals as Azure Storage words them: XML for blobs and queues, JSON for tables, the code also in a header.</summary>
internal sealed record StorageRefusal(int Status, string Code, string Message)
{
    public static readonly StorageRefusal NoToken = new(401, "NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.");
    public static readonly StorageRefusal BadToken = new(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.");
    public static readonly StorageRefusal KeyRefused = new(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.");
    public static readonly StorageRefusal RoleMissing = new(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.");
    public static readonly StorageRefusal Unclear = new(400, "InvalidUri", "The requested URI does not represent any resource on the server.");
    public static readonly StorageRefusal Unreachable = new(503, "ServerBusy", "The local storage service does not answer.");
    public static readonly StorageRefusal NotOffered = new(501, "NotImplemented", "The local storage front does not offer this operation: it cannot judge the roles it needs.");

    public async Task Write(HttpContext http, StorageService service, string authority, DateTimeOffset now)
    {
        var response = http.Response;
        response.StatusCode = Status;
        response.Headers["x-ms-error-code"] = Code;
        response.Headers["x-ms-request-id"] = http.TraceIdentifier;
        if (Status == 401) response.Headers.WWWAuthenticate = $"Bearer authorization_uri={authority} resource_id=https://storage.azure.com";
        var message = $"{Message}\nRequestId:{http.TraceIdentifier}\nTime:{now:O}";
        byte[] body;
        if (service == StorageService.Table)
        {
            response.ContentType = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8";
            body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
            {
                ["odata.error"] = new { code = Code, message = new { lang = "en-US", value = message } },
            });
        }
        else
        {
            response.ContentType = "application/xml";
            body = Encoding.UTF8.GetBytes($"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{Code}</Code><Message>{message}</Message></Error>");
        }

        response.ContentLength = body.Length;
        if (http.Request.Method != "HEAD") await response.Body.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
    }
}
