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
/// rollback with overlap, and an upgrade where nobody runs in between. Old instances are stopped without a word, in the middle of
/// whatever they do: the platform has no drain message for custom handlers. <c>Telemetry__TakeoverWait</c> is short, as in
/// <see cref="CrashRun"/>.</remarks>
public static class UpgradeRun
{
    private const int Partitions = 2; // one for each version while two run
    private const int Portions = 16;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
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
        using var versions = new AppVersions(new LocalCloudOptions().Apps);
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
            },
            wall,
            stop.Token).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            try
            {
                return await Perform(cloud, options, versions, Tell, wall, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw new TimeoutException($"the upgrade run was not done after {options.TimeMax:c}");
            }
        }
    }

    private static async Task<UpgradeReport> Perform(LocalCloud cloud, UpgradeOptions options, AppVersions versions, Action<string> tell, TimeProvider wall, CancellationToken cancel)
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
            var replacing = ReplaceAll(cloud, versions, feeder, tell, wall, cancel);
            if (await Task.WhenAny(replacing, follow).ConfigureAwait(false) == follow) await follow.ConfigureAwait(false);
            var stretches = await replacing.ConfigureAwait(false);
            feeder.Rest();
            await feeding.ConfigureAwait(false);
            tell($"all {feeder.Fed} events are in; waiting for their outcomes");
            await observer.Settle(options.Events, Patience, cancel).ConfigureAwait(false);
            var wallTime = wall.GetElapsedTime(began);
            await following.CancelAsync().ConfigureAwait(false);
            await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var seen = await observer.Read(cancel).ConfigureAwait(false);
            return new UpgradeReport([.. stretches.Select(one => one.Read())], seen, Checks.Of(stream.Cast, stream.Sent, seen), wallTime);
        }
    }

    private static async Task<IReadOnlyList<Running>> ReplaceAll(
        LocalCloud cloud, AppVersions versions, Feeder feeder, Action<string> tell, TimeProvider wall, CancellationToken cancel)
    {
        var all = new List<Running>();
        async Task<Running> Begin(string what)
        {
            var settings = new Dictionary<string, string>
            {
                ["Telemetry__TakeoverWait"] = CrashOptions.TakeoverWait.ToString("c"),
                ["Telemetry__PositionInterval"] = "00:00:01",
            };
            var running = new Running(what, await cloud.StartApp("telemetry", settings, cancel).ConfigureAwait(false));
            all.Add(running);
            return running;
        }

        // As long as it takes, not as long as a clock says; events keep coming meanwhile.
        async Task Works(Running running)
        {
            var before = running.Events;
            feeder.Next();
            for (var turn = 0; running.Events == before; turn++)
            {
                if (turn % 40 == 39) feeder.Next(); // all of the last portion may lie in the other version's partition
                await Task.Delay(Look, wall, cancel).ConfigureAwait(false);
            }
        }

        var old = await Begin("the old version").ConfigureAwait(false);
        await Works(old).ConfigureAwait(false);

        tell("upgrade: the new version starts beside the old one, then the old one is stopped");
        versions.Place(AppVersion.New);
        var next = await Begin("the new version, beside the old one and then alone").ConfigureAwait(false);
        await Works(next).ConfigureAwait(false);
        feeder.Next();
        await old.Stop().ConfigureAwait(false);
        await Works(next).ConfigureAwait(false);

        tell("rollback: the old version starts beside the new one, then the new one is stopped");
        versions.Place(AppVersion.Old);
        var back = await Begin("the old version again, beside the new one and then alone").ConfigureAwait(false);
        await Works(back).ConfigureAwait(false);
        feeder.Next();
        await next.Stop().ConfigureAwait(false);
        await Works(back).ConfigureAwait(false);

        tell("upgrade with a pause: the old version is stopped, then the new one starts");
        feeder.Next();
        await back.Stop().ConfigureAwait(false);
        versions.Place(AppVersion.New);
        var last = await Begin("the new version, after nobody").ConfigureAwait(false);
        await Works(last).ConfigureAwait(false);
        return all;
    }

    private static void Register(LocalCloud cloud, IEnumerable<DeviceScript> plan)
    {
        var created = cloud.IotHub.Create(plan.Select(device => new DeviceSpec(
            device.DeviceId,
            DeviceCredentials.CertificateAuthority,
            Tags: new JsonObject { ["model"] = device.Model, ["profile"] = $"{device.Model}@2" })));
        if (!created.TryGet(out _, out var fault)) throw new InvalidOperationException($"registering the fleet was refused: {fault}");
    }

    private sealed class Running(string what, FunctionsHost.FunctionsHost host)
    {
        public long Events => host.Figures.Sum(function => function.Events);

        public Stretch Read() => new(what, Events);

        public async Task Stop() => await host.DisposeAsync().ConfigureAwait(false);
    }
}
