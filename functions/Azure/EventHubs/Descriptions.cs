namespace Serverless.EventHubs;

/// <summary>An event hub as <c>$management</c> describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="PartitionIds">The partitions, usually <c>0</c> upwards.</param>
public sealed record HubDescription(string Name, DateTimeOffset CreatedAt, IReadOnlyList<string> PartitionIds);

/// <summary>A partition as <c>$management</c> describes it.</summary>
/// <param name="Hub">Its hub.</param>
/// <param name="Partition">Its id.</param>
/// <param name="BeginSequenceNumber">The oldest event retained.</param>
/// <param name="LastSequenceNumber">The newest event, or -1.</param>
/// <param name="LastOffset">The newest event's offset, opaque.</param>
/// <param name="LastEnqueuedTime">The newest event's time, UTC.</param>
/// <param name="IsEmpty">Whether nothing is retained.</param>
public sealed record PartitionDescription(
    string Hub,
    string Partition,
    long BeginSequenceNumber,
    long LastSequenceNumber,
    string LastOffset,
    DateTimeOffset LastEnqueuedTime,
    bool IsEmpty);
