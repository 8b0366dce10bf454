using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Serverless.Local.Identity;

namespace Serverless.Local.Storage;

/// <summary>Decides whether a request may pass to Azurite.</summary>
/// <param name="tokens">Verifies bearer tokens.</param>
/// <param name="directory">Knows roles.</param>
/// <param name="publicContainers">Blob containers that anybody may read.</param>
/// <param name="clock">Wall clock, for tokens' ends.</param>
internal sealed partial class StorageDoor(Tokens tokens, TenantDirectory directory, IReadOnlyList<string> publicContainers, TimeProvider clock)
{
    private const int TransactionBytesMax = 4 * 1024 * 1024; // the service's own limit
    private const int RememberedMax = 1024;
    private readonly ConcurrentDictionary<string, Caller> _seen = new(StringComparer.Ordinal); // a signature check costs more than the rest

    /// <summary>The refusal, or <see langword="null"/> if it may pass.</summary>
    public async Task<StorageRefusal?> Judge(HttpContext http, StorageService service)
    {
        var request = http.Request;
        var raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var target = StorageRules.Target(service, request.Method, raw);
        if (target.Needs is null) return StorageRefusal.Unclear;

        string? authorization = request.Headers.Authorization;
        if (authorization is null)
        {
            var anonymous = service == StorageService.Blob && request.Method is "GET" or "HEAD" && publicContainers.Contains(target.Container)
                && raw.IndexOf('/', Azurite.Account.Length + 2 + target.Container.Length) > 0; // a blob of it, not the list of them
            return anonymous ? null : request.Query.ContainsKey("sig") ? StorageRefusal.KeyRefused : StorageRefusal.NoToken;
        }

        if (!authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return StorageRefusal.KeyRefused;
        if (await Caller(authorization[7..].Trim(), http.RequestAborted).ConfigureAwait(false) is not { } caller) return StorageRefusal.BadToken;

        if (request.Query["comp"] == "batch") return StorageRefusal.NotOffered;
        if (request.Headers.TryGetValue("x-ms-copy-source", out var source))
        {
            // Azurite reads a source in the same account with its own rights, so the caller's right to read it is checked here.
            if (!Uri.TryCreate(source, UriKind.Absolute, out var from) || from.Authority != request.Host.Value) return StorageRefusal.NotOffered;
            var read = StorageRules.Target(StorageService.Blob, "GET", from.PathAndQuery);
            if (read.Needs is null || !Holds(caller, read.Needs)) return StorageRefusal.RoleMissing;
        }

        return service == StorageService.Table && target.Container == "$batch"
            ? await JudgeTransaction(http, caller).ConfigureAwait(false)
            : Holds(caller, target.Needs) ? null : StorageRefusal.RoleMissing;
    }

    private async Task<Caller?> Caller(string token, CancellationToken cancel)
    {
        if (_seen.TryGetValue(token, out var known) && known.ExpiresAt > clock.GetUtcNow()) return known;
        if (!(await tokens.Verify(token, Audiences.Storage, cancel).ConfigureAwait(false)).TryGet(out var caller, out _)) return null;
        if (_seen.Count >= RememberedMax) _seen.Clear();
        _seen[token] = caller;
        return caller;
    }

    private bool Holds(Caller caller, IReadOnlyList<StorageAccess> needs) =>
        needs.All(need => directory.Allows(caller.ClientId, need.Action, need.Scope));

    /// <summary>Reads a transaction whole, judges each part, and puts the bytes back for the forwarder.</summary>
    private async Task<StorageRefusal?> JudgeTransaction(HttpContext http, Caller caller)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await http.Request.Body.ReadAsync(buffer, http.RequestAborted).ConfigureAwait(false)) > 0)
        {
            if (whole.Length + read > TransactionBytesMax) return StorageRefusal.NotOffered;
            whole.Write(buffer, 0, read);
        }

        var bytes = whole.ToArray();
        http.Request.Body = new MemoryStream(bytes, false);
        var parts = RequestLine().Matches(System.Text.Encoding.Latin1.GetString(bytes));
        if (parts.Count == 0) return StorageRefusal.Unclear;
        foreach (Match part in parts)
        {
            var target = StorageRules.TransactionPart(part.Groups["method"].Value, part.Groups["url"].Value);
            if (target.Needs is null) return StorageRefusal.Unclear;
            if (!Holds(caller, target.Needs)) return StorageRefusal.RoleMissing;
        }

        return null;
    }

    // A line that looks like a request inside an entity's text is judged too: refusing too much is the safe mistake.
    [GeneratedRegex(@"^(?<method>[A-Z]+) (?<url>\S+) HTTP/1\.[01]\r?$", RegexOptions.Multiline)]
    private static partial Regex RequestLine();
}
