using System.Collections.Concurrent;

namespace Serverless.Local.FunctionsHost;

/// <summary>What a function did so far.</summary>
/// <param name="Function">Its name.</param>
/// <param name="Invocations">Attempts, retries included.</param>
/// <param name="Failures">Attempts that failed.</param>
/// <param name="Events">Events in batches whose invocation ended well.</param>
/// <param name="Lost">Events in batches that failed for good: the checkpoint passed them.</param>
/// <param name="Lag">Events that wait in the partitions owned here, as last seen.</param>
public sealed record FunctionFigures(string Function, long Invocations, long Failures, long Events, long Lost, long Lag);

/// <summary>Counts for the live view. Thread-safe.</summary>
internal sealed class HostMetrics
{
    private readonly ConcurrentDictionary<string, Counters> _functions = new(StringComparer.Ordinal);

    public Counters Of(string function) => _functions.GetOrAdd(function, _ => new Counters());

    public IReadOnlyList<FunctionFigures> Snapshot() =>
        [.. _functions.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => item.Value.Read(item.Key))];

    internal sealed class Counters
    {
        private readonly ConcurrentDictionary<string, long> _lag = new(StringComparer.Ordinal);
        private long _invocations;
        private long _failures;
        private long _events;
        private long _lost;

        public void Attempt() => Interlocked.Increment(ref _invocations);

        public void Failure() => Interlocked.Increment(ref _failures);

        public void Batch(int events, bool succeeded)
        {
            if (succeeded) Interlocked.Add(ref _events, events);
            else Interlocked.Add(ref _lost, events);
        }

        public void Lag(string partition, long events) => _lag[partition] = events;

        public void NoLag(string partition) => _lag.TryRemove(partition, out _);

        public FunctionFigures Read(string function) => new(
            function,
            Interlocked.Read(ref _invocations),
            Interlocked.Read(ref _failures),
            Interlocked.Read(ref _events),
            Interlocked.Read(ref _lost),
            _lag.Values.Sum());
    }
}
