using Microsoft.Extensions.Time.Testing;
using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

public class ReceiveTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static async Task<Broker> Filled(int count, FakeTimeProvider? clock = null)
    {
        var broker = await Broker.Start(clock: clock);
        for (var i = 0; i < count; i++)
        {
            clock?.Advance(TimeSpan.FromSeconds(1));
            broker.Service.Append("validated", new EventDraft(Broker.Body(i), "one", Properties: new EventProperties(MessageId: $"id-{i}")));
        }

        return broker;
    }

    private static string One => $"{PartitionKeyHash.Partition("one", 4)}";

    [Fact]
    public async Task Each_start_position_begins_where_it_says()
    {
        await using var broker = await Filled(10, new FakeTimeProvider(Start));
        await using var client = broker.Client();
        async Task<IEnumerable<int>> From(StartPosition position)
        {
            await using var receiver = await client.OpenReceiver("validated", "ops", One, position, null, 100, Broker.Cancel);
            var events = await receiver.Receive(100, TimeSpan.FromSeconds(20), Broker.Cancel);
            while (events.Count > 0 && Broker.Number(events[^1]) < 9) events = [.. events, .. await receiver.Receive(100, TimeSpan.FromSeconds(20), Broker.Cancel)];
            return events.Select(Broker.Number);
        }

        await using var reader = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 100, Broker.Cancel);
        var all = await Broker.Read(reader, 10);
        Assert.Equal(Enumerable.Range(0, 10), all.Select(Broker.Number));
        Assert.Equal([6, 7, 8, 9], await From(StartPosition.FromOffset(all[5].Offset)));
        Assert.Equal([5, 6, 7, 8, 9], await From(StartPosition.FromOffset(all[5].Offset, inclusive: true)));
        Assert.Equal([6, 7, 8, 9], await From(StartPosition.FromSequenceNumber(5)));
        Assert.Equal([5, 6, 7, 8, 9], await From(StartPosition.FromSequenceNumber(5, inclusive: true)));
        Assert.Equal([6, 7, 8, 9], await From(StartPosition.FromEnqueuedTime(all[5].EnqueuedTime)));
        Assert.Equal([5, 6, 7, 8, 9], await From(StartPosition.FromEnqueuedTime(all[5].EnqueuedTime.AddMilliseconds(-1))));
        Assert.Equal(Enumerable.Range(0, 10), await From(StartPosition.FromSequenceNumber(-1)));
    }

    [Fact]
    public async Task Latest_gives_only_what_comes_afterwards()
    {
        await using var broker = await Filled(3);
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Latest, null, 100, Broker.Cancel);
        Assert.Empty(await receiver.Receive(10, TimeSpan.FromMilliseconds(200), Broker.Cancel));
        broker.Service.Append("validated", new EventDraft(Broker.Body(3), "one", Properties: new EventProperties(MessageId: "id-3")));
        Assert.Equal(3, Broker.Number(Assert.Single(await receiver.Receive(10, TimeSpan.FromSeconds(20), Broker.Cancel))));
    }

    [Fact]
    public async Task Enqueued_time_is_device_time_cut_to_the_millisecond()
    {
        var clock = new FakeTimeProvider(Start.AddTicks(12_345_678));
        await using var broker = await Broker.Start(clock: clock);
        broker.Service.Append("validated", new EventDraft(Broker.Body(0), "one"));
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 100, Broker.Cancel);
        Assert.Equal(Start.AddMilliseconds(1234), Assert.Single(await receiver.Receive(10, TimeSpan.FromSeconds(20), Broker.Cancel)).EnqueuedTime);
    }

    [Fact]
    public async Task A_higher_epoch_takes_the_partition_and_a_lower_one_cannot()
    {
        await using var broker = await Filled(1);
        await using var client = broker.Client();
        await using var other = broker.Client();
        await using var plain = await client.OpenReceiver("validated", "ops", One, StartPosition.Latest, null, 10, Broker.Cancel);
        await using var first = await client.OpenReceiver("validated", "ops", One, StartPosition.Latest, 1, 10, Broker.Cancel);
        await Assert.ThrowsAsync<ReceiverStolenException>(() => plain.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        await using var equal = await other.OpenReceiver("validated", "ops", One, StartPosition.Latest, 1, 10, Broker.Cancel);
        await Assert.ThrowsAsync<ReceiverStolenException>(() => first.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        await Assert.ThrowsAsync<ReceiverStolenException>(() => first.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        await Assert.ThrowsAsync<ReceiverStolenException>(() => client.OpenReceiver("validated", "ops", One, StartPosition.Latest, 0, 10, Broker.Cancel));
        await Assert.ThrowsAsync<ReceiverStolenException>(() => client.OpenReceiver("validated", "ops", One, StartPosition.Latest, null, 10, Broker.Cancel));

        // Another group and another partition are other worlds.
        await using var elsewhere = await client.OpenReceiver("validated", "functions", One, StartPosition.Earliest, 0, 10, Broker.Cancel);
        Assert.Single(await elsewhere.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));

        // The owner still reads, and gives the place free when it closes.
        broker.Service.Append("validated", new EventDraft(Broker.Body(9), "one"));
        Assert.Single(await equal.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        await equal.DisposeAsync();
        await using var after = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, 0, 10, Broker.Cancel);
        Assert.NotEmpty(await after.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
    }

    [Fact]
    public async Task Five_readers_without_epoch_share_a_partition_and_a_sixth_is_refused()
    {
        await using var broker = await Filled(1);
        await using var client = broker.Client();
        var readers = new List<PartitionReceiver>();
        for (var i = 0; i < 5; i++) readers.Add(await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 10, Broker.Cancel));
        foreach (var reader in readers) Assert.Single(await reader.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        var outage = await Assert.ThrowsAsync<EventHubsOutageException>(() => client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 10, Broker.Cancel));
        Assert.Equal("amqp:resource-limit-exceeded", outage.Condition);
        foreach (var reader in readers) await reader.DisposeAsync();
        await using var sixth = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 10, Broker.Cancel);
    }

    [Fact]
    public async Task No_more_than_the_prefetch_is_sent_until_events_are_taken()
    {
        await using var broker = await Filled(500);
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 20, Broker.Cancel);
        await Until(() => receiver.Buffered == 20);
        await Task.Delay(300, Broker.Cancel);
        Assert.Equal(20, receiver.Buffered);
        Assert.Equal(9, (await receiver.Receive(9, TimeSpan.FromSeconds(20), Broker.Cancel)).Count); // below half: no credit yet
        await Task.Delay(300, Broker.Cancel);
        Assert.Equal(11, receiver.Buffered);
        Assert.Single(await receiver.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
        await Until(() => receiver.Buffered == 20);
        var rest = await Broker.Read(receiver, 490);
        Assert.Equal(Enumerable.Range(10, 490), rest.Select(Broker.Number));
    }

    [Fact]
    public async Task A_receiver_goes_on_after_the_broker_restarts_and_numbers_never_fall_back()
    {
        await using var broker = await Filled(5);
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, 3, 100, Broker.Cancel);
        var before = await Broker.Read(receiver, 5);
        await broker.Restart();
        broker.Service.Append("validated", new EventDraft(Broker.Body(5), "one"));
        var after = Assert.Single(await Broker.Read(receiver, 1));
        Assert.Equal(before[^1].SequenceNumber + 1, after.SequenceNumber);
        Assert.DoesNotContain(before, one => one.Offset == after.Offset);
    }

    [Fact]
    public async Task Retention_forgets_the_oldest_and_a_slow_reader_goes_on_with_what_is_left()
    {
        await using var broker = await Broker.Start(new EventHubsOptions { PartitionBytesMax = 100_000 });
        await using var client = broker.Client();
        for (var i = 0; i < 100; i++) broker.Service.Append("validated", new EventDraft(Broker.Body(i, 5_000), "one", Properties: new EventProperties(MessageId: $"id-{i}")));
        var head = broker.Service.PartitionHeads.Single(one => one.Hub == "validated" && $"{one.Partition}" == One);
        Assert.InRange(head.Bytes, 1, 100_000);
        Assert.Equal(100, head.NextSequenceNumber);
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 100, Broker.Cancel);
        var kept = (int)(head.NextSequenceNumber - head.BeginSequenceNumber);
        Assert.InRange(kept, 10, 19);
        Assert.Equal(Enumerable.Range(100 - kept, kept), (await Broker.Read(receiver, kept)).Select(Broker.Number));
    }

    [Fact]
    public async Task Retention_forgets_by_device_time()
    {
        var clock = new FakeTimeProvider(Start);
        await using var broker = await Broker.Start(new EventHubsOptions { RetentionAge = TimeSpan.FromHours(1) }, clock);
        broker.Service.Append("validated", new EventDraft(Broker.Body(0), "one"));
        clock.Advance(TimeSpan.FromHours(1));
        broker.Service.Append("validated", new EventDraft(Broker.Body(1), "one"));
        PartitionHead Head() => broker.Service.PartitionHeads.Single(one => one.Hub == "validated" && $"{one.Partition}" == One);
        Assert.Equal(0, Head().BeginSequenceNumber); // exactly as old as the bound: kept
        clock.Advance(TimeSpan.FromMilliseconds(1));
        broker.Service.Append("validated", new EventDraft(Broker.Body(2), "one"));
        Assert.Equal(1, Head().BeginSequenceNumber);
    }

    [Fact]
    public async Task An_unknown_group_or_partition_is_an_outage()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        Assert.Equal("amqp:not-found", (await Assert.ThrowsAsync<EventHubsOutageException>(() => client.OpenReceiver("validated", "nobody", "0", StartPosition.Latest, null, 1, Broker.Cancel))).Condition);
        Assert.Equal("amqp:not-found", (await Assert.ThrowsAsync<EventHubsOutageException>(() => client.OpenReceiver("validated", "ops", "4", StartPosition.Latest, null, 1, Broker.Cancel))).Condition);
    }

    [Fact]
    public async Task A_cancelled_wait_loses_no_event()
    {
        await using var broker = await Broker.Start();
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", One, StartPosition.Earliest, null, 10, Broker.Cancel);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiver.Receive(1, TimeSpan.FromSeconds(20), cancel.Token));
        broker.Service.Append("validated", new EventDraft(Broker.Body(0), "one"));
        Assert.Single(await receiver.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel));
    }

    private static async Task Until(Func<bool> reached)
    {
        for (var i = 0; i < 200 && !reached(); i++) await Task.Delay(25, Broker.Cancel);
        Assert.True(reached());
    }
}
