using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Serverless.Hosting;

/// <summary>Handles one batch of events.</summary>
/// <remarks>Returning means that every event is dealt with: accepted, or refused and filed. Throwing means an outage: the host sends
/// the same batch again, if the function has a retry policy, and otherwise passes it by.</remarks>
/// <param name="batch">The events; disposed by the edge afterwards.</param>
/// <param name="invocation">The call.</param>
/// <param name="services">The app's services.</param>
/// <param name="cancel">Cancelled when the host gives the call up or the app stops.</param>
public delegate Task EventBatchHandler(EventBatch batch, Invocation invocation, IServiceProvider services, CancellationToken cancel);

/// <summary>Handles one tick of a timer. Throwing fails the invocation; the host's retry policy applies.</summary>
/// <param name="tick">The host's schedule state.</param>
/// <param name="invocation">The call.</param>
/// <param name="services">The app's services.</param>
/// <param name="cancel">Cancelled when the host gives the call up or the app stops.</param>
public delegate Task TimerHandler(TimerTick tick, Invocation invocation, IServiceProvider services, CancellationToken cancel);

/// <summary>One trigger function: what its request must look like, and what to do with it.</summary>
internal abstract class TriggerFunction(string name, int wireBytesMax)
{
    /// <summary>The function's folder name; its path is this after a slash.</summary>
    public string Name { get; } = name;

    /// <summary>Most bytes of a request body.</summary>
    public int WireBytesMax { get; } = wireBytesMax;

    /// <summary>Reads the body, gives it back, and runs the handler.</summary>
    /// <exception cref="EnvelopeException">The body is not this trigger's envelope.</exception>
    public abstract Task Invoke(PooledBody body, Invocation invocation, IServiceProvider services, CancellationToken cancel);
}

internal sealed class EventHubFunction(string name, EventBatchHandler handler, EventBatchLimits limits) : TriggerFunction(name, limits.WireBytesMax)
{
    public override async Task Invoke(PooledBody body, Invocation invocation, IServiceProvider services, CancellationToken cancel)
    {
        EventBatch batch;
        using (body)
        {
            batch = EventBatch.Read(body.Memory, limits); // from here on the request itself is no longer needed
        }

        using (batch)
        {
            services.GetRequiredService<Meters>().Events(Name, batch);
            if (batch.FaultCount > 0) Warn(services, batch);
            var clock = services.GetRequiredService<TimeProvider>();
            var started = clock.GetTimestamp();
            await handler(batch, invocation, services, cancel).ConfigureAwait(false);
            var (source, elapsed) = (batch.Source, clock.GetElapsedTime(started));
            Log.BatchTaken(services.GetRequiredService<ILogger<FunctionApp>>(), Name, batch.Count, source.Hub, source.PartitionId, source.RetryCount, elapsed.TotalMilliseconds);
        }
    }

    private void Warn(IServiceProvider services, EventBatch batch)
    {
        var code = "";
        foreach (var one in batch)
        {
            if (one.Fault is { } fault && code.Length == 0) code = fault.Code;
        }

        Log.EventsFaulted(services.GetRequiredService<ILogger<FunctionApp>>(), Name, batch.FaultCount, batch.Count, batch.Source.Hub, batch.Source.PartitionId, code);
    }
}

internal sealed class TimerFunction(string name, TimerHandler handler) : TriggerFunction(name, 64 * 1024)
{
    public override Task Invoke(PooledBody body, Invocation invocation, IServiceProvider services, CancellationToken cancel)
    {
        TimerTick tick;
        using (body)
        {
            tick = TimerTick.Read(body.Memory.Span);
        }

        return handler(tick, invocation, services, cancel);
    }
}
