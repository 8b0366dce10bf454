namespace Serverless.Local.Run;

/// <summary>Where an event stands in hub <c>telemetry</c>: the name under which it is accounted for.</summary>
/// <param name="Partition">Partition id.</param>
/// <param name="Sequence">Sequence number in that partition.</param>
public readonly record struct EventPosition(string Partition, long Sequence);

/// <summary>A device's telemetry event as the hub holds it.</summary>
/// <param name="Position">Where.</param>
/// <param name="Device">The hub's stamp.</param>
/// <param name="BodyHash">SHA-256 of the body, hex.</param>
public sealed record HubEvent(EventPosition Position, string Device, string BodyHash);

/// <summary>An event in hub <c>validated</c>.</summary>
/// <param name="Source">Where it came from, by its own properties.</param>
/// <param name="Device">Its device id property.</param>
/// <param name="At">Where it stands in <c>validated</c>.</param>
public sealed record ValidatedEvent(EventPosition Source, string Device, EventPosition At);

/// <summary>A line of a <c>rejected</c> blob.</summary>
/// <param name="Source">Where it came from.</param>
/// <param name="Device">Device id as stamped.</param>
/// <param name="Fault">Why it was refused.</param>
/// <param name="BodyHash">SHA-256 of the body kept, hex.</param>
public sealed record RejectedEvent(EventPosition Source, string Device, string Fault, string BodyHash);

/// <summary>An event in hub <c>alerts</c>.</summary>
/// <param name="Id">CloudEvents id.</param>
/// <param name="Type">CloudEvents type.</param>
/// <param name="Device">CloudEvents subject.</param>
/// <param name="Fault">The fault code it reports, or its own kind.</param>
/// <param name="At">CloudEvents time, device time.</param>
public sealed record AlertSeen(string Id, string Type, string Device, string Fault, DateTimeOffset At = default)
{
    /// <summary>Whether the scorer raised it: likely, not certain, so it is judged by precision and recall instead of one by one.</summary>
    public bool IsAnomaly => Type.Contains(".anomaly-", StringComparison.Ordinal);
}

/// <summary>Everything that came out of a run, read back from the cloud by an identity of its own.</summary>
/// <param name="Telemetry">All device telemetry in hub <c>telemetry</c>.</param>
/// <param name="Validated">All of hub <c>validated</c>.</param>
/// <param name="Rejected">All of blob container <c>rejected</c>.</param>
/// <param name="Alerts">All of hub <c>alerts</c>.</param>
public sealed record Observation(
    IReadOnlyList<HubEvent> Telemetry,
    IReadOnlyList<ValidatedEvent> Validated,
    IReadOnlyList<RejectedEvent> Rejected,
    IReadOnlyList<AlertSeen> Alerts);
