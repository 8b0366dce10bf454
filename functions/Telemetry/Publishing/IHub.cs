using Serverless.EventHubs;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Publishing;

/// <summary>One event hub that ingestion publishes to, and reads back from after a crash. Thread-safe.</summary>
internal interface IHub
{
    /// <summary>Publishes events; those of one partition key in the order given, and none before the one before it landed.</summary>
    /// <exception cref="Exception">An outage. Any part of the events may have landed, but of one partition key always the first ones.</exception>
    Task Publish(IReadOnlyList<OutgoingEvent> events, CancellationToken cancel);

    /// <summary>The last sequence number of each partition, as of some moment during the call.</summary>
    Task<HubPositions> Positions(CancellationToken cancel);

    /// <summary>The last sequence number of each partition that the hub no longer holds; -1 where it holds everything it ever took.</summary>
    Task<HubPositions> Forgotten(CancellationToken cancel);

    /// <summary>Reads every event after one position up to another, in any order.</summary>
    /// <param name="after">Where to begin; events older than the hub retains are gone and are no error.</param>
    /// <param name="until">Where to stop.</param>
    /// <param name="found">Told of each event that ingestion published; called by one thread at a time.</param>
    /// <param name="cancel">Stops the reading.</param>
    Task ReadBack(HubPositions after, HubPositions until, Action<Published> found, CancellationToken cancel);
}

/// <summary>The hub that events come from.</summary>
internal interface ISourceHub
{
    /// <summary>The last sequence number that a partition has given, or -1.</summary>
    Task<long> LastSequence(string partition, CancellationToken cancel);
}

/// <summary>What an event in a hub says of where it came from.</summary>
/// <param name="Id">Its message id.</param>
/// <param name="SourcePartition">Partition of hub <c>telemetry</c> whose event caused it.</param>
/// <param name="SourceSequence">Sequence number of that event.</param>
internal readonly record struct Published(string Id, string SourcePartition, long SourceSequence);

/// <summary>Names of the application properties that ingestion gives to what it publishes.</summary>
internal static class PublishedProperty
{
    /// <summary>Partition of hub <c>telemetry</c>, text.</summary>
    public const string SourcePartition = "source-partition";

    /// <summary>Sequence number there, a long.</summary>
    public const string SourceSequence = "source-sequence";

    /// <summary>The device, as the hub stamped it, text.</summary>
    public const string DeviceId = "device-id";

    /// <summary>Which device of that id, as the hub stamped it, text.</summary>
    public const string GenerationId = "generation-id";

    /// <summary>The profile judged by, <c>model@version</c>.</summary>
    public const string Profile = "profile";

    /// <summary>When IoT Hub's message reached hub <c>telemetry</c>: ISO 8601, UTC.</summary>
    public const string EnqueuedAt = "enqueued-at";

    /// <summary><see cref="Validation.VerdictNotes"/> as a number.</summary>
    public const string Notes = "notes";

    /// <summary>Sequence numbers of the device missing before this event, a long; only where there are any.</summary>
    public const string Missing = "missing";

    /// <summary>When the event was put through again by a replay: ISO 8601, UTC; only then. Such an event comes behind newer ones of its device.</summary>
    public const string ReplayedAt = "replayed-at";

    /// <summary>Who ran the replay, text; the operator's word, proven by nothing.</summary>
    public const string ReplayedBy = "replayed-by";

    /// <summary>The fault code for which ingestion had refused the event, text; only on replayed events.</summary>
    public const string ReplayedFault = "replayed-fault";
}
