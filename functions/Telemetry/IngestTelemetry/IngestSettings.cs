using Serverless.Hosting;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>Which Event Hubs namespace the app reads and writes.</summary>
/// <remarks>Trusted: whoever edits it decides where telemetry goes. The identity's roles bound what that can reach.</remarks>
internal sealed record EventHubsPlace : ISettings<EventHubsPlace>
{
    /// <inheritdoc/>
    public static string Section => "EventHubs";

    /// <summary><c>EventHubs__fullyQualifiedNamespace</c>, required: <c>name.servicebus.windows.net</c>, with a port if it is not 5671.
    /// The trigger reads the same setting.</summary>
    public required string Namespace { get; init; }

    /// <inheritdoc/>
    public static EventHubsPlace Read(SettingsReader read) => new() { Namespace = read.HostName("fullyQualifiedNamespace", "Event Hubs namespace") };
}

/// <summary>Which storage account the app's blobs are in.</summary>
/// <remarks>Trusted like <see cref="EventHubsPlace"/>.</remarks>
internal sealed record StoragePlace : ISettings<StoragePlace>
{
    /// <inheritdoc/>
    public static string Section => "Storage";

    /// <summary><c>Storage__blobServiceUri</c>, required: the account's blob endpoint.</summary>
    public required Uri Blobs { get; init; }

    /// <inheritdoc/>
    public static StoragePlace Read(SettingsReader read) => new() { Blobs = read.Url("blobServiceUri", "blob endpoint of the storage account") };
}

/// <summary>How ingestion works; section <c>Telemetry</c>. None of these changes a verdict.</summary>
internal sealed record IngestSettings : ISettings<IngestSettings>
{
    /// <inheritdoc/>
    public static string Section => "Telemetry";

    /// <summary><c>Telemetry__ProfilePollInterval</c>: how old a look at a profile in use may be. 1 second to 1 hour, default 1 minute.</summary>
    public required TimeSpan ProfilePollInterval { get; init; }

    /// <summary><c>Telemetry__TakeoverWait</c>: how long a process that takes a partition over waits for what the process before it
    /// still has on the wire; 0 to 2 minutes, default 15 seconds. A process publishes only within the first two thirds of this
    /// time after it last proved that the partition is its own, so 0 is safe only where one process ever runs.</summary>
    public required TimeSpan TakeoverWait { get; init; }

    /// <summary><c>Telemetry__PositionInterval</c>: how often the ends of the hubs are noted; what was published since is what a
    /// restart reads back. 1 second to 1 hour, default 1 minute.</summary>
    public required TimeSpan PositionInterval { get; init; }

    /// <summary><c>Telemetry__ReadBackGroup</c>: consumer group of hubs <c>validated</c> and <c>alerts</c> that a restart reads back
    /// in; no trigger may use it. Default <c>$Default</c>.</summary>
    public required string ReadBackGroup { get; init; }

    /// <summary><c>Telemetry__LogCommitPoints</c>: whether each commit point is logged (event 2005), about six lines a batch; default
    /// false. For tests that stop the app between two of them.</summary>
    public bool LogCommitPoints { get; init; }

    /// <inheritdoc/>
    public static IngestSettings Read(SettingsReader read) => new()
    {
        ProfilePollInterval = read.Duration("ProfilePollInterval", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), TimeSpan.FromMinutes(1)),
        TakeoverWait = read.Duration("TakeoverWait", TimeSpan.Zero, TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(15)),
        PositionInterval = read.Duration("PositionInterval", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), TimeSpan.FromMinutes(1)),
        ReadBackGroup = read.Text("ReadBackGroup", "a consumer group", lengthMax: 256, otherwise: "$Default"),
        LogCommitPoints = read.Flag("LogCommitPoints", "whether commit points are logged", otherwise: false),
    };
}

/// <summary>What anomaly alerts may cost; section <c>Scoring</c>.</summary>
/// <remarks>Trusted: whoever edits it can silence every device. It takes effect with the next event; what was learned stays.</remarks>
internal sealed record ScoringSettings : ISettings<ScoringSettings>
{
    /// <inheritdoc/>
    public static string Section => "Scoring";

    /// <summary><c>Scoring__AlertsPerDeviceDay</c>: anomaly alerts that a day of a device may cost while nothing is wrong; 0.0001 to 1, default
    /// 0.01, which is one a day among a hundred devices.</summary>
    public required double AlertsPerDeviceDay { get; init; }

    /// <inheritdoc/>
    public static ScoringSettings Read(SettingsReader read) => new()
    {
        AlertsPerDeviceDay = read.Double("AlertsPerDeviceDay", "alerts a device-day", 0.0001, 1, 0.01),
    };
}
