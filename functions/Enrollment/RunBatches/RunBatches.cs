using Serverless.Hosting;

namespace Serverless.Enrollment.RunBatches;

/// <summary>Timer, every ten seconds: works on batches. The platform runs one at a time, whatever the number of instances.</summary>
internal static class RunBatches
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "RunBatches";

    // Long enough that little of a batch's time is spent between two ticks, short against the host's ten minutes for a function.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(55);

    /// <summary>Maps the trigger.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, _, services, cancel) =>
        await services.GetRequiredService<BatchRunner>().Run(Time, cancel).ConfigureAwait(false));
}
