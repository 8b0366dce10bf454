using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

/// <summary>Microsoft's own JavaScript client, @azure/event-hubs, against the local broker.</summary>
public class RealClientTests
{
    [Fact]
    public async Task It_describes_a_hub()
    {
        await using var broker = await Broker.Start();
        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "properties", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated" });
        Assert.Equal("validated", answer.GetProperty("name").GetString());
        Assert.Equal(4, answer.GetProperty("partitionIds").GetArrayLength());
        Assert.True(answer.GetProperty("partition").GetProperty("isEmpty").GetBoolean());
        Assert.Contains("eventhubs.azure.net", answer.GetProperty("scopes")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_sends_a_batch_that_keeps_its_key_and_order()
    {
        await using var broker = await Broker.Start();
        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "send", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated", key = "device-7", count = 20 });
        Assert.Equal(1024 * 1024, answer.GetProperty("maxSizeInBytes").GetInt32());
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", $"{PartitionKeyHash.Partition("device-7", 4)}", StartPosition.Earliest, null, 100, Broker.Cancel);
        var events = await Broker.Read(receiver, 20);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"js-{i}"), events.Select(one => (string)one.Properties["message-id"]!));
        Assert.All(events, one => Assert.Equal("device-7", one.PartitionKey));
        Assert.Equal("{\"n\":0}", System.Text.Encoding.UTF8.GetString(events[0].Body.Span));
        Assert.Equal("js", events[0].ApplicationProperties["run"]);
    }

    [Theory]
    [InlineData("validated")]
    [InlineData("alerts")]
    public async Task It_reads_from_the_start_what_was_appended(string hub)
    {
        await using var broker = await Broker.Start();
        for (var i = 0; i < 30; i++)
        {
            broker.Service.Append(hub, new EventDraft(
                Broker.Body(i), $"d{i % 5}", new Dictionary<string, object?> { ["iothub-connection-device-id"] = $"d{i % 5}" },
                new EventProperties(MessageId: $"id-{i}", ContentType: "application/json"), new Dictionary<string, object?> { ["i"] = i }));
        }

        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "read", @namespace = broker.Service.FullyQualifiedNamespace, hub, group = "ops", count = 30 });
        var events = answer.EnumerateArray().ToList();
        Assert.Equal(30, events.Count);
        foreach (var one in events)
        {
            var n = one.GetProperty("body").GetProperty("n").GetInt32();
            Assert.Equal($"d{n % 5}", one.GetProperty("key").GetString());
            Assert.Equal($"{PartitionKeyHash.Partition($"d{n % 5}", 4)}", one.GetProperty("partition").GetString());
            Assert.Equal($"id-{n}", one.GetProperty("messageId").GetString());
            Assert.Equal("application/json", one.GetProperty("contentType").GetString());
            Assert.Equal(n, one.GetProperty("properties").GetProperty("i").GetInt32());
            Assert.Equal($"d{n % 5}", one.GetProperty("system").GetProperty("iothub-connection-device-id").GetString());
        }
    }

    [Fact]
    public async Task It_starts_at_offsets_sequence_numbers_and_times()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var broker = await Broker.Start(clock: clock);
        for (var i = 0; i < 9; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            broker.Service.Append("validated", new EventDraft(Broker.Body(i), "one"));
        }

        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "positions", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated", count = 9 });
        int[] Numbers(string name) => [.. answer.GetProperty(name).EnumerateArray().Select(n => n.GetInt32())];
        Assert.Equal(4, answer.GetProperty("at").GetInt32());
        Assert.Equal([5, 6, 7, 8], Numbers("offset"));
        Assert.Equal([4, 5, 6, 7, 8], Numbers("offsetInclusive"));
        Assert.Equal([5, 6, 7, 8], Numbers("sequence"));
        Assert.Equal([4, 5, 6, 7, 8], Numbers("sequenceInclusive"));
        Assert.Equal([4, 5, 6, 7, 8], Numbers("time"));
    }

    [Fact]
    public async Task Its_reader_loses_the_partition_to_a_higher_owner_level()
    {
        await using var broker = await Broker.Start();
        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "steal", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated" });
        var error = Assert.Single(answer.EnumerateArray());
        Assert.Equal(1, error.GetProperty("ownerLevel").GetInt32());
        Assert.Equal("ReceiverDisconnectedError", error.GetProperty("code").GetString());
    }

    [Fact]
    public async Task It_is_refused_without_the_role_and_without_the_audience()
    {
        await using var broker = await Broker.Start();
        var task = new { @do = "refused", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated" };
        foreach (var answer in new[] { await NodeClient.Run(broker, Broker.Receiver, task), await NodeClient.Run(broker, Broker.Owner, task, "https://storage.azure.com") })
        {
            var codes = answer.GetProperty("codes").EnumerateArray().Select(code => code.GetString()).ToList();
            Assert.NotEmpty(codes);
            Assert.All(codes, code => Assert.Equal("UnauthorizedError", code));
        }

        Assert.Equal(0, broker.Service.Appended);
    }

    [Fact]
    public async Task None_of_a_hundred_connects_hangs()
    {
        await using var broker = await Broker.Start();
        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "connects", @namespace = broker.Service.FullyQualifiedNamespace, hub = "validated", count = 100 });
        Assert.Equal(100, answer.GetProperty("count").GetInt32());
        Assert.InRange(answer.GetProperty("slowestMs").GetDouble(), 0, 5000);
    }

    [Fact]
    public async Task Our_partition_of_a_key_is_its_partition()
    {
        await using var broker = await Broker.Start();
        string[] keys = ["", "a", "device-1", "twelve bytes", "thirteen byte", "kö-日本-🙂", new string('x', 128), .. Enumerable.Range(0, 500).Select(i => $"d{i * 7919}")];
        foreach (var partitions in new[] { 1, 2, 4, 32 })
        {
            var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "hash", keys, partitions });
            Assert.Equal(answer.EnumerateArray().Select(n => n.GetInt32()), keys.Select(key => PartitionKeyHash.Partition(key, partitions)));
        }
    }
}
