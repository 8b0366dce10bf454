using Serverless.Firmware.Desk;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>Timer edge of the online roles.</summary>
internal static class RefreshMetadata
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "RefreshMetadata";

    /// <summary>Maps the trigger. An outage fails the invocation; the next hour asks again.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, invocation, services, cancel) =>
        invocation.Note(await services.GetRequiredService<Refreshing>().Tick(cancel).ConfigureAwait(false)));
}
