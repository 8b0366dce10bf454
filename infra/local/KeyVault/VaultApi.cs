using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.KeyVault;

/// <summary>The vault's edge: challenge, token, role on this one key, rate, body; what is done is in <see cref="KeysApi"/>.</summary>
/// <remarks>Refuses with <c>token-missing</c> and the faults of <see cref="Tokens.Verify"/> (401 and a challenge), <c>caller-role</c>,
/// <c>argument-invalid</c> (api-version, or a body that is no JSON object), <c>key-parameter</c> (a name), <c>throttled</c>, <c>body-size</c>.</remarks>
internal sealed class VaultApi(KeysApi keys, Tokens tokens, TenantDirectory directory, Disturbance disturbance, Uri authorityHost)
{
    /// <summary>Largest request body: a key to import has under 1 KB.</summary>
    public const int BodyBytesMax = 32 * 1024;

    private const int RememberedMax = 10_000;
    private static readonly HashSet<string> ApiVersions = new(StringComparer.Ordinal) { "7.4", "7.5", "7.6", "2025-06-01", "2025-07-01" };
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };
    private readonly ConcurrentQueue<VaultRequest> _seen = new();

    /// <summary>What was asked, oldest first; the latest 10,000.</summary>
    public IReadOnlyList<VaultRequest> Seen => [.. _seen];

    /// <summary>Every route of the API.</summary>
    public void Map(WebApplication server)
    {
        void On(string verb, string path, string action, Func<KeyCall, Parsed<JsonObject>> act) =>
            server.MapMethods(path, [verb], http => Answer(http, "Microsoft.KeyVault/vaults/keys/" + action, act));

        On("GET", "/keys", "read", keys.List);
        On("POST", "/keys/{name}/create", "create/action", keys.Create);
        On("PUT", "/keys/{name}", "import/action", keys.Import);
        On("GET", "/keys/{name}/versions", "read", keys.Versions);
        On("GET", "/keys/{name}/{version?}", "read", keys.Show);
        On("PATCH", "/keys/{name}/{version?}", "update/action", keys.Update);
        On("POST", "/keys/{name}/rotate", "rotate/action", keys.Rotate);
        On("POST", "/keys/{name}/{version}/sign", "sign/action", keys.Sign);
        On("POST", "/keys/{name}/{version}/verify", "verify/action", keys.Verify);
        On("POST", "/keys/{name}/sign", "sign/action", keys.Sign);
        On("POST", "/keys/{name}/verify", "verify/action", keys.Verify);
        On("DELETE", "/keys/{name}", "delete", keys.Delete);
        On("GET", "/deletedkeys/{name}", "read", keys.ShowDeleted);
        On("POST", "/deletedkeys/{name}/recover", "recover/action", keys.Recover);
        On("DELETE", "/deletedkeys/{name}", "purge/action", KeysApi.Purge);
    }

    private async Task Answer(HttpContext http, string action, Func<KeyCall, Parsed<JsonObject>> act)
    {
        var body = "";
        try
        {
            using var reader = new StreamReader(http.Request.Body);
            body = await reader.ReadToEndAsync(http.RequestAborted).ConfigureAwait(false);
            if (disturbance.Next() is { } trouble)
            {
                if (trouble.RetryAfter is { } wait) http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
                await VaultErrors.Write(http, trouble.Status, trouble.Status == 429 ? "Throttled" : "ServiceUnavailable", null, "Try again later.").ConfigureAwait(false);
                return;
            }

            var reply = await Judge(http, action).ConfigureAwait(false) is { } refused ? refused : Call(http, body).Then(act);
            if (reply.TryGet(out var success, out var fault)) await VaultErrors.WriteJson(http, 200, success).ConfigureAwait(false);
            else await VaultErrors.Write(http, fault).ConfigureAwait(false);
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            http.Drain();
            await VaultErrors.Write(http, new Fault("body-size", "body")).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller left; there is nobody to answer.
        }
        finally
        {
            Remember(http, body);
        }
    }

    private async Task<Fault?> Judge(HttpContext http, string action)
    {
        var authorization = http.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return Challenged(http, new Fault("token-missing", "authorization"));
        var verified = await tokens.Verify(authorization["Bearer ".Length..].Trim(), Audiences.KeyVault, http.RequestAborted).ConfigureAwait(false);
        if (!verified.TryGet(out var caller, out var fault)) return Challenged(http, fault);
        if (!ApiVersions.Contains(http.Request.Query["api-version"].ToString())) return new Fault("argument-invalid", "api-version");
        // Names are compared without case everywhere in a vault, so scopes are written, and asked for, in lower case.
        var name = (http.Request.RouteValues["name"] as string)?.ToLowerInvariant();
        if (!directory.Allows(caller.ClientId, action, name is null ? "keyvault" : $"keyvault/keys/{name}")) return new Fault("caller-role", "authorization");
        return disturbance.TakeOne(http.Response) ? null : new Fault("throttled", "vault");
    }

    private Fault Challenged(HttpContext http, Fault fault)
    {
        http.Response.Headers.WWWAuthenticate = $"Bearer authorization=\"{authorityHost}{tokens.TenantId}\", resource=\"{Audiences.KeyVault}\"";
        return fault;
    }

    private static Parsed<KeyCall> Call(HttpContext http, string body)
    {
        var name = http.Request.RouteValues["name"] as string ?? "";
        if (http.Request.RouteValues.ContainsKey("name") && (name.Length > 127 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))) return new Fault("key-parameter", "name");
        string? Query(string parameter) => http.Request.Query.TryGetValue(parameter, out var value) ? value.ToString() : null;
        var json = new JsonObject();
        if (body.Length > 0)
        {
            try
            {
                if (JsonNode.Parse(body, null, Strict) is not JsonObject read) return new Fault("argument-invalid", "body");
                json = read;
            }
            catch (JsonException)
            {
                return new Fault("argument-invalid", "body");
            }
        }

        return new KeyCall(name, http.Request.RouteValues["version"] as string, json, Query);
    }

    private void Remember(HttpContext http, string body)
    {
        var headers = http.Request.Headers.ToDictionary(
            header => header.Key, header => header.Key == "Authorization" ? header.Value.ToString().Split(' ')[0] : header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        _seen.Enqueue(new VaultRequest(http.Request.Method, http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, headers, body, http.Response.StatusCode));
        while (_seen.Count > RememberedMax) _seen.TryDequeue(out _);
    }
}
