using System.Globalization;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Processes;

namespace Serverless.Local.Run.Crash;

/// <summary>The crash run: events flow through the local cloud while the Telemetry app's process is killed again and again, at its
/// commit points and at random; afterwards every event must be accounted for exactly once.</summary>
/// <remarks>The app runs as deployed, but for three things that cost time and prove nothing: <c>Telemetry__TakeoverWait</c> is short,
/// the longest wait between two retries of a batch is 2 s instead of a minute, and the host does not give up after three
/// deaths.</remarks>
public static class CrashRun
{
    private const int TriesPerOrder = 3;
    private const int PortionsBehindMax = 2;
    private static readonly TimeSpan CatchUpMax = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan PointWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReadyWait = TimeSpan.FromSeconds(60);

    /// <summary>Runs it.</summary>
    /// <param name="options">How large.</param>
    /// <param name="say">Told the progress, a line at a time.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Ends it early; everything is stopped all the same.</param>
    /// <exception cref="LocalCloudException">The cloud could not start or died.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="CrashOptions.TimeMax"/>.</exception>
    public static async Task<CrashReport> Run(CrashOptions options, Action<string> say, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(say);
        ArgumentNullException.ThrowIfNull(wall);
        var began = wall.GetTimestamp();
        void Tell(string line) => say(string.Create(CultureInfo.InvariantCulture, $"{wall.GetElapsedTime(began).TotalSeconds,6:0.0} s  {line}"));
        using var limit = new CancellationTokenSource(options.TimeMax, wall);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var executioner = new Executioner();
        using var apps = new PatientApps(new LocalCloudOptions().Apps);
        var cloud = await LocalCloud.Start(CloudOf(options, apps, executioner, Tell), wall, stop.Token).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            var running = Perform(cloud, options, executioner, Tell, wall, stop.Token);
            try
            {
                var died = cloud.Died();
                if (await Task.WhenAny(running, died).ConfigureAwait(false) == died) throw await died.ConfigureAwait(false);
                return await running.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw new TimeoutException($"the crash run was not done after {options.TimeMax:c}; the host said last: {string.Join(" | ", executioner.Errors.TakeLast(3))}");
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static LocalCloudOptions CloudOf(CrashOptions options, PatientApps apps, Executioner executioner, Action<string> tell)
    {
        var hubs = new EventHubsOptions();
        return new LocalCloudOptions
        {
            // Everything that flows is read back and counted at the end, so nothing may be retired meanwhile.
            EventHubs = hubs with
            {
                Hubs = [.. hubs.Hubs.Select(hub => hub.Name == "telemetry" ? hub with { Partitions = CrashOptions.Partitions } : hub)],
                PartitionBytesMax = 1L << 30,
            },
            Apps = apps.Folder,
            HandlerDeathsMax = int.MaxValue,
            Log = executioner,
            Step = tell,
        };
    }

    private static async Task<CrashReport> Perform(LocalCloud cloud, CrashOptions options, Executioner executioner, Action<string> tell, TimeProvider wall, CancellationToken cancel)
    {
        var profiles = cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles");
        await Profiles.UploadUnlimited(profiles, 0, cancel).ConfigureAwait(false);
        var plan = DeviceScript.Plan(options.Devices, RunOptions.Interval).Select(script => script with { Wrong = Misbehaviour.None }).ToList();
        Register(cloud, plan);
        tell($"composing {options.Events} events of {plan.Count} devices");
        var stream = CrashStream.Compose(options, plan, device => cloud.IotHub.Find(device)!.GenerationId, cloud.Clock.GetUtcNow());
        var observer = await Observer.Start(
            cloud.EventHubsAs(LocalTenant.Ops), cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("rejected"), wall, cancel).ConfigureAwait(false);
        await using (observer.ConfigureAwait(false))
        {
            var settings = new Dictionary<string, string>
            {
                ["Telemetry__TakeoverWait"] = CrashOptions.TakeoverWait.ToString("c"),
                ["Telemetry__ProfilePollInterval"] = "00:00:01",
                ["Telemetry__PositionInterval"] = "00:00:01",
                ["Telemetry__LogCommitPoints"] = "true",
            };
            await cloud.StartApp("telemetry", settings, cancel).ConfigureAwait(false);
            using var following = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var follow = observer.Follow(following.Token);
            var began = wall.GetTimestamp();
            var feeder = new Feeder(cloud.EventHubs, stream.Drafts, options.Events / (options.Kills + 1) + 1, wall);
            var feeding = feeder.Run(following.Token);
            var killing = KillAll(options, executioner, feeder, observer, revision => Profiles.UploadUnlimited(profiles, revision, cancel), tell, wall, cancel);
            if (await Task.WhenAny(killing, follow).ConfigureAwait(false) == follow) await follow.ConfigureAwait(false);
            await killing.ConfigureAwait(false);
            feeder.Rest();
            await feeding.ConfigureAwait(false);
            tell($"all {feeder.Fed} events are in; waiting for their outcomes");
            await observer.Settle(options.Events, Patience, cancel).ConfigureAwait(false);
            var wallTime = wall.GetElapsedTime(began);
            await following.CancelAsync().ConfigureAwait(false);
            await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var seen = await observer.Read(cancel).ConfigureAwait(false);
            var checks = CrashChecks.Of(options, stream, seen, executioner.Kills, executioner.Passed);
            return new CrashReport(options, wallTime, executioner.Kills, executioner.Passed, seen, checks, executioner.Errors);
        }
    }

    private static async Task KillAll(
        CrashOptions options, Executioner executioner, Feeder feeder, Observer observer, Func<int, Task> revise, Action<string> tell, TimeProvider wall, CancellationToken cancel)
    {
        var orders = new Queue<(KillOrder Order, int Tries)>(KillOrder.Plan(options).Select(order => (order, 1)));
        for (var life = 1; orders.TryDequeue(out var next); life++)
        {
            var (order, tries) = next;
            await executioner.Ready.WaitAsync(ReadyWait, wall, cancel).ConfigureAwait(false);
            if (order.Point is not ("claimed" or "read-back")) await CatchUp(executioner, observer, feeder, wall, cancel).ConfigureAwait(false);
            if (order.Point == "pinned" && life > 1) await revise(life).ConfigureAwait(false); // pins come with new profiles only
            feeder.Next();
            await Once(order, executioner, wall, cancel).ConfigureAwait(false);
            var kill = executioner.Kills[^1];
            tell($"kill {executioner.Kills.Count} at {kill.Point ?? "a random moment"}: {feeder.Fed} events in, {observer.Accepted} validated, {observer.RefusedByFault.Values.Sum()} rejected, {observer.Alerts} alerts");
            if (order.Point is not null && kill.Point != order.Point && tries < TriesPerOrder) orders.Enqueue((order with { Skip = 0 }, tries + 1));
        }

        await executioner.Ready.WaitAsync(ReadyWait, wall, cancel).ConfigureAwait(false);
    }

    // Kills are spread over the stream: a handler that fell far behind may catch up before the next one, so that what is killed is
    // not always the first batch after a takeover. Bounded: falling behind is no reason to stop killing.
    private static async Task CatchUp(Executioner executioner, Observer observer, Feeder feeder, TimeProvider wall, CancellationToken cancel)
    {
        var began = wall.GetTimestamp();
        if (observer.Waiting < PortionsBehindMax * feeder.Portion) return;
        while (observer.Waiting > feeder.Portion && wall.GetElapsedTime(began) < CatchUpMax)
        {
            await executioner.Ready.WaitAsync(ReadyWait, wall, cancel).ConfigureAwait(false); // a compaction may have been killed
            await Task.Delay(Look, wall, cancel).ConfigureAwait(false);
        }
    }

    private static async Task Once(KillOrder order, Executioner executioner, TimeProvider wall, CancellationToken cancel)
    {
        var done = executioner.Await(order);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // A point that does not come becomes a random moment: the run goes on, and the point is waited for again later.
        var time = Task.Delay(order.Point is null ? order.After : PointWait, wall, waiting.Token);
        if (await Task.WhenAny(done, time).ConfigureAwait(false) == time)
        {
            await time.ConfigureAwait(false);
            executioner.Now(); // or a compaction was killed meanwhile: as good a moment
            return;
        }

        await waiting.CancelAsync().ConfigureAwait(false);
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
