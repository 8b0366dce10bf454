using System.Text;
using System.Text.Json;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.Tests.Storage;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>The trigger on the local broker, over AMQP, with the app's own identity.</summary>
public class BrokerTests(StorageFixture storage)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_with_their_stamps_reach_the_handler_in_order_and_only_once()
    {
        await using var broker = await Broker("order");
        await using var app = new ProbeApp("\"extensions\":{\"eventHubs\":{\"maxEventBatchSize\":50,\"prefetchCount\":200}}").Function("Ingest", Batch("order"));
        for (var number = 0; number < 500; number++) broker.Append("telemetry", Draft(number));
        await using (var host = await app.Start(storage, change: options => options with { AppSettings = With(options.AppSettings, broker) }))
        {
            await Until(() => host.Figures.Sum(item => item.Events) == 500);
            Assert.Equal(0, host.Figures.Sum(item => item.Failures));
        }

        // A second start goes on at the checkpoints.
        for (var number = 500; number < 510; number++) broker.Append("telemetry", Draft(number));
        await using (var host = await app.Start(storage, change: options => options with { AppSettings = With(options.AppSettings, broker) }))
        {
            await Until(() => host.Figures.Sum(item => item.Events) == 10);
        }

        var seen = app.Requests("Ingest").SelectMany(Bodies).ToArray();
        Assert.Equal(510, seen.Length);
        foreach (var device in seen.GroupBy(item => item.Device)) Assert.Equal(device.Select(item => item.Number).Order(), device.Select(item => item.Number));
        Assert.Equal(510, seen.Select(item => item.Number).Distinct().Count());
    }

    [Fact]
    public async Task Stamps_of_the_hub_arrive_under_their_names()
    {
        await using var broker = await Broker("stamps");
        await using var app = new ProbeApp().Function("Ingest", Batch("stamps"));
        broker.Append("telemetry", Draft(7));
        await using var host = await app.Start(storage, change: options => options with { AppSettings = With(options.AppSettings, broker) });
        var metadata = (await app.Wait("Ingest", 1))[0].Json.GetProperty("Metadata");
        using var system = JsonDocument.Parse(metadata.GetProperty("SystemPropertiesArray").GetString()!);
        var stamps = system.RootElement[0];
        Assert.Equal("device-7", stamps.GetProperty("iothub-connection-device-id").GetString());
        Assert.Equal("2026-01-02T03:04:05Z", stamps.GetProperty("iothub-enqueuedtime").GetString());
        Assert.Equal("m-7", stamps.GetProperty("message-id").GetString());
        Assert.Equal("device-7", stamps.GetProperty("x-opt-partition-key").GetString());
        Assert.EndsWith("+00:00", stamps.GetProperty("x-opt-enqueued-time").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Number, stamps.GetProperty("Offset").ValueKind);
        Assert.Equal("localhost", metadata.GetProperty("PartitionContext").GetProperty("FullyQualifiedNamespace").GetString());
        using var properties = JsonDocument.Parse(metadata.GetProperty("PropertiesArray").GetString()!);
        Assert.Equal("warn", properties.RootElement[0].GetProperty("level").GetString());
    }

    [Fact]
    public async Task An_identity_without_the_receiver_role_reads_nothing_and_the_log_says_why()
    {
        await using var broker = await Broker("roles");
        await using var app = new ProbeApp().Function("Ingest", Batch("roles"));
        broker.Append("telemetry", Draft(1));
        await using var host = await app.Start(
            storage, principal: LocalTenant.Firmware, change: options => options with { AppSettings = With(options.AppSettings, broker) });
        await Until(() =>
        {
            lock (app.Log) return app.Log.Any(line => line.Contains("103", StringComparison.Ordinal) && line.Contains("EventHubsOutageException", StringComparison.Ordinal));
        });
        Assert.Empty(app.Requests("Ingest"));
    }

    // Checkpoints of one storage account are kept by hub and group: tests that share it must not share both.
    private static string Batch(string group) => ProbeApp.Batch.Replace("\"functions\"", $"\"{group}\"", StringComparison.Ordinal);

    private Task<EventHubsService> Broker(string group) => EventHubsService.Start(
        new EventHubsOptions { Hubs = [new HubOptions("telemetry", 2, [group])] }, storage.Authority, storage.Tokens, storage.Directory, TimeProvider.System, TimeProvider.System, Cancel);

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> settings, EventHubsService broker) =>
        new(settings) { ["EventHubs__fullyQualifiedNamespace"] = broker.FullyQualifiedNamespace };

    private static EventDraft Draft(int number) => new(
        Encoding.UTF8.GetBytes($"{{\"n\":{number}}}"),
        $"device-{number % 20}",
        new Dictionary<string, object?> { ["iothub-connection-device-id"] = $"device-{number % 20}", ["iothub-enqueuedtime"] = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc) },
        new EventProperties(MessageId: $"m-{number}"),
        new Dictionary<string, object?> { ["level"] = "warn" });

    private static IEnumerable<(string Device, int Number)> Bodies(ProbeApp.Recorded request)
    {
        using var events = JsonDocument.Parse(request.Json.GetProperty("Data").GetProperty("events").GetString()!);
        using var system = JsonDocument.Parse(request.Json.GetProperty("Metadata").GetProperty("SystemPropertiesArray").GetString()!);
        for (var index = 0; index < events.RootElement.GetArrayLength(); index++)
        {
            using var body = JsonDocument.Parse(Convert.FromBase64String(events.RootElement[index].GetString()!));
            yield return (system.RootElement[index].GetProperty("iothub-connection-device-id").GetString()!, body.RootElement.GetProperty("n").GetInt32());
        }
    }

    private static async Task Until(Func<bool> reached)
    {
        for (var tries = 0; tries < 1500 && !reached(); tries++) await Task.Delay(20, Cancel);
        Assert.True(reached());
    }
}
