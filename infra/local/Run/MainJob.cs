using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Run.Detection;
using Serverless.Local.Run.Enrollment;
using Serverless.Local.Run.Firmware;
using Serverless.Local.Run.Lifecycle;

namespace Serverless.Local.Run;

/// <summary>The main job: the whole pipeline on the local cloud, fed by a simulated fleet, judged by what came out.</summary>
public static class MainJob
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Runs it.</summary>
    /// <param name="options">What was asked.</param>
    /// <param name="view">Who tells it.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Ends it early; everything is stopped all the same.</param>
    /// <returns>Exit code: 0 if every check held, 1 if one did not.</returns>
    /// <exception cref="LocalCloudException">The cloud could not start or died; the message is for a person.</exception>
    public static async Task<int> Run(RunOptions options, IRunView view, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(view);
        var events = new HandlerEvents(3001, 3002); // the Enrollment app's: admitted, refused
        var cloud = await LocalCloud.Start(CloudOf(options, events, view), wall, cancel).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var died = Watchdog(cloud, stop);
            try
            {
                var report = await Perform(cloud, events, options, view, wall, stop.Token).ConfigureAwait(false);
                report = report with { UnusedRights = cloud.Tenant.Unused(cloud.Apps.Keys) };
                view.Show(report);
                if (options.Json is { } path) report.WriteJson(path);
                if (options.Keep) await StayUp(cloud, view, stop.Token).ConfigureAwait(false);
                return report.Passed ? 0 : 1;
            }
            catch (OperationCanceledException) when (died.IsCompletedSuccessfully)
            {
                throw await died.ConfigureAwait(false);
            }
        }
    }

    private static LocalCloudOptions CloudOf(RunOptions options, HandlerEvents events, IRunView view)
    {
        var hubs = new EventHubsOptions();
        return new LocalCloudOptions
        {
            Speed = options.Speed,
            Data = options.Data,
            Step = view.Step,
            Log = events,
            // The attacked devices' history is older than the Basic tier keeps anything.
            EventHubs = hubs with { RetentionAge = AttackHistory.Length + TimeSpan.FromDays(2), PartitionBytesMax = 4 * hubs.PartitionBytesMax },
        };
    }

    private static async Task<LocalCloudException> Watchdog(LocalCloud cloud, CancellationTokenSource stop)
    {
        var death = await cloud.Died().ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        return death;
    }

    private static async Task<Report> Perform(LocalCloud cloud, HandlerEvents events, RunOptions options, IRunView view, TimeProvider wall, CancellationToken cancel)
    {
        view.Step("publishing profiles");
        await Profiles.Upload(cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles"), cancel).ConfigureAwait(false);
        await cloud.StartApp("telemetry", null, cancel).ConfigureAwait(false);
        await cloud.StartApp("enrollment", null, cancel).ConfigureAwait(false);
        await cloud.StartApp("lifecycle", LifecycleChapter.Settings, cancel).ConfigureAwait(false);
        // Storage that was kept remembers the devices of earlier runs: these are others.
        var suffix = options.Data is null ? "" : wall.GetUtcNow().ToString("-yyyyMMddHHmmss", System.Globalization.CultureInfo.InvariantCulture);
        var observer = await Observer.Start(
            cloud.EventHubsAs(LocalTenant.Ops), cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("rejected"), wall, cancel).ConfigureAwait(false);
        await using (observer.ConfigureAwait(false))
        {
            view.Step($"letting attacked devices live {AttackHistory.Length.TotalDays:0.0} days before the run, and judging what was noticed");
            await Profiles.UploadUnlimited(cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles"), 0, cancel).ConfigureAwait(false);
            var detection = await DetectionChapter.Run(cloud, observer, options.Seed, suffix, wall, cancel).ConfigureAwait(false);
            observer.Forget();
            var plan = DeviceScript.Plan(options.Devices, RunOptions.Interval, suffix);
            view.Step($"enrolling {plan.Count} devices, {plan.Count(device => device.Wrong != Misbehaviour.None)} of which will misbehave");
            using var enrollment = await FleetEnrollment.Enrol(cloud, plan, suffix, wall, cancel).ConfigureAwait(false);
            view.Step("registering each with DPS, which asks our webhook for its hub");
            var hubs = await enrollment.Register(cancel).ConfigureAwait(false);
            var retirement = await LifecycleChapter.Prepare(cloud, enrollment, suffix, options.Speed, wall, cancel).ConfigureAwait(false);
            await using var retiring = retirement.ConfigureAwait(false);
            var devices = enrollment.Devices.Select((device, index) => new SimulatedDevice(device.Script, device.Leaf, hubs[index], wall)).ToList();
            var fleet = new SimulatedFleet(devices, cloud.Clock, wall);
            await using (fleet.ConfigureAwait(false))
            {
                var chapter = new EnrollmentChapter(cloud, enrollment, events);
                var stories = new List<Func<CancellationToken, Task<Chapter>>>
                {
                    stop => chapter.Play(devices, stop),
                    stop => FirmwareChapter.Play(cloud, _ => { }, wall, stop),
                    retirement.Play,
                };
                return await Live(cloud, options, view, wall, new Cast(plan, fleet, observer, stories), detection, cancel).ConfigureAwait(false);
            }
        }
    }

    private static async Task<Report> Live(LocalCloud cloud, RunOptions options, IRunView view, TimeProvider wall, Cast cast, Chapter detection, CancellationToken cancel)
    {
        view.Step("connecting devices over MQTT with TLS, each with its own certificate");
        await cast.Fleet.Connect(cancel).ConfigureAwait(false);
        view.Step($"devices live {options.DeviceTime} of their time in {options.For.TotalSeconds:0} s");
        var began = wall.GetTimestamp();
        using var following = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var follow = cast.Observer.Follow(following.Token);
        var living = cast.Fleet.Live(options.Seed, cloud.Clock.GetUtcNow(), options.DeviceTime, following.Token);
        var stories = cast.Stories.Select(play => play(following.Token)).ToList();
        Status Read() => new(
            wall.GetElapsedTime(began), cloud.Clock.GetUtcNow(), cast.Fleet.Connected, cast.Plan.Count, cast.Fleet.SentTotal,
            cast.Observer.Accepted, cast.Observer.RefusedByFault, cast.Observer.Alerts, cast.Observer.Waiting);
        var lived = TimeSpan.Zero;
        await view.Watch(Read, LiveAndSettle()).ConfigureAwait(false);
        view.Step("checking what came out");
        var seen = await cast.Observer.Read(cancel).ConfigureAwait(false);
        return new Report(options, lived, cast.Plan, cast.Fleet.SentBy, seen, Checks.Of(cast.Plan, cast.Fleet.SentBy, seen), [detection, .. await Task.WhenAll(stories).ConfigureAwait(false)]);

        async Task LiveAndSettle()
        {
            if (await Task.WhenAny(living, follow).ConfigureAwait(false) == follow) await follow.ConfigureAwait(false);
            await living.ConfigureAwait(false);
            await Task.WhenAll(stories).ConfigureAwait(false);
            lived = wall.GetElapsedTime(began);
            var settled = cast.Observer.Settle(cast.Fleet.SentTotal, Patience, cancel);
            if (await Task.WhenAny(settled, follow).ConfigureAwait(false) == follow) await follow.ConfigureAwait(false);
            await settled.ConfigureAwait(false);
            await following.CancelAsync().ConfigureAwait(false);
            await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task StayUp(LocalCloud cloud, IRunView view, CancellationToken cancel)
    {
        foreach (var line in Endpoints.Describe(cloud)) view.Say(line);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private sealed record Cast(IReadOnlyList<DeviceScript> Plan, SimulatedFleet Fleet, Observer Observer, IReadOnlyList<Func<CancellationToken, Task<Chapter>>> Stories);
}
