using System.Collections.Concurrent;

namespace Serverless.Local.IotHub;

/// <summary>What a service did, by name; a hub: <c>connects.accepted</c>, <c>connects.refused.{fault}</c>, <c>sessions.cut.{fault}</c>,
/// <c>telemetry.accepted</c>, <c>telemetry.bytes</c>, <c>events.{opType}</c>, <c>rest.{operation}</c>, <c>rest.refused.{fault}</c>, <c>throttled.{operation}</c>, <c>busiest-minute.{operation}</c> (a maximum),
/// <c>c2d.{outcome}</c>, <c>methods.{outcome}</c>.</summary>
/// <remarks>A device is never told why it was refused (MQTT 3.1.1 has no reason); these counters are where the reason is. Names are
/// fixed by the code, never by a peer, so their number is bounded. Thread-safe.</remarks>
public sealed class HubCounters
{
    private readonly ConcurrentDictionary<string, Counter> _counters = new(StringComparer.Ordinal);

    /// <summary>The count under a name, 0 when it never happened.</summary>
    /// <param name="name">The counter.</param>
    public long this[string name] => _counters.TryGetValue(name, out var counter) ? Interlocked.Read(ref counter.Value) : 0;

    /// <summary>All counters at this moment, by name.</summary>
    public IReadOnlyDictionary<string, long> Snapshot() => new SortedDictionary<string, long>(
        _counters.ToDictionary(pair => pair.Key, pair => Interlocked.Read(ref pair.Value.Value)), StringComparer.Ordinal);

    internal void Add(string name, long amount = 1) => Interlocked.Add(ref _counters.GetOrAdd(name, static _ => new Counter()).Value, amount);

    /// <summary>Keeps the largest of all amounts.</summary>
    internal void Peak(string name, long amount)
    {
        var counter = _counters.GetOrAdd(name, static _ => new Counter());
        for (var seen = Interlocked.Read(ref counter.Value); amount > seen;)
        {
            var was = Interlocked.CompareExchange(ref counter.Value, amount, seen);
            if (was == seen) return;
            seen = was;
        }
    }

    private sealed class Counter
    {
        public long Value;
    }
}
