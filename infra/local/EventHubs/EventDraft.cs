namespace Serverless.Local.EventHubs;

/// <summary>An event on its way into a hub, before the broker stamps sequence number, offset and enqueued time.</summary>
/// <param name="Body">The payload, opaque; owned by the event from here on.</param>
/// <param name="PartitionKey">Hashed to a partition; <see langword="null"/> lets the broker take turns.</param>
/// <param name="Annotations">AMQP message annotations (symbol keys); IoT Hub's stamps go here. Values are AMQP primitives.</param>
/// <param name="Properties">The AMQP properties section that readers see.</param>
/// <param name="ApplicationProperties">The AMQP application-properties section.</param>
public sealed record EventDraft(
    ReadOnlyMemory<byte> Body,
    string? PartitionKey,
    IReadOnlyDictionary<string, object?>? Annotations = null,
    EventProperties? Properties = null,
    IReadOnlyDictionary<string, object?>? ApplicationProperties = null)
{
    /// <summary>For a history that is put there before a run: when the hub is to say it took the event in. Otherwise now. Never before the
    /// partition's newest event, and forgotten at once where retention has passed.</summary>
    public DateTimeOffset? EnqueuedAt { get; init; }
}

/// <summary>The members of the AMQP 1.0 properties section (part 3, section 3.2.4) that the pipeline carries.</summary>
/// <param name="MessageId">message-id, as text.</param>
/// <param name="CorrelationId">correlation-id, as text.</param>
/// <param name="UserId">user-id, as text.</param>
/// <param name="ContentType">content-type.</param>
/// <param name="ContentEncoding">content-encoding.</param>
public sealed record EventProperties(
    string? MessageId = null,
    string? CorrelationId = null,
    string? UserId = null,
    string? ContentType = null,
    string? ContentEncoding = null);

/// <summary>Where IoT Hub's routes end: the broker, or a recorder in tests.</summary>
public interface IEventRoute
{
    /// <summary>Appends one event. Order is kept for one partition key as called.</summary>
    /// <param name="hub">Name of an existing event hub.</param>
    /// <param name="draft">The event.</param>
    /// <exception cref="KeyNotFoundException">No such hub.</exception>
    void Append(string hub, EventDraft draft);
}
