using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

/// <summary>Alone in its process while it runs: it weighs the whole heap, to which every other test would add or take.</summary>
[CollectionDefinition(nameof(IdleReaderTests), DisableParallelization = true)]
[Collection(nameof(IdleReaderTests))]
public class IdleReaderTests
{
    [Theory]
    [InlineData(1)] // a session window that lets one transfer through: AMQPNetLite would queue the rest by itself
    [InlineData(1_000_000)] // an open window, but nobody reads the socket
    public async Task A_reader_with_endless_credit_that_takes_nothing_costs_a_bounded_number_of_bytes(int window)
    {
        await using var broker = await Broker.Start(new EventHubsOptions { PartitionBytesMax = 4 * 1024 * 1024 });
        await using var peer = await RawPeer.Amqp(broker);
        var address = "validated/ConsumerGroups/ops/Partitions/0";
        var (token, _) = broker.Tokens.Issue(Broker.Owner, "https://eventhubs.azure.net");
        await peer.PutToken(token, "amqps://localhost/" + address);
        await peer.Send(0x12, writer => RawPeer.Attach(writer, 5, "lazy", address, receives: true));
        await peer.Send(0x13, writer => RawPeer.Flow(writer, 5, window, credit: 1_000_000));
        var key = Enumerable.Range(0, 100).Select(i => $"k{i}").First(k => PartitionKeyHash.Partition(k, 4) == 0);
        broker.Service.Append("validated", new EventDraft(new byte[10_000], key));
        await Task.Delay(300, Broker.Cancel);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 4000; i++)
        {
            broker.Service.Append("validated", new EventDraft(new byte[10_000], key));
            if (i % 100 == 0) await Task.Delay(5, Broker.Cancel);
        }

        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(grown, 2 * 1024 * 1024, 12 * 1024 * 1024); // 40 MB went through, 4 MiB are retained
        Assert.False(await peer.IsClosedBy(TimeSpan.FromMilliseconds(100))); // it was a reader all along
    }
}
