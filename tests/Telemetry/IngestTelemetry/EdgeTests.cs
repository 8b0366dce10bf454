using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Hosting;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>What the app says of itself: settings, log lines, function.json.</summary>
public class EdgeTests
{
    [Theory]
    [InlineData("TakeoverWait", "00:00:00", true)]
    [InlineData("TakeoverWait", "00:02:00", true)]
    [InlineData("TakeoverWait", "00:02:00.001", false)]
    [InlineData("TakeoverWait", "-00:00:01", false)]
    [InlineData("TakeoverWait", "15", false)]
    [InlineData("ProfilePollInterval", "00:00:01", true)]
    [InlineData("ProfilePollInterval", "00:00:00.999", false)]
    [InlineData("ProfilePollInterval", "01:00:00", true)]
    [InlineData("ProfilePollInterval", "01:00:01", false)]
    [InlineData("PositionInterval", "00:00:01", true)]
    [InlineData("PositionInterval", "00:00:00.999", false)]
    [InlineData("PositionInterval", "01:00:00.001", false)]
    [InlineData("LogCommitPoints", "true", true)]
    [InlineData("LogCommitPoints", "sometimes", false)]
    public void Settings_are_taken_up_to_their_limits_and_refused_beyond(string name, string value, bool accepted)
    {
        var refusal = Record.Exception(() => IngestSettings.Read(Settings($"Telemetry:{name}", value, IngestSettings.Section)));
        if (accepted) Assert.Null(refusal);
        else Assert.Equal($"Telemetry__{name}", Assert.IsType<SettingException>(refusal).Setting);
    }

    [Fact]
    public void Settings_that_are_not_given_have_defaults_and_places_have_none()
    {
        var settings = IngestSettings.Read(Settings("x", "", IngestSettings.Section));
        Assert.Equal(
            (TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1), "$Default"),
            (settings.ProfilePollInterval, settings.TakeoverWait, settings.PositionInterval, settings.ReadBackGroup));
        Assert.Equal("EventHubs__fullyQualifiedNamespace", Assert.Throws<SettingException>(() => EventHubsPlace.Read(Settings("x", "", EventHubsPlace.Section))).Setting);
        Assert.Equal("Storage__blobServiceUri", Assert.Throws<SettingException>(() => StoragePlace.Read(Settings("x", "", StoragePlace.Section))).Setting);
        Assert.Equal("127.0.0.1:5671", EventHubsPlace.Read(Settings("EventHubs:fullyQualifiedNamespace", "127.0.0.1:5671", EventHubsPlace.Section)).Namespace);
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    public void Commit_points_reach_the_log_only_where_the_setting_asks_for_them(string value, bool logged)
    {
        var services = new ServiceCollection();
        services.AddSingleton(IngestSettings.Read(Settings("Telemetry:LogCommitPoints", value, IngestSettings.Section)));
        // As the hosting edge sets them up.
        services.AddLogging(logging => logging.AddFilter(null, LogLevel.Warning).AddFilter("Serverless", LogLevel.Information).AddProvider(new Swallow()));
        TelemetryServices.Add(services);
        using var all = services.BuildServiceProvider();
        Assert.Equal(logged, all.GetRequiredService<ILogger<Ingest>>().IsEnabled(LogLevel.Debug));
        Assert.False(all.GetRequiredService<ILogger<ProfileShelf>>().IsEnabled(LogLevel.Debug));
    }

    [Fact]
    public async Task Refusals_are_logged_as_numbers_and_codes_without_a_word_of_the_payload()
    {
        using var world = new World();
        var log = new Lines();
        await World.Deliver(
            world.Process(log),
            new() { Sequence = 1, Device = "d-secret", Body = "{\"secret\":"u8.ToArray() },
            new() { Sequence = 2, Device = null, Body = "{\"secret\":"u8.ToArray() });
        Assert.Contains((2002, LogLevel.Warning, "Partition 3: 1 events refused with json-malformed"), log.Written);
        Assert.Contains((2002, LogLevel.Warning, "Partition 3: 1 events refused with stamp-missing"), log.Written);
        Assert.Contains(log.Written, line => line.Id == 2000 && line.Text.StartsWith("Partition 3: state of 0 devices up to event -1 read in", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Written, line => line.Text.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_commit_points_come_in_order()
    {
        using var world = new World();
        var log = new Lines();
        await World.Deliver(world.Process(), Sent.Created("d-1", World.Profile) with { Sequence = 1 });
        await World.Deliver(
            world.Process(log),
            new() { Sequence = 2, Body = Sent.Message(1, "\"n\":1") },
            Sent.Created("d-2", "new@1") with { Sequence = 3 },
            new() { Sequence = 4, Device = "d-2", Body = Sent.Message(1, "\"n\":1") });
        Assert.Equal(
            ["claimed", "read-back", "pinned", "pinned", "decided", "published", "alerted", "filed", "committed"],
            log.Written.Where(line => line.Id == 2005).Select(line => line.Text.Split(' ')[2]));
    }

    [Fact]
    public void A_refused_profile_is_logged_and_alerted_with_one_id_a_revision()
    {
        using var world = new World();
        var log = new Lines();
        var reports = new ProfileReports(world.Alerts, world.Clock, log);
        reports.Refused("test@1", "\"7\"", new Faults.Fault("profile-json", "profile"), TestContext.Current.CancellationToken);
        reports.Refused("test@1", "\"7\"", new Faults.Fault("profile-json", "profile"), TestContext.Current.CancellationToken);
        reports.Refused("test@1", "\"8\"", new Faults.Fault("profile-json", "profile"), TestContext.Current.CancellationToken);
        reports.Unreachable("test@1", new IOException());
        Assert.Equal([2003, 2003, 2003, 2004], log.Written.Select(line => line.Id));
        Assert.Equal("Profile test@1 revision \"7\" refused with profile-json at profile; the last good one stays in use", log.Written[0].Text);
        Assert.Equal(3, world.Alerts.Events.Count());
        Assert.Equal(2, world.Alerts.Events.Select(alert => alert.MessageId).Distinct().Count());
    }

    [Fact]
    public void The_trigger_is_declared_in_the_only_way_that_loses_nothing()
    {
        var json = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "IngestTelemetry", "function.json"))).RootElement;
        var binding = Assert.Single(json.GetProperty("bindings").EnumerateArray());
        Assert.Equal(("eventHubTrigger", "many", "binary"), (binding.GetProperty("type").GetString(), binding.GetProperty("cardinality").GetString(), binding.GetProperty("dataType").GetString()));
        Assert.Equal(-1, json.GetProperty("retry").GetProperty("maxRetryCount").GetInt32());
    }

    private static SettingsReader Settings(string name, string value, string section) =>
        new(new ConfigurationBuilder().AddInMemoryCollection([new(name, value)]).Build(), section);

    /// <summary>A logger that keeps what it is told.</summary>
    private sealed class Lines : ILogger<Ingest>, ILogger<ProfileReports>
    {
        public List<(int Id, LogLevel Level, string Text)> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add((eventId.Id, logLevel, formatter(state, exception)));
    }

    private sealed class Swallow : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
        }

        public void Dispose()
        {
        }
    }
}
