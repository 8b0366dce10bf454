using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.IotHub;

/// <summary>The operations that are metered.</summary>
internal enum Metered
{
    Registry,
    Query,
    TwinRead,
    TwinUpdate,
    Method,
    CloudToDevice,
    Connect,
    Telemetry,
}

/// <summary>The rates of an S1 unit (quotas and throttling, section "throttles"). What has a rate a minute is counted in every minute wherever
/// it begins; what has one a second is a token bucket, full at start. On Azure traffic over the rate is first delayed; only telemetry is
/// delayed here, the rest is refused.</summary>
/// <remarks>Thread-safe. Wall time.</remarks>
internal sealed class Throttles(IotHubOptions options, TimeProvider wall, HubCounters counters)
{
    private readonly Dictionary<Metered, RateBucket> _buckets = options.Throttles == HubThrottles.Off ? [] : new()
    {
        [Metered.TwinRead] = new(100, TimeSpan.FromSeconds(1), wall),
        [Metered.TwinUpdate] = new(50, TimeSpan.FromSeconds(1), wall),
        [Metered.Method] = new(40 * options.Units, TimeSpan.FromSeconds(1), wall),
        [Metered.Connect] = new(Math.Max(100, 12 * options.Units), TimeSpan.FromSeconds(1), wall),
        [Metered.Telemetry] = new(Math.Max(100, 12 * options.Units), TimeSpan.FromSeconds(1), wall),
    };

    private readonly Dictionary<Metered, RateWindow> _minutes = options.Throttles == HubThrottles.Off ? [] : new()
    {
        [Metered.Registry] = new(100 * options.Units, TimeSpan.FromMinutes(1), wall),
        [Metered.Query] = new(20 * options.Units, TimeSpan.FromMinutes(1), wall),
        [Metered.CloudToDevice] = new(100 * options.Units, TimeSpan.FromMinutes(1), wall),
    };

    /// <summary>Takes one operation of its rate.</summary>
    /// <returns>Zero when it may go on, else how long until one is free.</returns>
    public TimeSpan Take(Metered operation)
    {
        var wait = TimeSpan.Zero;
        if (_buckets.TryGetValue(operation, out var bucket)) wait = bucket.Take();
        if (_minutes.TryGetValue(operation, out var minute))
        {
            wait = minute.Take(out var within);
            counters.Peak("busiest-minute." + Name(operation), within);
        }

        if (wait > TimeSpan.Zero) counters.Add("throttled." + Name(operation));
        return wait;
    }

    /// <summary>An operation as the service API's edge meters it.</summary>
    public Meter MeterOf(Metered operation) => new(Name(operation), () => Take(operation));

    /// <summary>The counter's name of an operation.</summary>
    public static string Name(Metered operation) => operation switch
    {
        Metered.Registry => "registry",
        Metered.Query => "query",
        Metered.TwinRead => "twin-read",
        Metered.TwinUpdate => "twin-update",
        Metered.Method => "method",
        Metered.CloudToDevice => "c2d",
        Metered.Connect => "connect",
        _ => "telemetry",
    };
}
