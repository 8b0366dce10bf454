using Serverless.Hosting;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle;

/// <summary>Timer edge of the sweep.</summary>
internal static class ExpireCredentials
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "ExpireCredentials";

    /// <summary>Maps the trigger. An outage of one device stays with it; one of the ledger fails the invocation, and the next tick goes on.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, invocation, services, cancel) =>
    {
        var report = await services.GetRequiredService<SweepRun>().Run(cancel).ConfigureAwait(false);
        invocation.Note($"{report.Ended} ended, {report.Looked} looked at, {report.Failed} failed, {report.Left} left");
    });
}
