using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Serverless.Local.FunctionsHost.Handler;

namespace Serverless.Local.FunctionsHost.Http;

/// <summary>Forwarding mode: method, path, query, headers and body as the caller sent them, with the host's three headers.</summary>
internal static class HttpForwarding
{
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
        { "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "TE", "Trailer", "Upgrade" };

    public static async Task Run(HttpContext http, string function, Invoker invoker)
    {
        // A body without Content-Length is a 500 of the real host, before the handler sees anything.
        var isChunked = http.Request.Headers.TransferEncoding.Count > 0;
        using var answer = isChunked
            ? null
            : await invoker.Guarded<HttpResponseMessage?>(
                function,
                async (process, limit) =>
                {
                    using var request = Request(http);
                    return await process.Client.Forward(request, http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, limit).ConfigureAwait(false);
                },
                (_, _) => null,
                given => given is not null,
                http.RequestAborted).ConfigureAwait(false);
        if (answer is null)
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return;
        }

        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.NonValidated) Copy(http.Response.Headers, name, values);
        foreach (var (name, values) in answer.Content.Headers.NonValidated) Copy(http.Response.Headers, name, values);
        await answer.Content.CopyToAsync(http.Response.Body, http.RequestAborted).ConfigureAwait(false);
    }

    private static HttpRequestMessage Request(HttpContext http)
    {
        var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), (Uri?)null);
        if (http.Request.ContentLength is { } length)
        {
            request.Content = new StreamContent(http.Request.Body);
            request.Content.Headers.ContentLength = length;
        }

        var agent = HostIdentity.UserAgent;
        foreach (var (name, values) in http.Request.Headers)
        {
            if (HopByHop.Contains(name) || name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)) continue;
            var value = name.Equals("User-Agent", StringComparison.OrdinalIgnoreCase) ? new[] { $"{values} {HostIdentity.UserAgent}" } : (IEnumerable<string?>)values;
            if (name.Equals("User-Agent", StringComparison.OrdinalIgnoreCase)) agent = null;
            if (!request.Headers.TryAddWithoutValidation(name, value)) request.Content?.Headers.TryAddWithoutValidation(name, value);
        }

        if (agent is not null) request.Headers.TryAddWithoutValidation("User-Agent", agent);
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-HostVersion", HostIdentity.Version);
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-InvocationId", HostIdentity.NewId().ToString());
        return request;
    }

    private static void Copy(IHeaderDictionary headers, string name, System.Net.Http.Headers.HeaderStringValues values)
    {
        if (!HopByHop.Contains(name)) headers[name] = values.ToArray();
    }
}
