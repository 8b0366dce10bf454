using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Handler;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Http;

/// <summary>Answers HTTP requests to functions: checks the key, then forwards or invokes.</summary>
internal sealed class HttpFunctions(AppFolder app, Invoker invoker, KeyRing keys, HandlerSupervisor supervisor, Func<string, bool> runNow)
{
    /// <summary>A request to a function.</summary>
    public async Task Answer(HttpContext http, FunctionDefinition function, IReadOnlyList<string> parameters)
    {
        var trigger = (HttpTrigger)function.Trigger;
        if (!keys.Opens(trigger.Level, function.Name, Key(http.Request)))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else if (supervisor.GaveUp.IsCompleted)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
        else if (app.Host.ForwardsHttp && trigger.Output is not null)
        {
            await HttpForwarding.Run(http, function.Name, invoker).ConfigureAwait(false);
        }
        else
        {
            await Invoke(http, function, trigger, parameters).ConfigureAwait(false);
        }
    }

    /// <summary><c>GET /admin/host/status</c>, for the master key.</summary>
    public Task Status(HttpContext http)
    {
        if (!keys.Opens(AuthLevel.Admin, "", Key(http.Request)))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        return http.Response.WriteAsJsonAsync(new { state = supervisor.GaveUp.IsCompleted ? "Error" : "Running", version = HostIdentity.Version });
    }

    /// <summary><c>POST /admin/functions/{name}</c>, for the master key: fires a timer now.</summary>
    public Task RunNow(HttpContext http, string name)
    {
        http.Response.StatusCode = !keys.Opens(AuthLevel.Admin, "", Key(http.Request)) ? StatusCodes.Status401Unauthorized
            : runNow(name) ? StatusCodes.Status202Accepted
            : StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static string? Key(HttpRequest request) =>
        request.Query.TryGetValue("code", out var code) ? (string?)code : request.Headers.TryGetValue("x-functions-key", out var header) ? (string?)header : null;

    private async Task Invoke(HttpContext http, FunctionDefinition function, HttpTrigger trigger, IReadOnlyList<string> parameters)
    {
        var inbound = await Read(http, parameters).ConfigureAwait(false);
        var answer = await invoker.Attempt(
            function.Name, HostIdentity.NewId(), () => HttpBody.Write(trigger.Binding, inbound, invoker.NewSys(function.Name)), http.RequestAborted).ConfigureAwait(false);
        await HttpOutput.Write(http.Response, trigger.Output, answer).ConfigureAwait(false);
    }

    private static async Task<InboundHttp> Read(HttpContext http, IReadOnlyList<string> parameters)
    {
        var request = http.Request;
        byte[]? body = null;
        if (request.ContentLength is > 0 and var length)
        {
            body = new byte[length];
            await request.Body.ReadExactlyAsync(body, http.RequestAborted).ConfigureAwait(false);
        }

        return new InboundHttp(
            request.GetDisplayUrl(),
            request.Method,
            [.. request.Query.Select(item => new KeyValuePair<string, string[]>(item.Key, item.Value.ToArray()!))],
            [.. request.Headers.Select(item => new KeyValuePair<string, string[]>(item.Key, item.Value.ToArray()!))],
            [.. parameters.Select(name => new KeyValuePair<string, object?>(name, Convert.ToString(request.RouteValues.GetValueOrDefault(name), CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null))],
            body,
            request.ContentType);
    }
}
