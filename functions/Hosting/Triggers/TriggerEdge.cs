using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>The first thing a request meets: answers the readiness probe, runs triggers for the host and for nobody else, and lets
/// through only paths below <c>/api/</c> in their one plain spelling.</summary>
/// <remarks>A trigger is found by the request target as sent, byte for byte, not by a decoded, case-folded or normalized path: whatever
/// a client outside makes the host forward begins with <c>/api/</c>, and no spelling of that equals <c>/Function</c>. What a handler
/// throws ends here: the process outlives every request.</remarks>
internal sealed class TriggerEdge(IReadOnlyDictionary<string, TriggerFunction> triggers, ILogger<FunctionApp> log, Meters meters, TimeProvider clock)
{
    private static readonly byte[] Empty = "{}"u8.ToArray();

    /// <summary>Handles a request of a trigger or the probe; sends everything else on, if its path is plain.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">The HTTP edge.</param>
    public async Task Invoke(HttpContext context, RequestDelegate next)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (target == "/")
        {
            await (HttpMethods.IsGet(context.Request.Method) ? Answer(context, Empty) : Refuse(context, new Fault("path-unknown", "path"))).ConfigureAwait(false);
        }
        else if (triggers.TryGetValue(target, out var trigger))
        {
            if (HostCall.Check(context) is { } fault) await RefuseTrigger(context, fault).ConfigureAwait(false);
            else await Run(context, trigger).ConfigureAwait(false);
        }
        else if (HttpPath.Check(target, context.Request.Path) is { } fault)
        {
            await Refuse(context, fault).ConfigureAwait(false);
        }
        else
        {
            await next(context).ConfigureAwait(false);
        }
    }

    private async Task Run(HttpContext context, TriggerFunction trigger)
    {
        var started = clock.GetTimestamp();
        var invocation = new Invocation(trigger.Name, HostCall.InvocationId(context));
        using var scope = log.BeginScope(invocation);
        Activity.Current?.SetTag("faas.invocation_id", invocation.Id.ToString("D")).SetTag("faas.name", trigger.Name);
        var outcome = "done";
        try
        {
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = BoundedBody.Framed(trigger.WireBytesMax);
            var body = await PooledBody.Read(context.Request.BodyReader, trigger.WireBytesMax, context.RequestAborted).ConfigureAwait(false);
            await trigger.Invoke(body, invocation, context.RequestServices, context.RequestAborted).ConfigureAwait(false);
            await Answer(context, invocation.Notes.Count == 0 ? Empty : Notes(invocation)).ConfigureAwait(false);
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested && gone is OperationCanceledException or IOException)
        {
            outcome = "aborted"; // nobody is listening for an answer
            Log.InvocationAborted(log, trigger.Name);
            context.Abort();
        }
        catch (EnvelopeException broken)
        {
            outcome = "envelope";
            Log.EnvelopeBroken(log, trigger.Name, broken.Fault.Code, broken.Fault.Where);
            await Problem.Write(context, broken.Fault.Code == "envelope-size" ? 413 : 500, broken.Fault).ConfigureAwait(false);
        }
        catch (BadHttpRequestException broken)
        {
            // Kestrel's own refusal while reading: too large, cut off, too slow.
            outcome = "envelope";
            var fault = broken.StatusCode == 413 ? new Fault("envelope-size", "envelope") : new Fault("envelope-syntax", "envelope");
            Log.EnvelopeBroken(log, trigger.Name, fault.Code, fault.Where);
            await Problem.Write(context, broken.StatusCode, fault).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the last line of defence: three crashes in 30 minutes stop the host
        catch (Exception failure)
#pragma warning restore CA1031
        {
            var bug = Failure.IsBug(failure);
            outcome = bug ? "bug" : "outage";
            if (bug) Log.InvocationBug(log, failure, trigger.Name);
            else Log.InvocationFailed(log, failure, trigger.Name);
            await Problem.Write(context, 500, bug ? Failure.Bug : Failure.Outage).ConfigureAwait(false);
        }
        finally
        {
            meters.Invocation(trigger.Name, outcome, clock.GetElapsedTime(started));
        }
    }

    /// <summary>200 with a JSON object. An empty 2xx would leave the invocation open until functionTimeout, when the host kills this
    /// process and all other calls with it.</summary>
    private static Task Answer(HttpContext context, byte[] json)
    {
        context.Response.StatusCode = 200;
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = json.Length;
        return context.Response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }

    private static byte[] Notes(Invocation invocation)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("Logs");
            foreach (var note in invocation.Notes) json.WriteStringValue(note);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private Task RefuseTrigger(HttpContext context, Fault fault)
    {
        Log.TriggerRefused(log, fault.Code);
        return Refuse(context, new Fault("path-unknown", "path")); // to the outside a trigger does not exist
    }

    private Task Refuse(HttpContext context, Fault fault)
    {
        meters.Refusal(fault.Code);
        return Problem.Write(context, FaultStatus.Of(fault), fault);
    }
}
