using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Validation;

namespace Serverless.Benchmarks.Validation;

/// <summary>How fast events are judged, beside what else reads or checks the same bytes. One thread, one run, interleaved rounds.</summary>
internal static class ValidationSubject
{
    public const string What = "judging events of 8 metrics: events/s on one core, allocation, ratios to a bare reader, NJsonSchema and Ajv";
    private const int Events = 2_000, Rounds = 15;
    private static readonly TimeSpan RoundTime = TimeSpan.FromMilliseconds(200);

    public static async Task<int> Run(string[] args)
    {
        var traffic = new Traffic(Events, seed: 1);
        var profile = Traffic.LoadProfile();
        Console.WriteLine($"{Events} events of 8 metrics, JSON {traffic.Json.Average(e => e.Length):0} bytes each, CBOR {traffic.Cbor.Average(e => e.Length):0}");
        var judgeJson = new Subject("judge JSON", () => JudgeAll(traffic.Json, "application/json"u8, traffic, profile));
        var judgeCbor = new Subject("judge CBOR", () => JudgeAll(traffic.Cbor, "application/cbor"u8, traffic, profile));
        var bare = new Subject("bare Utf8JsonReader", () => traffic.Json.Sum(Tokens));
        var schema = NJsonSchema.JsonSchema.FromJsonAsync(Traffic.Schema()).GetAwaiter().GetResult();
        var texts = traffic.Json.Select(Encoding.UTF8.GetString).ToArray();
        var nJsonSchema = new Subject("NJsonSchema", () => texts.Sum(text => schema.Validate(text).Count == 0 ? 1 : throw new InvalidOperationException("The schema refuses.")));
        Subject[] subjects = [judgeJson, judgeCbor, bare, nJsonSchema];
        foreach (var subject in subjects) subject.Warm();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var subject in subjects) subject.Round();
        }

        Figure.Print("validation-json", judgeJson.PerSecond, "events/s/core");
        Figure.Print("validation-json-bandwidth", judgeJson.PerSecond * traffic.Json.Average(e => e.Length) / 1e6, "MB/s");
        Figure.Print("validation-json-allocated", judgeJson.Allocated, "B/event", "<=", 0);
        Figure.Print("validation-cbor", judgeCbor.PerSecond, "events/s/core");
        Figure.Print("validation-cbor-allocated", judgeCbor.Allocated, "B/event", "<=", 0);
        Figure.Print("validation-bare-reader", bare.PerSecond, "events/s/core");
        Figure.Print("validation-json-to-bare-reader", judgeJson.PerSecond / bare.PerSecond, "ratio", ">=", 0.5);
        Figure.Print("validation-njsonschema", nJsonSchema.PerSecond, "events/s/core");
        Figure.Print("validation-json-to-njsonschema", judgeJson.PerSecond / nJsonSchema.PerSecond, "ratio", ">=", 10);
        Console.WriteLine("not measured: JsonSchema.Net (its dependency JsonPointer.Net is not in the package feed this was built from)");
        await Ajv.Run(traffic, judgeJson.PerSecond).ConfigureAwait(false);
        return 0;
    }

    private static long JudgeAll(byte[][] bodies, ReadOnlySpan<byte> contentType, Traffic traffic, Profile profile)
    {
        // Caller-owned, as in the function: one judge and readings a partition, one state a device.
        var state = default(DeviceState);
        var accepted = 0;
        for (var i = 0; i < bodies.Length; i++)
        {
            var e = new TelemetryEvent
            {
                Body = bodies[i],
                ContentType = contentType,
                DeviceId = "sensor-000001"u8,
                GenerationId = "637123456789012345"u8,
                AuthMethod = """{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}"""u8,
                EnqueuedAt = traffic.At[i],
                SequenceNumber = i,
            };
            var verdict = Judge.Decide(e, profile, ref state, Readings);
            if (!verdict.Accepted) throw new InvalidOperationException($"Event {i}: {verdict.Fault}");
            accepted++;
        }

        return accepted;
    }

    private static readonly Judge Judge = new();
    private static readonly Readings Readings = new();

    private static long Tokens(byte[] body)
    {
        var reader = new Utf8JsonReader(body);
        long tokens = 0;
        while (reader.Read()) tokens++;
        return tokens > 0 ? 1 : 0;
    }

    /// <summary>One way of going through all events; the best round counts, since noise only ever slows.</summary>
    private sealed class Subject(string name, Func<long> all)
    {
        private double _best;

        public double PerSecond => _best;

        public double Allocated { get; private set; } = double.MaxValue;

        public void Warm()
        {
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed < TimeSpan.FromSeconds(1)) all();
        }

        public void Round()
        {
            var clock = Stopwatch.StartNew();
            var before = GC.GetAllocatedBytesForCurrentThread();
            long events = 0;
            while (clock.Elapsed < RoundTime) events += all();
            Allocated = Math.Min(Allocated, (GC.GetAllocatedBytesForCurrentThread() - before) / (double)events);
            _best = Math.Max(_best, events / clock.Elapsed.TotalSeconds);
        }

        public override string ToString() => name;
    }
}
