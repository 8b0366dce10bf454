using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Serverless.Local;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Run;

namespace Serverless.Benchmarks;

/// <summary>Events through the whole local pipeline: devices, IoT Hub, Event Hubs, Functions host, Telemetry app, hub validated.</summary>
/// <remarks>Two passes over the same number of events tell where the time goes. <c>devices</c>: over MQTT with TLS and QoS 1, as devices
/// send. <c>function</c>: the events already stand in hub telemetry when the app starts, so that nothing but host, function and
/// publishing is left. The limit beside them in the same run is the broker alone: appending, and one reader reading back.</remarks>
internal static class PipelineBenchmark
{
    private const int Devices = 50;

    public static async Task<int> Run(string[] args)
    {
        var events = args is ["--events", var number] ? int.Parse(number, CultureInfo.InvariantCulture) : 20_000;
        var wall = TimeProvider.System;
        var (devicesRate, devicesLost, sendRate) = await OverDevices(events, wall).ConfigureAwait(false);
        var (functionRate, functionLost, appendRate, readRate) = await FunctionAlone(events, wall).ConfigureAwait(false);
        Figure.Print("pipeline.events-lost", devicesLost + functionLost, "events", "<=", 0);
        Figure.Print("pipeline.devices-end-to-end", devicesRate, "events/s");
        Figure.Print("pipeline.devices-send", sendRate, "events/s");
        Figure.Print("pipeline.function-alone", functionRate, "events/s");
        Figure.Print("pipeline.broker-append", appendRate, "events/s");
        Figure.Print("pipeline.broker-read", readRate, "events/s");
        Figure.Print("pipeline.function-of-broker-read", functionRate / readRate, "ratio");
        var bottleneck = devicesRate < functionRate * 0.8 ? "the devices' MQTT connections (TLS, QoS 1, one message in flight each)" : "the Functions host and the function";
        Console.WriteLine($"bottleneck with {Devices} devices on {Environment.ProcessorCount} cores: {bottleneck}");
        return devicesLost + functionLost == 0 ? 0 : 1;
    }

    private static async Task<(double EndToEnd, long Lost, double Send)> OverDevices(int events, TimeProvider wall)
    {
        var cloud = await Start(wall).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            await cloud.StartApp("telemetry", null, CancellationToken.None).ConfigureAwait(false);
            var observer = await Watch(cloud, wall).ConfigureAwait(false);
            await using (observer.ConfigureAwait(false))
            {
                var plan = Plan();
                Register(cloud, plan);
                var hub = new HubAddress(cloud.IotHub.HostName, cloud.IotHub.MqttPort, cloud.Authority.Certificate);
                var devices = plan.Select(script => new SimulatedDevice(script, cloud.Authority.IssueDevice(script.DeviceId), hub, wall)).ToList();
                var fleet = new SimulatedFleet(devices, cloud.Clock, wall);
                await using (fleet.ConfigureAwait(false))
                {
                    await fleet.Connect(CancellationToken.None).ConfigureAwait(false);
                    var began = Stopwatch.GetTimestamp();
                    // Every message is due already, so that no device ever waits but for its acknowledgement.
                    var length = RunOptions.Interval * ((double)events / Devices);
                    await fleet.Live(1, cloud.Clock.GetUtcNow() - length, length, CancellationToken.None).ConfigureAwait(false);
                    var sent = Stopwatch.GetElapsedTime(began);
                    await Finish(observer, fleet.SentTotal).ConfigureAwait(false);
                    var all = Stopwatch.GetElapsedTime(began);
                    return (fleet.SentTotal / all.TotalSeconds, fleet.SentTotal - observer.Accepted, fleet.SentTotal / sent.TotalSeconds);
                }
            }
        }
    }

    private static async Task<(double Rate, long Lost, double Append, double Read)> FunctionAlone(int events, TimeProvider wall)
    {
        var cloud = await Start(wall).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            var plan = Plan();
            Register(cloud, plan);
            var drafts = plan.SelectMany(script => Drafts(cloud, script, events / Devices)).OrderBy(one => one.At).Select(one => one.Draft).ToList();
            var appending = Stopwatch.GetTimestamp();
            foreach (var draft in drafts) cloud.EventHubs.Append("telemetry", draft);
            var append = drafts.Count / Stopwatch.GetElapsedTime(appending).TotalSeconds;

            var reading = Stopwatch.GetTimestamp();
            var read = 0L;
            var reader = await HubObserver.Start(cloud.EventHubsAs(LocalTenant.Ops), "telemetry", (_, _) => Interlocked.Increment(ref read), CancellationToken.None).ConfigureAwait(false);
            while (Interlocked.Read(ref read) < drafts.Count) await Task.Delay(5).ConfigureAwait(false);
            var readRate = drafts.Count / Stopwatch.GetElapsedTime(reading).TotalSeconds;
            await reader.DisposeAsync().ConfigureAwait(false);

            var observer = await Watch(cloud, wall).ConfigureAwait(false);
            await using (observer.ConfigureAwait(false))
            {
                var began = Stopwatch.GetTimestamp();
                await cloud.StartApp("telemetry", null, CancellationToken.None).ConfigureAwait(false);
                await Finish(observer, drafts.Count).ConfigureAwait(false);
                return (drafts.Count / Stopwatch.GetElapsedTime(began).TotalSeconds, drafts.Count - observer.Accepted, append, readRate);
            }
        }
    }

    private static async Task<LocalCloud> Start(TimeProvider wall)
    {
        var cloud = await LocalCloud.Start(new LocalCloudOptions(), wall, CancellationToken.None).ConfigureAwait(false);
        await Profiles.UploadUnlimited(cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles"), 1, CancellationToken.None).ConfigureAwait(false);
        return cloud;
    }

    private static Task<Observer> Watch(LocalCloud cloud, TimeProvider wall) =>
        Observer.Start(cloud.EventHubsAs(LocalTenant.Ops), cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("rejected"), wall, CancellationToken.None);

    // Polled at 5 ms, so that the rate is not rounded to the observer's own looks.
    private static async Task Finish(Observer observer, long expected)
    {
        var (last, moved) = (0L, Stopwatch.GetTimestamp());
        while (observer.Accepted < expected && Stopwatch.GetElapsedTime(moved) < TimeSpan.FromSeconds(30))
        {
            await Task.Delay(5).ConfigureAwait(false);
            if (observer.Accepted != last) (last, moved) = (observer.Accepted, Stopwatch.GetTimestamp());
        }
    }

    private static List<DeviceScript> Plan() => [.. DeviceScript.Plan(Devices, RunOptions.Interval).Select(device => device with { Wrong = Misbehaviour.None })];

    private static void Register(LocalCloud cloud, IEnumerable<DeviceScript> plan)
    {
        var specs = plan.Select(device => new DeviceSpec(
            device.DeviceId, DeviceCredentials.CertificateAuthority, Tags: new JsonObject { ["model"] = device.Model, ["profile"] = $"{device.Model}@2" }));
        if (!cloud.IotHub.Create(specs).TryGet(out _, out var fault)) throw new InvalidOperationException(fault.ToString());
    }

    // The clock of the broker runs at the wall's speed here, so the script is dated to end now.
    private static IEnumerable<(DateTimeOffset At, EventDraft Draft)> Drafts(LocalCloud cloud, DeviceScript script, int count)
    {
        var stamps = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["iothub-connection-device-id"] = script.DeviceId,
            ["iothub-connection-auth-method"] = """{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""",
            ["iothub-connection-auth-generation-id"] = cloud.IotHub.Find(script.DeviceId)!.GenerationId,
            ["iothub-message-source"] = "Telemetry",
        };
        var properties = new EventProperties(ContentType: "application/json", ContentEncoding: "utf-8");
        var length = RunOptions.Interval * count * 1.1;
        return script.Messages(1, cloud.Clock.GetUtcNow() - length, length).Take(count)
            .Select(message => (message.DueAt, new EventDraft(message.Body, script.DeviceId, stamps, properties)));
    }
}
