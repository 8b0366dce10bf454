using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

public class PublishTests
{
    [Fact]
    public async Task A_published_event_comes_back_whole()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var sent = new OutgoingEvent("{\"t\":21}"u8.ToArray(), "device-1", "application/json", "m-1", new Dictionary<string, object?> { ["model"] = "m1", ["count"] = 7L });
        await client.Publish("validated", [sent], Broker.Cancel);
        var partition = PartitionKeyHash.Partition("device-1", 4);
        await using var receiver = await client.OpenReceiver("validated", "$Default", $"{partition}", StartPosition.Earliest, null, 100, Broker.Cancel);
        var got = Assert.Single(await receiver.Receive(10, TimeSpan.FromSeconds(5), Broker.Cancel));
        Assert.Equal(sent.Body.ToArray(), got.Body.ToArray());
        Assert.Equal("device-1", got.PartitionKey);
        Assert.Equal(0, got.SequenceNumber);
        Assert.Equal("m-1", got.Properties["message-id"]);
        Assert.Equal("application/json", got.Properties["content-type"]);
        Assert.Equal("m1", got.ApplicationProperties["model"]);
        Assert.Equal(7L, got.ApplicationProperties["count"]);
        Assert.InRange(got.EnqueuedTime, TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public async Task Management_describes_hubs_and_partitions()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        await client.Publish("alerts", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal(["0", "1", "2", "3"], (await client.GetHub("alerts", Broker.Cancel)).PartitionIds);
        var partition = await client.GetPartition("alerts", $"{PartitionKeyHash.Partition("k", 4)}", Broker.Cancel);
        Assert.False(partition.IsEmpty);
        Assert.Equal(0, partition.LastSequenceNumber);
    }
}
