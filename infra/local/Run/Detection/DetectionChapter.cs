using System.Globalization;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run.Detection;

/// <summary>The part of a run that measures detection: a history with attacks goes through the app as it is deployed, and its alerts are held
/// against the truth.</summary>
public static class DetectionChapter
{
    private const int DevicesAKind = 1, Portion = 2_000, AheadMost = 10_000;
    private const double RecallLeast = 0.8, PrecisionLeast = 0.7;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs it. To be done before any device is registered: an event hub's time does not go back.</summary>
    /// <param name="cloud">With the Telemetry app started, the profiles of <see cref="Profiles.UploadUnlimited"/> in place, and hubs that retain
    /// at least <see cref="AttackHistory.Length"/>.</param>
    /// <param name="observer">Watches what comes out.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="suffix">End of every device id, for a fleet beside an earlier one.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Ends it early.</param>
    public static async Task<Chapter> Run(LocalCloud cloud, Observer observer, int seed, string suffix, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(wall);
        var cast = AttackScript.Plan(DevicesAKind, AttackHistory.Interval, $"attacked{suffix}-");
        var history = AttackHistory.Compose(cast, seed, cloud.Clock.GetUtcNow());
        var began = wall.GetTimestamp();
        // What is refused has an outcome too: without it the wait below would last as long as its patience.
        using var following = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var follow = observer.Follow(following.Token);
        for (var fed = 0; fed < history.Drafts.Count;)
        {
            // Not faster than the app takes it, so that nothing is retired before it is read.
            if (observer.Waiting < AheadMost)
            {
                for (var end = Math.Min(history.Drafts.Count, fed + Portion); fed < end; fed++) cloud.EventHubs.Append("telemetry", history.Drafts[fed]);
            }

            await Task.Delay(Look, wall, cancel).ConfigureAwait(false);
            if (follow.IsCompleted) await follow.ConfigureAwait(false);
        }

        await observer.Settle(history.Messages, Patience, cancel).ConfigureAwait(false);
        await following.CancelAsync().ConfigureAwait(false);
        await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var seen = await observer.Read(cancel).ConfigureAwait(false);
        foreach (var device in cast) cloud.IotHub.Delete(device.DeviceId); // nobody enrolled them: the audit would say so
        return Judge(history, seen, wall.GetElapsedTime(began));
    }

    /// <summary>Judges a history by what came out. Pure.</summary>
    /// <param name="history">The history.</param>
    /// <param name="seen">What came out.</param>
    /// <param name="took">Wall time it took.</param>
    public static Chapter Judge(AttackHistory history, Observation seen, TimeSpan took)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(seen);
        var cast = history.Cast.Select(device => device.DeviceId).ToHashSet(StringComparer.Ordinal);
        var score = DetectionScore.Of(history.Attacks, seen.Alerts.Where(alert => cast.Contains(alert.Device)), history.JudgedFrom, history.DeviceDays);
        return new Chapter(
            "detection",
            [string.Create(CultureInfo.InvariantCulture, $"{history.Cast.Count} devices lived {AttackHistory.Length.TotalDays:0.0} days in {took.TotalSeconds:0} s, {history.Messages} messages"), .. score.Lines()],
            [
                new Check($"attacks that no profile refuses are found: recall at least {RecallLeast:0.##}", score.Recall >= RecallLeast, string.Create(CultureInfo.InvariantCulture, $"{score.Recall:0.00}")),
                new Check($"alerts mean something: precision at least {PrecisionLeast:0.##}", score.Precision >= PrecisionLeast, string.Create(CultureInfo.InvariantCulture, $"{score.Precision:0.00}")),
            ]);
    }
}
