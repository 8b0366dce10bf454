using System.Diagnostics.Metrics;
using Serverless.Telemetry.IngestTelemetry;

namespace Serverless.Telemetry;

/// <summary>What ingestion counts. Labels are fault codes and outcomes: our own finite words.</summary>
internal static class Meters
{
    /// <summary>Meter name; begins with the prefix that the edge exports.</summary>
    public const string Name = "Serverless.Telemetry";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Events = Meter.CreateCounter<long>("telemetry.events", "{event}", "Events accounted for, by outcome.");
    private static readonly Counter<long> Faults = Meter.CreateCounter<long>("telemetry.faults", "{event}", "Events refused, by fault code.");
    private static readonly Counter<long> Alerts = Meter.CreateCounter<long>("telemetry.alerts", "{alert}", "Alerts raised.");

    /// <summary>Counts a batch that is committed.</summary>
    public static void Count(BatchSummary summary)
    {
        Events.Add(summary.Accepted, new KeyValuePair<string, object?>("outcome", "accepted"));
        Events.Add(summary.Refused, new KeyValuePair<string, object?>("outcome", "refused"));
        Events.Add(summary.HubEvents, new KeyValuePair<string, object?>("outcome", "hub-event"));
        Events.Add(summary.Repeated, new KeyValuePair<string, object?>("outcome", "repeated"));
        Alerts.Add(summary.Alerts);
        foreach (var (code, count) in summary.Faults) Faults.Add(count, new KeyValuePair<string, object?>("code", code));
    }
}
