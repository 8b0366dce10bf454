using Serverless.Hosting;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>Event Hubs edge of telemetry: bound and parse (by the hosting edge), ask, answer. Every rule is in
/// <see cref="BatchRule"/>, every effect in <see cref="PartitionIngest"/>.</summary>
internal static class IngestTelemetry
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "IngestTelemetry";

    /// <summary>Maps the trigger. Returning makes the host move its checkpoint on; an exception makes it send the batch again.</summary>
    public static void Map(FunctionApp app) => app.EventHub(Name, async (batch, invocation, services, cancel) =>
    {
        var summary = await services.GetRequiredService<Ingest>().Take(batch, cancel).ConfigureAwait(false);
        if (summary.Refused != 0 || summary.Alerts != 0)
        {
            invocation.Note($"{summary.Accepted} accepted, {summary.Refused} refused, {summary.Alerts} alerts, {summary.Repeated} known already");
        }
    });
}
