using Serverless.Hosting;
using Serverless.Lifecycle.Audits;

namespace Serverless.Lifecycle;

/// <summary>Timer edge of the audit.</summary>
internal static class AuditFleet
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "AuditFleet";

    /// <summary>Maps the trigger. An outage fails the invocation; the next tick goes on where this one stopped.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, invocation, services, cancel) =>
    {
        var report = await services.GetRequiredService<AuditRun>().Run(cancel).ConfigureAwait(false);
        invocation.Note($"{report.Checked} checked, score {report.Score}, round {(report.RoundEnded ? "ended" : "goes on")}");
    });
}
