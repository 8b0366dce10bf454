using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Around every HTTP function: what it throws becomes an answer, and what nobody answered becomes a problem.</summary>
internal static class HttpEdge
{
    public static async Task Invoke(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context).ConfigureAwait(false);
            if (context.Response is { HasStarted: false, StatusCode: 404 or 405 or 415, ContentLength: null, ContentType: null })
            {
                await Answer.RefuseNow(context, Unanswered(context.Response.StatusCode)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Abort();
        }
        catch (BadHttpRequestException refused)
        {
            await Answer.RefuseNow(context, Refused(refused.StatusCode)).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the last line of defence: no exception text leaves the process
        catch (Exception failure)
#pragma warning restore CA1031
        {
            var log = context.RequestServices.GetRequiredService<ILogger<FunctionApp>>();
            var bug = Failure.IsBug(failure);
            if (bug) Log.RequestBug(log, failure, Answer.RouteOf(context));
            else Log.RequestFailed(log, failure, Answer.RouteOf(context));
            if (!bug) context.Response.Headers.RetryAfter = "5";
            await Problem.Write(context, bug ? 500 : 503, bug ? Failure.Bug : Failure.Outage).ConfigureAwait(false);
        }
        finally
        {
            Drain(context);
        }
    }

    /// <summary>Lets the server read on, for the 5 s that Kestrel gives it, the body of a request that was answered without it: the
    /// host, still sending, then reads our answer, and not that its connection was reset, of which it would make a 502.</summary>
    private static void Drain(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
    }

    /// <summary>What routing leaves without a body: <c>path-unknown</c>, <c>method-unsupported</c>, <c>media-type</c>.</summary>
    private static Fault Unanswered(int status) => status switch
    {
        405 => new Fault("method-unsupported", "method"),
        415 => new Fault("media-type", "Content-Type"),
        _ => new Fault("path-unknown", "path"),
    };

    /// <summary>What the server refuses while a handler reads: <c>body-too-large</c>, <c>body-too-slow</c>,
    /// <c>headers-too-large</c>, <c>request-malformed</c>.</summary>
    private static Fault Refused(int status) => status switch
    {
        413 => new Fault("body-too-large", "body"),
        408 => new Fault("body-too-slow", "body"),
        431 => new Fault("headers-too-large", "headers"),
        _ => new Fault("request-malformed", "request"),
    };
}
