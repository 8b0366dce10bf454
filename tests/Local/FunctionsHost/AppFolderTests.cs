using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.Processes;
using Serverless.Local.Tests.Storage;

namespace Serverless.Local.Tests.FunctionsHost;

public class AppFolderTests(StorageFixture storage)
{
    private const string Timer = """{"type":"timerTrigger","name":"timer","direction":"in","schedule":"%EVERY%"}""";
    private static readonly Dictionary<string, string> Settings = new() { ["EVERY"] = "0 0 3 * * *", ["AzureWebJobs.Off.Disabled"] = "true" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_app_is_read_with_its_settings_and_what_has_no_effect_is_reported()
    {
        await using var app = new ProbeApp("\"extensions\":{\"eventHubs\":{\"maxEventBatchSize\":7,\"initialOffsetOptions\":{\"type\":\"fromEnd\"},\"shiny\":1},\"queues\":{}},\"colour\":\"red\"")
            .Function("Nightly", Timer)
            .Function("Off", Timer, ",\"scriptFile\":\"x\"")
            .Function("Ingest", ProbeApp.Batch, ""","retry":{"strategy":"exponentialBackoff","maxRetryCount":-1,"minimumInterval":"00:00:02","maximumInterval":"00:01:00"}""");
        var read = AppFolder.Read(app.AppFolder, Settings);
        Assert.Equal(7, read.Host.EventHubs.MaxEventBatchSize);
        Assert.Equal(new PartitionStart(AtEnd: true), read.Host.EventHubs.InitialStart);
        Assert.Equal("0 0 3 * * *", Assert.IsType<TimerTrigger>(read.Functions.Single(function => function.Name == "Nightly").Trigger).Schedule.Text);
        Assert.True(read.Functions.Single(function => function.Name == "Off").IsDisabled);
        Assert.Equal(new RetryPolicy(-1, TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(1)), read.Functions.Single(function => function.Name == "Ingest").Retry);
        string[] expected = ["host.json.colour", "host.json.extensions.eventHubs.shiny", "host.json.extensions.queues", "Off/function.json.scriptFile"];
        Assert.Equal(expected.Order(StringComparer.Ordinal), read.Notices.Select(notice => notice.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"type":"queueTrigger","name":"m"}""", "", "httpTrigger, timerTrigger or eventHubTrigger")]
    [InlineData("""{"type":"timerTrigger","name":"t","schedule":"soon"}""", "", "NCRONTAB")]
    [InlineData("""{"type":"timerTrigger","schedule":"0 0 0 * * *"}""", "", "name must be a string")]
    [InlineData("""{"type":"http","name":"res"}""", "", "exactly one trigger")]
    [InlineData("""{"type":"httpTrigger","name":"r","authLevel":"anybody"}""", "", "anonymous, function or admin")]
    [InlineData("""{"type":"httpTrigger","name":"r"},{"type":"queue","name":"q","direction":"out"}""", "", "'queue', which the local host does not offer")]
    [InlineData("""{"type":"eventHubTrigger","name":"e","eventHubName":"h"}""", "", "prefix of connection settings")]
    [InlineData("""{"type":"eventHubTrigger","name":"e","eventHubName":"h","connection":"C","dataType":"stream"}""", "", "string or binary")]
    [InlineData("""{"type":"eventHubTrigger","name":"e","eventHubName":"h","connection":"C"}""", ""","retry":{"strategy":"hope","maxRetryCount":1}""", "fixedDelay or exponentialBackoff")]
    [InlineData("""{"type":"eventHubTrigger","name":"e","eventHubName":"h","connection":"C"}""", ""","retry":{"strategy":"fixedDelay"}""", "whole number from -1 on")]
    [InlineData("""{"type":"httpTrigger","name":"r"}""", ""","retry":{"strategy":"fixedDelay","maxRetryCount":1}""", "no retry policy")]
    public async Task A_malformed_function_is_named_with_what_it_should_be(string bindings, string more, string expected)
    {
        await using var app = new ProbeApp().Function("Bad", bindings, more);
        var error = Assert.Throws<LocalCloudException>(() => AppFolder.Read(app.AppFolder, Settings));
        Assert.StartsWith("Bad/function.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_no_app_or_has_no_function_is_refused()
    {
        await using var app = new ProbeApp();
        Assert.Contains("has no function", Assert.Throws<LocalCloudException>(() => AppFolder.Read(app.AppFolder, Settings)).Message, StringComparison.Ordinal);
        Assert.Contains("no host.json", Assert.Throws<LocalCloudException>(() => AppFolder.Read(app.Folder, Settings)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_handler_gets_the_recorded_environment_and_nothing_of_ours()
    {
        await using var app = new ProbeApp().Function("Nightly", Timer.Replace("%EVERY%", "0 0 3 * * *", StringComparison.Ordinal));
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", "http://127.0.0.1:1");
        await using var host = await app.Start(storage);
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", null);
        var environment = (await File.ReadAllLinesAsync(Path.Combine(app.Folder, "environment.txt"), Cancel)).Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        foreach (var name in new[] { "AzureWebJobsScriptRoot", "FUNCTIONS_APP_ROOT_PATH" }) Assert.Equal(app.AppFolder, environment[name]);
        Assert.Equal(environment["FUNCTIONS_CUSTOMHANDLER_PORT"], environment["FUNCTIONS_HTTPWORKER_PORT"]);
        Assert.True(Guid.TryParse(environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"], out _));
        Assert.Equal(environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"], environment["FUNCTIONS_HTTPWORKER_ID"]);
        Assert.Equal(("~4", "custom"), (environment["FUNCTIONS_EXTENSION_VERSION"], environment["FUNCTIONS_WORKER_RUNTIME"]));
        Assert.Equal(host.Address.Authority, environment["WEBSITE_HOSTNAME"]);
        Assert.Equal(storage.Authority.PemPath, environment["SSL_CERT_FILE"]);
        Assert.DoesNotContain("ASPNETCORE_URLS", environment.Keys);
        lock (app.Log)
        {
            Assert.Contains(app.Log, line => line.StartsWith("Information 1010", StringComparison.Ordinal) && line.Contains("probe starts", StringComparison.Ordinal));
            Assert.Contains(app.Log, line => line.StartsWith("Error 1011", StringComparison.Ordinal) && line.Contains("probe complains", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_handler_that_dies_at_start_three_times_fails_the_start_with_its_last_lines()
    {
        await using var app = new ProbeApp().Function("Open", ProbeApp.AnyHttp);
        await File.WriteAllTextAsync(Path.Combine(app.Folder, "start.mode"), "crash", Cancel);
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => app.Start(storage));
        Assert.Contains("ended 3 times within 30 minutes, last with code 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("told to crash at start", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_executable_and_a_missing_connection_are_named()
    {
        await using var app = new ProbeApp().Function("Ingest", ProbeApp.Batch);
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => app.Start(storage));
        Assert.Contains("'EventHubs__fullyQualifiedNamespace' is missing", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<LocalCloudException>(() => app.Start(
            storage, change: options => options with { AppSettings = new Dictionary<string, string> { ["PROBE"] = "no-such-program" } }));
        Assert.Contains("'no-such-program', which is neither in", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_stopped_leaves_no_handler()
    {
        await using var app = new ProbeApp().Function("Open", ProbeApp.AnyHttp);
        int handler;
        await using (var host = await app.Start(storage)) handler = host.HandlerProcessId;
        Assert.Throws<ArgumentException>(() => System.Diagnostics.Process.GetProcessById(handler));
    }
}
