using Azure.Storage.Blobs;
using Serverless.Local.Identity;

namespace Serverless.Local.Run.Upgrade;

/// <summary>A rollback that is none: the version that comes back cannot read what the one before it wrote. Each partition that it takes has to
/// stand still with a message that names it, nothing may be reset or lost, and the newer version has to go on where it was.</summary>
internal static class StateRollback
{
    // A commit of refused events alone may change no device; three in a row of such do not happen with a poison event in a hundred.
    private const int CommitsEnough = 3;
    private const int TriesEnough = 2;

    /// <summary>Plays it.</summary>
    /// <param name="stage">Where.</param>
    /// <param name="running">The version that runs now.</param>
    /// <param name="watch">Reads the app's log.</param>
    /// <param name="partitions">Partitions of hub <c>telemetry</c>.</param>
    public static async Task<IReadOnlyList<Check>> Play(Stage stage, Running running, StateWatch watch, int partitions)
    {
        var state = stage.Cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("telemetry-state");
        stage.Tell("upgrade to a version with a larger state, until that is in every partition's log");
        var further = await stage.Replace(running, AppVersion.Further, "a version with a larger state, beside the one before and then alone").ConfigureAwait(false);
        watch.Forget();
        await stage.Until(() => AllHave(watch.Commits.Values, CommitsEnough, partitions)).ConfigureAwait(false);

        stage.Tell("rollback to the version that cannot read it: its partition stands still, the other one flows");
        var back = await stage.Begin(AppVersion.Old, "the version that cannot read that state, at first beside the one that wrote it", blocked: true).ConfigureAwait(false);
        await stage.Until(() => watch.Refusals.Count > 0).ConfigureAwait(false);
        await stage.Works(further).ConfigureAwait(false); // or the run is out of time: one partition's state is no other partition's affair

        stage.Tell("the newer version is stopped: every partition stands still");
        await further.Stop().ConfigureAwait(false);
        await stage.Until(() => AllHave(watch.Refusals.Values.Select(one => one.Times), TriesEnough, partitions)).ConfigureAwait(false);
        var before = await Lengths(state, stage.Cancel).ConfigureAwait(false);
        var tries = watch.Refusals.Values.Sum(one => one.Times);
        stage.Feed();
        await stage.Until(() => watch.Refusals.Values.Sum(one => one.Times) > tries).ConfigureAwait(false);
        var after = await Lengths(state, stage.Cancel).ConfigureAwait(false);

        stage.Tell("roll forward: the newer version starts beside the one that stands still, then that one is stopped");
        await stage.Replace(back, AppVersion.Further, "the version with the larger state again, beside the one that stands still and then alone").ConfigureAwait(false);
        var said = watch.Refusals.Values.Select(one => one.Why).ToList();
        return
        [
            new Check("the message names the partition and says what to deploy", said.All(why => why.EndsWith("deploy the version that wrote it or a newer one", StringComparison.Ordinal)), said[0]),
            new Check("a version that cannot read the state changes nothing of it", before.SequenceEqual(after), $"{before.Count} blobs, {before.Sum(blob => blob.Length)} bytes, before and after"),
        ];
    }

    private static bool AllHave(IEnumerable<int> counts, int enough, int partitions) => counts.Count(count => count >= enough) == partitions;

    private static async Task<IReadOnlyList<(string Name, long Length)>> Lengths(BlobContainerClient container, CancellationToken cancel)
    {
        var all = new List<(string, long)>();
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: cancel).ConfigureAwait(false)) all.Add((blob.Name, blob.Properties.ContentLength ?? -1));
        return all;
    }
}
