namespace Serverless.Local.EventHubs;

/// <summary>An event hub to serve.</summary>
/// <param name="Name">Its name; compared without case, as Azure does.</param>
/// <param name="Partitions">1 to 32.</param>
/// <param name="Groups">Consumer groups; <c>$Default</c> exists always.</param>
public sealed record HubOptions(string Name, int Partitions, IReadOnlyList<string> Groups);

/// <summary>Where a partition goes on after a restart, so that its numbers never fall back: clients skip silently what lies below
/// their checkpoint.</summary>
/// <param name="NextSequenceNumber">The next event's sequence number.</param>
/// <param name="NextOffset">The next event's offset.</param>
public sealed record PartitionSeed(long NextSequenceNumber, long NextOffset);

/// <summary>The local broker's settings. Trusted: whoever starts the local cloud.</summary>
public sealed record EventHubsOptions
{
    private static readonly string[] Groups = ["$Default", "functions", "ops"];

    /// <summary>The hubs. Default: <c>telemetry</c>, <c>validated</c> and <c>alerts</c>, 4 partitions each, with groups
    /// <c>$Default</c>, <c>functions</c> and <c>ops</c>.</summary>
    public IReadOnlyList<HubOptions> Hubs { get; init; } = [new("telemetry", 4, Groups), new("validated", 4, Groups), new("alerts", 4, Groups)];

    /// <summary>Bytes a partition retains at most; the oldest events go first. Default 32 MiB.</summary>
    public long PartitionBytesMax { get; init; } = 32 * 1024 * 1024;

    /// <summary>Device time an event is retained at most. Default 24 h, the Basic tier's.</summary>
    public TimeSpan RetentionAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Largest transfer, in bytes. Default 1 MiB, the Standard tier's.</summary>
    public int MessageBytesMax { get; init; } = 1024 * 1024;

    /// <summary>Connections held at once. Default 1,000.</summary>
    public int ConnectionsMax { get; init; } = 1000;

    /// <summary>AMQP port on 127.0.0.1; 0 takes a free one.</summary>
    public int AmqpPort { get; init; }

    /// <summary>HTTPS port on 127.0.0.1; 0 takes a free one.</summary>
    public int HttpsPort { get; init; }

    /// <summary>Whether a shared access policy exists, with a key made at start, for tools that cannot ask for tokens.</summary>
    public bool SharedAccess { get; init; }

    /// <summary>Where partitions go on, by hub and partition; absent ones begin at 0.</summary>
    public IReadOnlyDictionary<(string Hub, int Partition), PartitionSeed> Seeds { get; init; } = new Dictionary<(string, int), PartitionSeed>();
}
