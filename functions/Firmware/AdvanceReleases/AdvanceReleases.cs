using Serverless.Firmware.Desk;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>Timer edge of long work: goes on with every release that nobody works on. Large images, and whatever a crash or an outage left.</summary>
internal static class AdvanceReleases
{
    /// <summary>Function name: the folder's.</summary>
    public const string Name = "AdvanceReleases";

    /// <summary>No new work is begun after this: functionTimeout in host.json is 10 minutes.</summary>
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(4);

    /// <summary>Maps the trigger.</summary>
    public static void Map(FunctionApp app) => app.Timer(Name, async (_, invocation, services, cancel) =>
    {
        var releases = services.GetRequiredService<IReleases>();
        var clock = services.GetRequiredService<TimeProvider>();
        var began = clock.GetTimestamp();
        foreach (var due in await releases.Due(clock.GetUtcNow(), cancel).ConfigureAwait(false))
        {
            if (clock.GetElapsedTime(began) > Budget) break;
            var done = await Advance(due, services, cancel).ConfigureAwait(false);
            invocation.Note($"{due.Record.Id.Text}: {done}");
        }
    });

    /// <summary>Works on one release. An outage with one is no reason to leave the others: it is tried again in a minute.</summary>
    internal static async Task<string> Advance(StoredRelease due, IServiceProvider services, CancellationToken cancel)
    {
        try
        {
            var progress = new Progress(due, services.GetRequiredService<IReleases>(), services.GetRequiredService<DeskSettings>(), services.GetRequiredService<TimeProvider>());
            await progress.Take(cancel).ConfigureAwait(false);
            var worked = progress.Stored.Record.State == ReleaseState.Checking
                ? await services.GetRequiredService<Checking>().Work(progress.Stored, cancel).ConfigureAwait(false)
                : await services.GetRequiredService<PublishWork>().Work(progress.Stored, cancel).ConfigureAwait(false);
            return worked.Record.State;
        }
        catch (TakenOverException)
        {
            return "another worker has it";
        }
        catch (Exception outage) when (outage is Azure.RequestFailedException or IOException or HttpRequestException)
        {
            Log.WorkFailed(services.GetRequiredService<ILogger<Checking>>(), outage, due.Record.Id.Text);
            return "an outage; later again";
        }
    }
}
