using System.Diagnostics;
using System.Text.Json;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Serverless.Local.Identity;
using Serverless.Local.Tests.Storage;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.FunctionsHost;

public class EventTriggerTests(StorageFixture storage)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Batches_come_in_order_up_to_the_limit_and_leave_a_checkpoint_in_the_real_layout()
    {
        await using var app = new ProbeApp("\"extensions\":{\"eventHubs\":{\"maxEventBatchSize\":3}}").Function("Ingest", ProbeApp.Batch);
        var hub = new MemoryHub(1);
        hub.Append(0, "a", "b", "c", "d", "e", "f", "g");
        await using var host = await app.Start(storage, hub);
        var batches = await app.Wait("Ingest", 3);
        Assert.Equal([[0, 1, 2], [3, 4, 5], [6]], batches.Select(batch => batch.SequenceNumbers));
        Assert.Equal("POST /Ingest HTTP/1.1", batches[0].Line);
        using var events = JsonDocument.Parse(batches[0].Json.GetProperty("Data").GetProperty("events").GetString()!);
        Assert.Equal("YQ==", events.RootElement[0].GetString());

        var checkpoint = await Checkpoint(hub, 0, 6);
        Assert.Equal("384", checkpoint["offset"]);
        var figures = host.Figures.Single(item => item.Function == "Ingest");
        Assert.Equal((3L, 0L, 7L, 0L), (figures.Invocations, figures.Failures, figures.Events, figures.Lost));
    }

    [Fact]
    public async Task A_failed_batch_without_retry_policy_moves_the_checkpoint_on()
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        app.Mode("Ingest", "status:500");
        var hub = new MemoryHub(1);
        hub.Append(0, "a", "b");
        await using (var host = await app.Start(storage, hub))
        {
            await Checkpoint(hub, 0, 1);
            Assert.Equal(2, host.Figures.Single().Lost);
        }

        app.Mode("Ingest", "ok");
        hub.Append(0, "c");
        await using var again = await app.Start(storage, hub);
        Assert.Equal(new[] { 2L }, (await app.Wait("Ingest", 2))[^1].SequenceNumbers); // 0 and 1 are gone, as the real host loses them
    }

    [Theory]
    [InlineData("status:500")]
    [InlineData("text")]
    [InlineData("broken")]
    [InlineData("status:302")]
    public async Task Whatever_is_no_2xx_with_json_is_a_failure(string mode)
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        app.Mode("Ingest", mode);
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using var host = await app.Start(storage, hub);
        await Checkpoint(hub, 0, 0);
        Assert.Equal((1L, 1L), (host.Figures.Single().Failures, host.Figures.Single().Lost));
    }

    [Fact]
    public async Task A_retry_policy_sends_the_batch_again_with_the_same_invocation_id_and_holds_the_checkpoint()
    {
        await using var app = new ProbeApp().Function(
            "Ingest", ProbeApp.Batch, ""","retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:00.2"}""");
        app.Mode("Ingest", "fail:2");
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using var host = await app.Start(storage, hub);
        var attempts = await app.Wait("Ingest", 3);
        Assert.Single(attempts.Select(attempt => attempt.InvocationId).Distinct());
        Assert.Equal([0, 1, 2], attempts.Select(attempt => attempt.Json.GetProperty("Metadata").GetProperty("RetryContext").GetProperty("RetryCount").GetInt32()));
        Assert.Equal(-1, attempts[0].Json.GetProperty("Metadata").GetProperty("RetryContext").GetProperty("MaxRetryCount").GetInt32());
        Assert.Equal(500, attempts[2].Json.GetProperty("Metadata").GetProperty("RetryContext").GetProperty("Exception").GetProperty("InnerException").GetProperty("StatusCode").GetInt32());
        await Checkpoint(hub, 0, 0);
        Assert.Equal((3L, 2L, 1L, 0L), (host.Figures[0].Invocations, host.Figures[0].Failures, host.Figures[0].Events, host.Figures[0].Lost));
    }

    [Fact]
    public async Task A_retry_policy_ends_and_then_the_batch_is_lost()
    {
        await using var app = new ProbeApp().Function(
            "Ingest", ProbeApp.Batch, ""","retry":{"strategy":"exponentialBackoff","maxRetryCount":2,"minimumInterval":"00:00:00.05","maximumInterval":"00:00:00.2"}""");
        app.Mode("Ingest", "status:500");
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using var host = await app.Start(storage, hub);
        await Checkpoint(hub, 0, 0);
        Assert.Equal(3, app.Requests("Ingest").Count);
        Assert.Equal(1, host.Figures[0].Lost);
    }

    [Fact]
    public async Task A_killed_handler_is_started_again_and_its_batch_is_delivered_again()
    {
        await using var app = new ProbeApp().Function(
            "Ingest", ProbeApp.Batch, ""","retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:00.1"}""");
        app.Mode("Ingest", "hang");
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using var host = await app.Start(storage, hub);
        await app.Wait("Ingest", 1);
        var first = host.HandlerProcessId;
        using (var process = Process.GetProcessById(first)) process.Kill();
        app.Mode("Ingest", "ok");
        var attempts = await app.Wait("Ingest", 2);
        Assert.Equal(attempts[0].InvocationId, attempts[1].InvocationId);
        Assert.NotEqual(first, host.HandlerProcessId);
        Assert.Equal(1, host.HandlerRestarts);
        await Checkpoint(hub, 0, 0);
    }

    [Fact]
    public async Task Three_crashes_stop_the_host_with_one_message_and_no_checkpoint()
    {
        await using var app = new ProbeApp().Function(
            "Ingest", ProbeApp.Batch, ""","retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:00.05"}""");
        app.Mode("Ingest", "crash");
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using var host = await app.Start(storage, hub);
        var message = (await host.Died.WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Message;
        Assert.Contains("ended 3 times within 30 minutes, last with code 137", message, StringComparison.Ordinal);
        Assert.Contains("probe complains", message, StringComparison.Ordinal);
        Assert.Equal(3, app.Requests("Ingest").Count);
        Assert.Null(await Read(hub, 0));
        Assert.Equal(0, host.HandlerProcessId);
    }

    [Fact]
    public async Task An_empty_answer_never_completes_until_functionTimeout_and_takes_the_handler_with_it()
    {
        await using var app = new ProbeApp("\"logging\":{}").Function("Ingest", ProbeApp.Batch);
        var file = Path.Combine(app.AppFolder, "host.json");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancel)).Replace("00:00:20", "00:00:01.5", StringComparison.Ordinal), Cancel);
        app.Mode("Ingest", "empty");
        var hub = new MemoryHub(1);
        await using var host = await app.Start(storage, hub);
        var first = host.HandlerProcessId;
        var began = TimeProvider.System.GetTimestamp();
        hub.Append(0, "a");
        await Checkpoint(hub, 0, 0);
        Assert.True(TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(1));
        Assert.Equal(1, host.Figures[0].Failures);
        for (var tries = 0; tries < 1500 && host.HandlerProcessId == first; tries++) await Task.Delay(20, Cancel);
        Assert.NotEqual(first, host.HandlerProcessId);
        Assert.False(host.Died.IsCompleted); // a timeout is no strike
    }

    [Fact]
    public async Task A_batch_in_flight_when_the_host_stops_is_not_checkpointed_and_comes_again()
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        app.Mode("Ingest", "hang");
        var hub = new MemoryHub(1);
        hub.Append(0, "a");
        await using (await app.Start(storage, hub)) await app.Wait("Ingest", 1);
        Assert.Null(await Read(hub, 0));
        app.Mode("Ingest", "ok");
        await using var again = await app.Start(storage, hub);
        Assert.Equal(new[] { 0L }, (await app.Wait("Ingest", 2))[1].SequenceNumbers);
    }

    [Fact]
    public async Task Two_instances_share_the_partitions_and_the_survivor_takes_all()
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        var hub = new MemoryHub(4);
        var first = await app.Start(storage, hub);
        await using var second = await app.Start(storage, hub);
        await Owners(hub, owners: 2, each: 2);
        for (var partition = 0; partition < 4; partition++) hub.Append(partition, "one");
        for (var partition = 0; partition < 4; partition++) await Checkpoint(hub, partition, 0);

        await first.DisposeAsync();
        await Owners(hub, owners: 1, each: 4);
        for (var partition = 0; partition < 4; partition++) hub.Append(partition, "two");
        for (var partition = 0; partition < 4; partition++) await Checkpoint(hub, partition, 1);
        var seen = app.Requests("Ingest").SelectMany(batch => batch.SequenceNumbers.Select(number => (batch.Partition, number))).Distinct().Count();
        Assert.Equal(8, seen); // each at least once
    }

    [Fact]
    public async Task A_checkpoint_ahead_of_a_hub_made_anew_reads_it_from_its_start()
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        var hub = new MemoryHub(1);
        hub.Append(0, "a", "b", "c");
        await using (await app.Start(storage, hub)) await Checkpoint(hub, 0, 2);
        var anew = new MemoryHub(1, hub.FullyQualifiedNamespace);
        anew.Append(0, "x");
        var before = app.Requests("Ingest").Count;
        await using var again = await app.Start(storage, anew);
        Assert.Equal(new[] { 0L }, (await app.Wait("Ingest", before + 1))[^1].SequenceNumbers);
    }

    private async Task Owners(MemoryHub hub, int owners, int each)
    {
        var seen = "";
        for (var tries = 0; tries < 400; tries++)
        {
            var found = new List<string>();
            var options = new Azure.Storage.Blobs.Models.GetBlobsOptions { Traits = Azure.Storage.Blobs.Models.BlobTraits.Metadata, Prefix = $"{hub.FullyQualifiedNamespace}/telemetry/functions/ownership/" };
            await foreach (var blob in (await Container()).GetBlobsAsync(options, Cancel)) found.Add(blob.Metadata.TryGetValue("ownerid", out var owner) ? owner : "");
            var groups = found.GroupBy(owner => owner).ToArray();
            if (groups.Length == owners && groups.All(group => group.Count() == each && group.Key.Length > 0)) return;
            seen = string.Join(", ", groups.Select(group => $"{group.Key}: {group.Count()}"));
            await Task.Delay(50, Cancel);
        }

        throw new InvalidOperationException($"ownership did not settle: {seen}");
    }

    private async Task<IDictionary<string, string>> Checkpoint(MemoryHub hub, int partition, long sequenceNumber)
    {
        IDictionary<string, string>? found = null;
        for (var tries = 0; tries < 600; tries++)
        {
            found = await Read(hub, partition);
            if (found is not null && found["sequencenumber"] == sequenceNumber.ToString(System.Globalization.CultureInfo.InvariantCulture)) return found;
            await Task.Delay(50, Cancel);
        }

        throw new InvalidOperationException($"partition {partition} stayed at {found?["sequencenumber"] ?? "no checkpoint"}, not {sequenceNumber}");
    }

    private async Task<IDictionary<string, string>?> Read(MemoryHub hub, int partition)
    {
        var blob = (await Container()).GetBlobClient(string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"{hub.FullyQualifiedNamespace}/telemetry/functions/checkpoint/{partition}"));
        return await blob.ExistsAsync(Cancel) ? (await blob.GetPropertiesAsync(cancellationToken: Cancel)).Value.Metadata : null;
    }

    private async Task<BlobContainerClient> Container() => new BlobServiceClient(
        (await storage.Storage()).BlobServiceUri,
        storage.Credential(LocalTenant.Ops),
        new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(LocalTrust.Handler(storage.Authority))) }).GetBlobContainerClient("azure-webjobs-eventhub");
}
