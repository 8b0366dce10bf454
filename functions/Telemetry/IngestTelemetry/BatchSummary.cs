namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>What became of a batch, in numbers.</summary>
/// <param name="Events">Events handed in.</param>
/// <param name="Accepted">Accepted now.</param>
/// <param name="Refused">Refused now.</param>
/// <param name="Alerts">Alerts raised now.</param>
/// <param name="HubEvents">Events of the hub about devices.</param>
/// <param name="Repeated">Events that were accounted for before.</param>
/// <param name="Faults">Refused events by fault code.</param>
internal sealed record BatchSummary(
    int Events, int Accepted, int Refused, int Alerts, int HubEvents, int Repeated, IReadOnlyList<KeyValuePair<string, int>> Faults);
