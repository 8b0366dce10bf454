namespace Serverless.Telemetry.State;

/// <summary>Last sequence number of each partition of a hub, by partition id; an absent partition had nothing yet.</summary>
internal sealed class HubPositions : SortedDictionary<string, long>
{
    /// <summary>No events known in any partition.</summary>
    public HubPositions()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Where a partition stood; -1 when it had no event.</summary>
    public long Of(string partition) => TryGetValue(partition, out var last) ? last : -1;
}

/// <summary>Where to look for what an attempt published but did not live to commit.</summary>
/// <remarks>Everything published for events after <see cref="PartitionState.LastSequence"/> lies behind these positions. They
/// are positions, not times: the hubs' clocks, this machine's and the devices' need not agree.</remarks>
internal sealed record Anchor
{
    /// <summary>Positions of hub <c>validated</c>.</summary>
    public required HubPositions Validated { get; init; }

    /// <summary>Positions of hub <c>alerts</c>.</summary>
    public required HubPositions Alerts { get; init; }

    /// <summary>Blob of container <c>rejected</c> that was being written, or empty.</summary>
    public required string RejectedBlob { get; init; }

    /// <summary>Its length in bytes then.</summary>
    public required long RejectedLength { get; init; }

    /// <summary>The beginning of everything.</summary>
    public static Anchor Start { get; } = new() { Validated = [], Alerts = [], RejectedBlob = "", RejectedLength = 0 };
}
