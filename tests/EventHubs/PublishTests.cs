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
        await using var receiver = await client.OpenReceiver("validated", "$Default", $"{PartitionKeyHash.Partition("device-1", 4)}", StartPosition.Earliest, null, 100, Broker.Cancel);
        var got = Assert.Single(await receiver.Receive(10, TimeSpan.FromSeconds(20), Broker.Cancel));
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
        var unknown = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.GetHub("nowhere", Broker.Cancel));
        Assert.Equal("amqp:not-found", unknown.Condition);
    }

    [Fact]
    public async Task Events_of_one_key_stay_in_order_through_splits_and_throttling()
    {
        await using var broker = await Broker.Start();
        var asked = 0;
        broker.Service.FaultOnPublish = _ => Interlocked.Increment(ref asked) % 3 == 0 ? PublishFault.ServerBusy : PublishFault.None;
        await using var client = broker.Client();

        // 60 events a key of 100 KB: each key needs several batches of at most 1 MiB.
        var events = Enumerable.Range(0, 180).Select(i => Broker.Event(i, $"k{i % 3}", 100_000)).ToList();
        await client.Publish("validated", events, Broker.Cancel);
        Assert.True(asked > 18, $"only {asked} transfers: nothing was split or retried");
        Assert.Equal(180, broker.Service.Appended);
        foreach (var key in new[] { "k0", "k1", "k2" })
        {
            await using var receiver = await client.OpenReceiver("validated", "ops", $"{PartitionKeyHash.Partition(key, 4)}", StartPosition.Earliest, null, 300, Broker.Cancel);
            var all = await Broker.Read(receiver, (int)broker.Service.PartitionHeads.Single(head => head.Hub == "validated" && $"{head.Partition}" == receiver.Partition).NextSequenceNumber);
            var got = all.Where(one => one.PartitionKey == key).Select(Broker.Number).ToList();
            Assert.Equal(Enumerable.Range(0, 180).Where(i => $"k{i % 3}" == key), got);
        }
    }

    [Fact]
    public async Task Events_without_key_reach_every_partition()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        for (var i = 0; i < 8; i++) await client.Publish("validated", [Broker.Event(i)], Broker.Cancel);
        Assert.All(broker.Service.PartitionHeads.Where(head => head.Hub == "validated"), head => Assert.Equal(2, head.NextSequenceNumber));
    }

    [Fact]
    public async Task An_event_larger_than_the_hub_takes_is_refused_before_anything_is_sent()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var refused = await Assert.ThrowsAsync<EventRefusedException>(() => client.Publish("validated", [Broker.Event(1, "k"), Broker.Event(2, "k", 1024 * 1024)], Broker.Cancel));
        Assert.Equal("event-too-large", refused.Fault.Code);
        Assert.Equal(1, refused.Index);
        Assert.Equal(0, broker.Service.Appended);
        var wordy = Broker.Event(3, "k") with { MessageId = new string('m', 1024 * 1024) };
        Assert.Equal("event-too-large", (await Assert.ThrowsAsync<EventRefusedException>(() => client.Publish("validated", [wordy], Broker.Cancel))).Fault.Code);
        Assert.Equal("event-too-large", Broker.Event(1, "k", 262_144).Check(262_144)?.Code);
        Assert.Null(Broker.Event(1, "k", 262_144 - 512).Check(262_144));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(128, false)]
    [InlineData(129, true)]
    public async Task A_partition_key_has_1_to_128_characters(int length, bool refused)
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var one = Broker.Event(1, new string('k', length));
        Assert.Equal(refused ? "partition-key-length" : null, one.Check(1024 * 1024)?.Code);
        if (!refused) await client.Publish("validated", [one], Broker.Cancel);
        else Assert.Equal("partition-key-length", (await Assert.ThrowsAsync<EventRefusedException>(() => client.Publish("validated", [one], Broker.Cancel))).Fault.Code);
        Assert.Equal(refused ? 0 : 1, broker.Service.Appended);
    }

    [Fact]
    public async Task The_largest_event_fits()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var size = 1024 * 1024;
        while (Broker.Event(1, "k", size).Check(1024 * 1024) is not null) size--;
        await client.Publish("validated", [Broker.Event(1, "k", size)], Broker.Cancel);
        await using var receiver = await client.OpenReceiver("validated", "ops", $"{PartitionKeyHash.Partition("k", 4)}", StartPosition.Earliest, null, 1, Broker.Cancel);
        Assert.Equal(size, Assert.Single(await receiver.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel)).Body.Length);
    }

    [Fact]
    public async Task Endless_throttling_is_an_outage_and_nothing_landed()
    {
        await using var broker = await Broker.Start();
        broker.Service.FaultOnPublish = _ => PublishFault.ServerBusy;
        await using var client = broker.Client(options: Broker.Quick with { RetryBound = TimeSpan.FromMilliseconds(400) });
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel));
        Assert.Equal("com.microsoft:server-busy", outage.Condition);
        Assert.False(outage.MayHaveLanded);
        Assert.Equal(0, broker.Service.Appended);
    }

    [Fact]
    public async Task A_connection_lost_before_the_append_is_retried()
    {
        await using var broker = await Broker.Start();
        var drops = 2;
        broker.Service.FaultOnPublish = _ => Interlocked.Decrement(ref drops) >= 0 ? PublishFault.DropBeforeAppend : PublishFault.None;
        await using var client = broker.Client();
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal(1, broker.Service.Appended);
    }

    [Fact]
    public async Task An_outcome_lost_after_the_append_repeats_the_batch_and_the_outage_says_so()
    {
        await using var broker = await Broker.Start();
        var drops = 1;
        broker.Service.FaultOnPublish = _ => Interlocked.Decrement(ref drops) >= 0 ? PublishFault.DropAfterAppend : PublishFault.None;
        await using var client = broker.Client(options: Broker.Quick with { RetryBound = TimeSpan.FromMilliseconds(500) });
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal(2, broker.Service.Appended); // at least once: consumers tell the copies by message-id

        drops = int.MaxValue;
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.Publish("validated", [Broker.Event(2, "k")], Broker.Cancel));
        Assert.True(outage.MayHaveLanded);
    }

    [Fact]
    public async Task An_unknown_hub_is_an_outage_at_once()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.Publish("nowhere", [Broker.Event(1)], Broker.Cancel));
        Assert.Equal("amqp:not-found", outage.Condition);
        Assert.False(outage.MayHaveLanded);
    }

    [Fact]
    public async Task Publishing_goes_on_after_the_broker_restarts()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        await broker.Restart();
        await client.Publish("validated", [Broker.Event(2, "k")], Broker.Cancel);
        var head = broker.Service.PartitionHeads.Single(one => one.Hub == "validated" && one.Partition == PartitionKeyHash.Partition("k", 4));
        Assert.Equal((1, 2), (head.BeginSequenceNumber, head.NextSequenceNumber));
    }

    [Fact]
    public async Task A_broker_that_is_gone_is_an_outage_inside_the_bound()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client(options: Broker.Quick with { RetryBound = TimeSpan.FromMilliseconds(300) });
        await broker.Service.DisposeAsync();
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.Publish("validated", [Broker.Event(1)], Broker.Cancel));
        Assert.False(outage.MayHaveLanded);
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not_trusted()
    {
        await using var broker = await Broker.Start();
        await using var other = await Broker.Start();
        await using var client = broker.Client(options: Broker.Quick with { RetryBound = TimeSpan.FromMilliseconds(100) });
        await using var misled = new EventHubsClient(
            other.Service.FullyQualifiedNamespace, new LocalCredential(broker.Tokens, Broker.Owner), TimeProvider.System,
            Broker.Quick with { RetryBound = TimeSpan.FromMilliseconds(100), TrustRoot = broker.Authority.Certificate });
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => misled.Publish("validated", [Broker.Event(1)], Broker.Cancel));
        Assert.IsType<System.Security.Authentication.AuthenticationException>(outage.InnerException);
    }

    [Fact]
    public async Task Many_keys_at_once_lose_nothing()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        var events = Enumerable.Range(0, 5000).Select(i => Broker.Event(i, $"d{i % 700}")).ToList();
        await Task.WhenAll(events.Chunk(1000).Select(chunk => client.Publish("telemetry", chunk, Broker.Cancel)));
        Assert.Equal(5000, broker.Service.AppendedByHub["telemetry"]);
    }
}
