using Serverless.Devices;
using Serverless.Hosting;

namespace Serverless.Enrollment.SettleLedger;

/// <summary>Timer, once a minute: moves waiting audit entries into the trail and clears what crashed writers left.</summary>
internal static class SettleLedger
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "SettleLedger";

    /// <summary>Maps the trigger.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, _, services, cancel) =>
    {
        var count = await services.GetRequiredService<IDeviceLedger>().Settle(cancel).ConfigureAwait(false);
        if (count > 0) Log.LedgerSettled(services.GetRequiredService<ILogger<IDeviceLedger>>(), count);
    });
}
