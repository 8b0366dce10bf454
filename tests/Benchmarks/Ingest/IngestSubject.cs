using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Benchmarks.Validation;
using Serverless.Hosting;
using Serverless.Hosting.Tests;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Benchmarks.Ingest;

/// <summary>The whole function from the host's request bytes to the answer, publishing stubbed and to the local Event Hubs: events
/// per second on one core and on two partitions side by side, where the time goes, and how fast a partition's state is read back.</summary>
/// <remarks>Own harness: several rounds over the same requests, each by a process with nothing in memory; medians.</remarks>
internal static class IngestSubject
{
    public const string What = "the whole function from the host's request to the answer, publishing stubbed and to the local Event Hubs, and reading state back";
    private const int BatchEvents = 500; // host.json: maxEventBatchSize
    private const int Devices = 1000;

    public static async Task<int> Run(string[] args)
    {
        var messages = args is ["--messages", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 100;
        var requests = Requests(messages);
        Console.WriteLine($"{requests.Length} requests of {BatchEvents} events of {Devices} devices, 8 metrics each, {requests.Average(request => request.Length) / BatchEvents:0} B of request an event");

        var stubbed = await Measure("ingest", requests, null, rounds: 9, goal: 100_000).ConfigureAwait(false);
        var hubs = await LocalHubs.Start().ConfigureAwait(false);
        await using (hubs.ConfigureAwait(false))
        {
            var real = await Measure("ingest-hub", requests, hubs, rounds: 3, goal: null).ConfigureAwait(false);
            if (hubs.Appended != hubs.Passes * (requests.Length * (long)BatchEvents - Devices)) throw new InvalidOperationException($"{hubs.Appended} events in hub validated after {hubs.Passes} passes");
            Figure.Print("ingest-hub.share-of-stubbed", real / stubbed, "ratio"); // the broker runs in this process, on the same two cores
        }

        await Restore(100_000).ConfigureAwait(false);
        return 0;
    }

    private static async Task<double> Measure(string name, byte[][] requests, LocalHubs? hubs, int rounds, double? goal)
    {
        var (one, two, cpu, stages) = (new List<double>(), new List<double>(), new List<double>(), new List<double[]>());
        using var self = Process.GetCurrentProcess();
        for (var round = -2; round < rounds; round++)
        {
            var alone = await Pass(requests, hubs).ConfigureAwait(false);
            self.Refresh();
            var busy = self.TotalProcessorTime;
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(Task.Run(() => Pass(requests, hubs)), Task.Run(() => Pass(requests, hubs))).ConfigureAwait(false);
            var both = Stopwatch.GetElapsedTime(began).TotalSeconds;
            self.Refresh();
            if (round < 0) continue; // two rounds warm the tiers
            one.Add(requests.Length * BatchEvents / alone.Seconds);
            two.Add(2.0 * requests.Length * BatchEvents / both);
            cpu.Add((self.TotalProcessorTime - busy).TotalSeconds / (2.0 * requests.Length * BatchEvents));
            stages.Add(alone.Stages);
        }

        if (goal is { } least) Figure.Print($"{name}.2cores", Median(two), "events/s", ">=", least);
        else Figure.Print($"{name}.2cores", Median(two), "events/s");
        Figure.Print($"{name}.cpu", Median(cpu) * 1e9, "ns of processor time/event"); // what a busy machine cannot stretch
        Figure.Print($"{name}.1core", Median(one), "events/s");
        string[] names = ["read-request", "decide-and-prepare", "publish", "commit", "answer"];
        for (var i = 0; i < names.Length; i++) Figure.Print($"{name}.{names[i]}", Median([.. stages.Select(stage => stage[i])]) * 1e9, "ns/event");
        Figure.Print($"{name}.state-written", Median([.. stages.Select(stage => stage[6])]), "B/event");
        // Allocation is counted by thread, and publishing to a real hub changes threads.
        if (hubs is null) Figure.Print($"{name}.allocated", Median([.. stages.Select(stage => stage[5])]), "B/event");
        return Median(two);
    }

    private static async Task<(double Seconds, double[] Stages)> Pass(byte[][] requests, LocalHubs? hubs)
    {
        var (validated, alerts, state) = (new TimedHub(hubs?.Validated ?? new StubHub()), hubs?.Alerts ?? new StubHub(), new StubBlobs(keep: false));
        hubs?.Began();
        var profiles = new StubProfiles(await File.ReadAllBytesAsync(Traffic.ProfilePath()).ConfigureAwait(false));
        using var shelf = new ProfileShelf(profiles, profiles, TimeSpan.FromHours(1), TimeProvider.System);
        var stores = new PartitionStores(new StubHub(), validated, alerts, new StubBlobs(keep: false), state, shelf);
        var settings = new IngestSettings { ProfilePollInterval = TimeSpan.FromHours(1), TakeoverWait = TimeSpan.FromSeconds(15), PositionInterval = TimeSpan.FromMinutes(1), ReadBackGroup = "$Default" };
        using var ingest = new Telemetry.IngestTelemetry.Ingest("p", stores, () => new PartitionState(new ScoresColumn(new DeviceLimits()), new ConnectsColumn()), settings, TimeProvider.System, NullLogger<Telemetry.IngestTelemetry.Ingest>.Instance);

        var stages = new double[7];
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var began = Stopwatch.GetTimestamp();
        foreach (var request in requests)
        {
            var start = Stopwatch.GetTimestamp();
            using var batch = EventBatch.Read(request);
            var read = Stopwatch.GetTimestamp();
            var summary = await ingest.Take(batch, CancellationToken.None).ConfigureAwait(false);
            var end = Stopwatch.GetTimestamp();
            if (summary.Refused != 0) throw new InvalidOperationException($"refused: {summary.Faults[0]}");
            if (summary.Accepted == 0) continue; // the devices' twins
            stages[0] += Seconds(start, read);
            stages[1] += Seconds(read, validated.CalledAt);
            stages[2] += Seconds(validated.CalledAt, validated.EndedAt);
            stages[3] += Seconds(validated.EndedAt, state.CalledAt);
            stages[4] += Seconds(state.CalledAt, end);
        }

        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        for (var i = 0; i < 5; i++) stages[i] /= validated.Events;
        stages[5] = (GC.GetAllocatedBytesForCurrentThread() - allocated) / (double)validated.Events;
        stages[6] = state.Appended / (double)validated.Events;
        return (seconds, stages);
    }

    /// <summary>Reads back a partition whose log has grown to its snapshot's size: the worst moment.</summary>
    private static async Task Restore(int devices)
    {
        var blobs = new StubBlobs(keep: true);
        var (log, state) = await StateLog.Open(blobs, "telemetry/0/", () => new PartitionState(new ScoresColumn(new DeviceLimits()), new ConnectsColumn()), CancellationToken.None).ConfigureAwait(false);
        await log.Claim("a", CancellationToken.None).ConfigureAwait(false);
        var traffic = new Traffic(1, 1);
        var bench = new Telemetry.Validation.Judge();
        var readings = new Telemetry.Validation.Readings();
        var profile = Traffic.LoadProfile();
        for (var device = 0; device < devices; device++)
        {
            var slot = state.Devices.FindOrAdd(Encoding.ASCII.GetBytes($"device-{device:00000000}"));
            state.Bindings[slot] = state.Names.Number(Traffic.Profile);
            var judged = new Telemetry.Validation.TelemetryEvent
            {
                Body = traffic.Json[0],
                ContentType = "application/json"u8,
                DeviceId = state.Devices.Id(slot),
                GenerationId = "1"u8,
                AuthMethod = """{"scope":"device"}"""u8,
                EnqueuedAt = traffic.At[0],
                SequenceNumber = device,
            };
            if (bench.Decide(judged, profile, ref state.Judged[slot], readings).Fault is { } fault) throw new InvalidOperationException(fault.ToString());
            state.MarkChanged(slot);
        }

        state.LastSequence = 1;
        await log.Commit(state, CancellationToken.None).ConfigureAwait(false);
        await log.Compact(state, "a", CancellationToken.None).ConfigureAwait(false);
        for (var slot = 0; slot < devices; slot++) state.MarkChanged(slot);
        await log.Commit(state, CancellationToken.None).ConfigureAwait(false);

        var times = new List<double>();
        for (var round = 0; round < 7; round++)
        {
            var began = Stopwatch.GetTimestamp();
            var (_, read) = await StateLog.Open(blobs, "telemetry/0/", () => new PartitionState(new ScoresColumn(new DeviceLimits()), new ConnectsColumn()), CancellationToken.None).ConfigureAwait(false);
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            if (read.Devices.Count != devices) throw new InvalidOperationException("devices are missing");
        }

        Figure.Print("ingest.restore-100000-devices-unscored", Median(times), "s", "<=", 2);
        Figure.Print("ingest.stored-unscored", blobs.Appended / 3.0 / devices, "B/device"); // committed, compacted, committed
    }

    private static byte[][] Requests(int messages)
    {
        var traffic = new Traffic(messages, 1);
        var events = new List<SampleEvent>();
        for (var device = 0; device < Devices; device++)
        {
            events.Add(HostEnvelope.FromDevice(events.Count, Encoding.UTF8.GetBytes($$$"""{"tags":{"profile":"{{{Traffic.Profile}}}"}}"""), Id(device)) with
            {
                EnqueuedAt = traffic.At[0],
                System = [("iothub-connection-device-id", Id(device)), ("iothub-message-source", "twinChangeEvents")],
                Application = [("opType", "replaceTwin")],
            });
        }

        for (var message = 0; message < messages; message++)
        {
            for (var device = 0; device < Devices; device++) events.Add(HostEnvelope.FromDevice(events.Count, traffic.Json[message], Id(device)) with { EnqueuedAt = traffic.At[message] });
        }

        return [.. events.Chunk(BatchEvents).Select(chunk => HostEnvelope.Write(chunk))];
    }

    private static string Id(int device) => string.Create(CultureInfo.InvariantCulture, $"env-sensor-{device:0000}");

    private static double Seconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds;

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
