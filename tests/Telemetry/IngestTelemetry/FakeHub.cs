using Serverless.EventHubs;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>An event hub of three partitions in memory.</summary>
internal sealed class FakeHub(string name, FaultPlan plan) : IHub
{
    private readonly List<OutgoingEvent>[] _partitions = [[], [], []];

    /// <summary>Everything published, in order within each partition.</summary>
    public IEnumerable<OutgoingEvent> Events => _partitions.SelectMany(partition => partition);

    /// <summary>How many events were read back.</summary>
    public int ReadBackCount { get; private set; }

    public Task Publish(IReadOnlyList<OutgoingEvent> events, CancellationToken cancel) => plan.Call($"{name}.Publish", half =>
    {
        cancel.ThrowIfCancellationRequested();
        foreach (var one in half ? events.Take(events.Count / 2) : events)
        {
            Assert.Null(one.Check(1024 * 1024));
            // The caller's buffer is used again as soon as this returns.
            _partitions[PartitionOf(one.PartitionKey)].Add(one with { Body = one.Body.ToArray() });
        }
    });

    public async Task<HubPositions> Positions(CancellationToken cancel)
    {
        var positions = new HubPositions();
        await plan.Call($"{name}.Positions", _ =>
        {
            for (var i = 0; i < _partitions.Length; i++) positions[$"{i}"] = _partitions[i].Count - 1;
        });
        return positions;
    }

    /// <summary>How many of the first events of each partition retention has taken.</summary>
    public int Expired { get; set; }

    public async Task<HubPositions> Forgotten(CancellationToken cancel)
    {
        var forgotten = new HubPositions();
        await plan.Call($"{name}.Forgotten", _ =>
        {
            for (var i = 0; i < _partitions.Length; i++) forgotten[$"{i}"] = Math.Min(Expired, _partitions[i].Count) - 1;
        });
        return forgotten;
    }

    public Task ReadBack(HubPositions after, HubPositions until, Action<Published> found, CancellationToken cancel) => plan.Call($"{name}.ReadBack", _ =>
    {
        for (var i = 0; i < _partitions.Length; i++)
        {
            for (var at = Math.Max((int)after.Of($"{i}") + 1, Expired); at <= until.Of($"{i}"); at++)
            {
                var one = _partitions[i][at];
                ReadBackCount++;
                found(new Published(one.MessageId!, (string)one.ApplicationProperties!["source-partition"]!, (long)one.ApplicationProperties["source-sequence"]!));
            }
        }
    });

    private int PartitionOf(string? key) => key is null ? 0 : key.Sum(letter => letter) % _partitions.Length;
}
