using System.Globalization;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub.Rest;

/// <summary>What an operation is metered by.</summary>
/// <param name="Name">Its counter: <c>rest.{name}</c>.</param>
/// <param name="Take">Takes one; zero when it may go on, else how long until one is free.</param>
internal sealed record Meter(string Name, Func<TimeSpan> Take);

/// <summary>The edge of a service API: who asks, how often, and in what shape the answer goes out.</summary>
/// <remarks>Refuses with those of <see cref="ServiceCallers.Check"/>, <c>argument-invalid</c> (no api-version), <c>throttled</c> and
/// <c>body-size</c>; whoever writes the refusal says each in the service's words. Who may not call uses no rate up.</remarks>
/// <param name="callers">Who may call.</param>
/// <param name="counters">Counts answers.</param>
/// <param name="refuse">Writes a refusal.</param>
internal sealed class RestEdge(ServiceCallers callers, HubCounters counters, Func<HttpContext, Fault, Task> refuse)
{
    /// <summary>Answers one request.</summary>
    public async Task Answer(HttpContext http, Meter meter, Need need, Handler handler)
    {
        try
        {
            var refused = await callers.Check(http.Request.Headers.Authorization.ToString(), need, http.RequestAborted).ConfigureAwait(false);
            if (refused is null && string.IsNullOrEmpty(http.Request.Query["api-version"])) refused = new Fault("argument-invalid", "api-version");
            if (refused is null && meter.Take() is { Ticks: > 0 } wait)
            {
                http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
                refused = new Fault("throttled", meter.Name);
            }

            var reply = refused ?? await handler(http).ConfigureAwait(false);
            counters.Add("rest." + meter.Name);
            if (reply.TryGet(out var success, out var fault)) await success.Write(http).ConfigureAwait(false);
            else await Refuse(http, fault).ConfigureAwait(false);
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            http.Drain();
            await Refuse(http, new Fault("body-size", "body")).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller left; there is nobody to answer. What was asked may have been done.
        }
    }

    private Task Refuse(HttpContext http, Fault fault)
    {
        counters.Add("rest.refused." + fault.Code);
        return refuse(http, fault);
    }

    /// <summary>One operation: a request understood, or a fault.</summary>
    internal delegate Task<Parsed<HubReply>> Handler(HttpContext http);
}
