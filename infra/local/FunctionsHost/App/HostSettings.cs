namespace Serverless.Local.FunctionsHost.App;

/// <summary>host.json, as far as a custom handler's host reads it.</summary>
internal sealed record HostSettings
{
    /// <summary><c>customHandler.description.defaultExecutablePath</c>.</summary>
    public required string ExecutablePath { get; init; }

    /// <summary><c>customHandler.description.arguments</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary><c>customHandler.description.workingDirectory</c>, relative to the app.</summary>
    public string WorkingFolder { get; init; } = "";

    /// <summary><c>customHandler.enableForwardingHttpRequest</c>.</summary>
    public bool ForwardsHttp { get; init; }

    /// <summary><c>functionTimeout</c>; <see langword="null"/> for none. Default 30 min.</summary>
    public TimeSpan? FunctionTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary><c>extensions.http.routePrefix</c>.</summary>
    public string RoutePrefix { get; init; } = "api";

    /// <summary><c>extensions.eventHubs</c>.</summary>
    public EventHubSettings EventHubs { get; init; } = new();
}

/// <summary><c>extensions.eventHubs</c> (extension 6.x).</summary>
internal sealed record EventHubSettings
{
    /// <summary>Most events in a batch.</summary>
    public int MaxEventBatchSize { get; init; } = 100;

    /// <summary>Events to wait for before a batch goes, at most <see cref="MaxWaitTime"/>.</summary>
    public int MinEventBatchSize { get; init; } = 1;

    /// <summary>Longest wait for <see cref="MinEventBatchSize"/>; has no meaning when that is 1.</summary>
    public TimeSpan MaxWaitTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Batches between checkpoints.</summary>
    public int BatchCheckpointFrequency { get; init; } = 1;

    /// <summary>Events a reader keeps ready.</summary>
    public int PrefetchCount { get; init; } = 300;

    /// <summary>Where a partition without checkpoint begins: <c>fromStart</c>, <c>fromEnd</c>, <c>fromEnqueuedTime</c>.</summary>
    public Events.PartitionStart InitialStart { get; init; } = Events.PartitionStart.Oldest;
}
