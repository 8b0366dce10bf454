using System.Globalization;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Processes;
using Serverless.Local.Run.Crash;

namespace Serverless.Local.Run.Upgrade;

/// <summary>The upgrade run: the Telemetry app is replaced while events flow, and afterwards every event must have one outcome.</summary>
/// <remarks>Three replacements: an upgrade with overlap (new instances start before the old ones are stopped, as the platform does it), a
/// rollback with overlap, and an upgrade where nobody runs in between; then, where <see cref="UpgradeOptions.Further"/> is given, an
/// upgrade to a version with a larger state, a rollback to one that cannot read it, and the way forward again
/// (<see cref="StateRollback"/>). Old instances are stopped without a word, in the middle of
/// whatever they do: the platform has no drain message for custom handlers. <c>Telemetry__TakeoverWait</c> is short, as in
/// <see cref="CrashRun"/>.</remarks>
public static class UpgradeRun
{
    private const int Partitions = 2; // one for each version while two run
    private const int Portions = 32;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    /// <summary>Runs it.</summary>
    /// <param name="options">How large.</param>
    /// <param name="say">Told the progress, a line at a time.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Ends it early; everything is stopped all the same.</param>
    /// <exception cref="LocalCloudException">The cloud could not start or died.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="UpgradeOptions.TimeMax"/>.</exception>
    public static async Task<UpgradeReport> Run(UpgradeOptions options, Action<string> say, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(say);
        ArgumentNullException.ThrowIfNull(wall);
        var began = wall.GetTimestamp();
        void Tell(string line) => say(string.Create(CultureInfo.InvariantCulture, $"{wall.GetElapsedTime(began).TotalSeconds,6:0.0} s  {line}"));
        using var limit = new CancellationTokenSource(options.TimeMax, wall);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        using var versions = new AppVersions(new LocalCloudOptions().Apps, options.Further);
        var watch = new StateWatch();
        var hubs = new EventHubsOptions();
        var cloud = await LocalCloud.Start(
            new LocalCloudOptions
            {
                // Everything that flows is read back at the end, so nothing may be retired meanwhile.
                EventHubs = hubs with
                {
                    Hubs = [.. hubs.Hubs.Select(hub => hub.Name == "telemetry" ? hub with { Partitions = Partitions } : hub)],
                    PartitionBytesMax = 1L << 30,
                },
                Apps = versions.Folder,
                Step = Tell,
                Log = watch,
            },
            wall,
            stop.Token).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            try
            {
                return await Perform(cloud, options, versions, watch, Tell, wall, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw new TimeoutException($"the upgrade run was not done after {options.TimeMax:c}");
            }
        }
    }

    private static async Task<UpgradeReport> Perform(LocalCloud cloud, UpgradeOptions options, AppVersions versions, StateWatch watch, Action<string> tell, TimeProvider wall, CancellationToken cancel)
    {
        await Profiles.UploadUnlimited(cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles"), 0, cancel).ConfigureAwait(false);
        var crash = new CrashOptions(options.Events, 0, options.Seed);
        var plan = DeviceScript.Plan(crash.Devices, RunOptions.Interval).Select(script => script with { Wrong = Misbehaviour.None }).ToList();
        Register(cloud, plan);
        var stream = CrashStream.Compose(crash, plan, device => cloud.IotHub.Find(device)!.GenerationId, cloud.Clock.GetUtcNow());
        var observer = await Observer.Start(
            cloud.EventHubsAs(LocalTenant.Ops), cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("rejected"), wall, cancel).ConfigureAwait(false);
        await using (observer.ConfigureAwait(false))
        {
            using var following = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var follow = observer.Follow(following.Token);
            var feeder = new Feeder(cloud.EventHubs, stream.Drafts, options.Events / Portions + 1, wall);
            var feeding = feeder.Run(following.Token);
            var began = wall.GetTimestamp();
            var stage = new Stage(cloud, versions, feeder, tell, wall, cancel);
            var replacing = ReplaceAll(stage, options.Further is null ? null : watch);
            if (await Task.WhenAny(replacing, follow).ConfigureAwait(false) == follow) await follow.ConfigureAwait(false);
            var rollback = await replacing.ConfigureAwait(false);
            feeder.Rest();
            await feeding.ConfigureAwait(false);
            tell($"all {feeder.Fed} events are in; waiting for their outcomes");
            await observer.Settle(options.Events, Patience, cancel).ConfigureAwait(false);
            var wallTime = wall.GetElapsedTime(began);
            await following.CancelAsync().ConfigureAwait(false);
            await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var seen = await observer.Read(cancel).ConfigureAwait(false);
            return new UpgradeReport(stage.Stretches, seen, [.. Checks.Of(stream.Cast, stream.Sent, seen), .. rollback], wallTime) { UnusedRights = cloud.Tenant.Unused(["telemetry"]) };
        }
    }

    private static async Task<IReadOnlyList<Check>> ReplaceAll(Stage stage, StateWatch? watch)
    {
        var old = await stage.Begin(AppVersion.Old, "the old version").ConfigureAwait(false);
        await stage.Works(old).ConfigureAwait(false);

        stage.Tell("upgrade: the new version starts beside the old one, then the old one is stopped");
        var next = await stage.Replace(old, AppVersion.New, "the new version, beside the old one and then alone").ConfigureAwait(false);

        stage.Tell("rollback: the old version starts beside the new one, then the new one is stopped");
        var back = await stage.Replace(next, AppVersion.Old, "the old version again, beside the new one and then alone").ConfigureAwait(false);

        stage.Tell("upgrade with a pause: the old version is stopped, then the new one starts");
        stage.Feed();
        await back.Stop().ConfigureAwait(false);
        var last = await stage.Begin(AppVersion.New, "the new version, after nobody").ConfigureAwait(false);
        await stage.Works(last).ConfigureAwait(false);
        return watch is null ? [] : await StateRollback.Play(stage, last, watch, Partitions).ConfigureAwait(false);
    }

    private static void Register(LocalCloud cloud, IEnumerable<DeviceScript> plan)
    {
        var created = cloud.IotHub.Create(plan.Select(device => new DeviceSpec(
            device.DeviceId,
            DeviceCredentials.CertificateAuthority,
            Tags: new JsonObject { ["model"] = device.Model, ["profile"] = $"{device.Model}@2" })));
        if (!created.TryGet(out _, out var fault)) throw new InvalidOperationException($"registering the fleet was refused: {fault}");
    }
}
