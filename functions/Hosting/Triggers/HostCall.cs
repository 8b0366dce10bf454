using System.Globalization;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Tells a trigger call of the Functions host from anything else that could arrive at its path.</summary>
/// <remarks>There is no authentication between host and handler (custom-handler protocol): whoever shares the sandbox's loopback can
/// forge all of this. These checks stop requests that the host <i>forwarded</i> from outside, should one ever get this far.</remarks>
internal static class HostCall
{
    private const string HostAgent = "Azure-Functions-Host/";

    private static readonly string[] ForwardedOnly =
        ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Authorization", "Cookie", "x-functions-key", "Via"];

    /// <summary>Checks a request's shape against the recordings of the host.</summary>
    /// <returns><see langword="null"/>, or <c>host-method</c>, <c>host-media-type</c>, <c>host-invocation-id</c>,
    /// <c>host-forwarded</c>.</returns>
    public static Fault? Check(HttpContext context)
    {
        var (request, headers) = (context.Request, context.Request.Headers);
        if (!HttpMethods.IsPost(request.Method)) return new Fault("host-method", "method");
        if (!request.HasJsonContentType()) return new Fault("host-media-type", "Content-Type");
        if (headers["X-Azure-Functions-InvocationId"] is not [{ } id] || !Guid.TryParseExact(id, "D", out _)) return new Fault("host-invocation-id", "X-Azure-Functions-InvocationId");
        foreach (var name in ForwardedOnly)
        {
            if (headers.ContainsKey(name)) return new Fault("host-forwarded", name);
        }

        // The host calls triggers under this socket's own address and with its own agent alone; to what it forwards it only appends.
        var own = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{context.Connection.LocalPort}");
        if (request.Host.Value != own) return new Fault("host-forwarded", "Host");
        return headers.UserAgent is [{ } agent] && agent.StartsWith(HostAgent, StringComparison.Ordinal) && !agent.Contains(' ', StringComparison.Ordinal)
            ? null
            : new Fault("host-forwarded", "User-Agent");
    }

    /// <summary>The invocation id of a request that passed <see cref="Check"/>.</summary>
    public static Guid InvocationId(HttpContext context) =>
        Guid.ParseExact(context.Request.Headers["X-Azure-Functions-InvocationId"].ToString(), "D");
}
