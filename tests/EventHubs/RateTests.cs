using System.Diagnostics;
using System.Globalization;
using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

/// <summary>Rates through TLS with client and broker in one process: run alone, in Release, with <c>-explicit only</c>.</summary>
public class RateTests(ITestOutputHelper output)
{
    private const int Count = 200_000;

    [Theory(Explicit = true)]
    [InlineData(200, 50, 1000)] // bytes a body, keys, events a call: a batch of the trigger from 50 devices
    [InlineData(200, 1000, 1000)] // every event another device
    [InlineData(200, 1, 1000)]
    [InlineData(1000, 50, 1000)]
    public async Task Publish_and_read(int bytes, int keys, int call)
    {
        await using var broker = await Broker.Start(new EventHubsOptions { PartitionBytesMax = 1L << 30 });
        await using var client = broker.Client();
        await using var reading = broker.Client();
        var events = Enumerable.Range(0, call).Select(i => Broker.Event(i, $"device-{i % keys}", bytes)).ToArray();
        for (var i = 0; i < 20; i++) await client.Publish("telemetry", events, Broker.Cancel);

        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var began = Stopwatch.GetTimestamp();
        var calls = Count / call;
        for (var i = 0; i < calls; i += 2) await Task.WhenAll(client.Publish("telemetry", events, Broker.Cancel), client.Publish("telemetry", events, Broker.Cancel));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Report("send", bytes, keys, Count / seconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)Count);
        Assert.Equal(Count + (20 * call), broker.Service.Appended);

        allocated = GC.GetTotalAllocatedBytes(precise: true);
        began = Stopwatch.GetTimestamp();
        var read = await Task.WhenAll(Enumerable.Range(0, 4).Select(async partition =>
        {
            await using var receiver = await reading.OpenReceiver("telemetry", "ops", $"{partition}", StartPosition.Earliest, null, 2000, Broker.Cancel);
            var wanted = broker.Service.PartitionHeads.Single(head => head.Hub == "telemetry" && head.Partition == partition).NextSequenceNumber;
            var got = 0;
            while (got < wanted) got += (await receiver.Receive(1000, TimeSpan.FromSeconds(10), Broker.Cancel)).Count;
            return got;
        }));
        seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Report("read", bytes, keys, read.Sum() / seconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)read.Sum());
        Assert.Equal(broker.Service.Appended, read.Sum());
    }

    [Fact(Explicit = true)]
    public async Task JavaScript_client()
    {
        await using var broker = await Broker.Start();
        var answer = await NodeClient.Run(broker, Broker.Owner, new { @do = "rate", @namespace = broker.Service.FullyQualifiedNamespace, hub = "telemetry", bytes = 1000, count = 20_000 });
        output.WriteLine(answer.ToString());
        Assert.Equal(20_000, broker.Service.Appended);
    }

    private void Report(string what, int bytes, int keys, double rate, double allocated) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {bytes} B bodies, {keys} keys: {rate:N0} events/s, {allocated:N0} B allocated an event (client and broker)"));
}
