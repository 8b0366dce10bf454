using System.Globalization;
using System.Text;
using Serverless.Local.FunctionsHost.Events;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>An event hub in memory: a small working one, with exclusive readers that the newest wins.</summary>
internal sealed class MemoryHub(int partitions, string? space = null) : IEventHubSource
{
    private readonly Lock _gate = new();
    private readonly List<HubEvent>[] _events = [.. Enumerable.Range(0, partitions).Select(_ => new List<HubEvent>())];
    private readonly Reader?[] _readers = new Reader?[partitions];

    // One a hub: the checkpoint path must not be another test's.
    public string FullyQualifiedNamespace { get; } = space ?? $"ns{Guid.CreateVersion7(TimeProvider.System.GetUtcNow()):n}.example";

    public void Append(int partition, params string[] bodies)
    {
        lock (_gate)
        {
            foreach (var body in bodies)
            {
                var number = (long)_events[partition].Count;
                _events[partition].Add(new HubEvent(
                    Encoding.UTF8.GetBytes(body), number, (number * 64).ToString(CultureInfo.InvariantCulture), TimeProvider.System.GetUtcNow(), null, [],
                    [new("x-opt-sequence-number", number), new("iothub-connection-device-id", "dev")]));
            }
        }
    }

    public Task<IReadOnlyList<string>> Partitions(CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<string>>([.. Enumerable.Range(0, partitions).Select(index => index.ToString(CultureInfo.InvariantCulture))]);

    public Task<long> LastSequenceNumber(string partition, CancellationToken cancel)
    {
        lock (_gate) return Task.FromResult(_events[int.Parse(partition, CultureInfo.InvariantCulture)].Count - 1L);
    }

    public Task<IPartitionReader> Open(string partition, PartitionStart from, int prefetch, CancellationToken cancel)
    {
        var index = int.Parse(partition, CultureInfo.InvariantCulture);
        lock (_gate)
        {
            _readers[index] = new Reader(this, index, from.AfterSequenceNumber is { } after ? after + 1 : from.AtEnd ? _events[index].Count : 0);
            return Task.FromResult<IPartitionReader>(_readers[index]!);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // shared by the instances of a test

    private sealed class Reader(MemoryHub hub, int partition, long next) : IPartitionReader
    {
        private long _next = next;

        public async Task<IReadOnlyList<HubEvent>> Receive(int eventsMax, TimeSpan wait, CancellationToken cancel)
        {
            for (var waited = TimeSpan.Zero; ; waited += TimeSpan.FromMilliseconds(10))
            {
                cancel.ThrowIfCancellationRequested();
                lock (hub._gate)
                {
                    if (hub._readers[partition] != this) throw new PartitionStolenException("taken over");
                    var found = hub._events[partition].Skip((int)_next).Take(eventsMax).ToArray();
                    _next += found.Length;
                    if (found.Length > 0 || waited >= wait) return found;
                }

                await Task.Delay(10, cancel);
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
