using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Serverless.Hosting.Tests;

namespace Serverless.Benchmarks.Edge;

/// <summary>Reading one invocation of 1 000 host-shaped events, against the obvious way and against the bare base64 decode.</summary>
/// <remarks>Own harness: the three run in turn within each round, so that a busy machine slows all of them; figures are medians over
/// rounds of the ratio within a round. Both readers look up the same eleven things of each event and must agree on a checksum.</remarks>
internal static class EdgeSubject
{
    public const string What = "reading 1 000 events from the host's request, against JsonDocument and against the bare base64 decode";
    private const int Events = 1000;

    public static Task<int> Run(string[] args)
    {
        var rounds = args is ["--rounds", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 41;
        Console.WriteLine($"{Events} events a batch, {rounds} rounds of interleaved runs, medians; own harness");
        foreach (var bytes in new[] { 64, 300, 4096 }) Measure(bytes, rounds);
        return Task.FromResult(0);
    }

    private static void Measure(int bodyBytes, int rounds)
    {
        var random = new Random(bodyBytes);
        var events = Enumerable.Range(0, Events).Select(i => HostEnvelope.FromDevice(i, TelemetryBody(random, bodyBytes), $"dev-{i % 50:0000}")).ToArray();
        var envelope = HostEnvelope.Write(events);
        var base64 = events.Select(one => Encoding.ASCII.GetBytes(Convert.ToBase64String(one.Body))).ToArray();
        var decoded = new byte[bodyBytes + 3];
        var total = events.Sum(one => (long)one.Body.Length);
        if (EdgeReaders.Ours(envelope) != EdgeReaders.Document(envelope)) throw new InvalidOperationException("the two readers disagree");

        var repeats = Math.Max(1, 400_000 / (bodyBytes + 800)); // a run of some tens of milliseconds
        var (ours, document, bare, allocated) = (new double[rounds], new double[rounds], new double[rounds], new double[rounds]);
        for (var round = -3; round < rounds; round++) // three rounds warm the tiers and the pools
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var a = Time(() => EdgeReaders.Ours(envelope), repeats / 8 + 1);
            var allocatedNow = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)(repeats / 8 + 1);
            var b = Time(() => EdgeReaders.Document(envelope), repeats / 64 + 1);
            var c = Time(() => Bare(base64, decoded), repeats);
            if (round < 0) continue;
            (ours[round], document[round], bare[round], allocated[round]) = (a, b, c, allocatedNow);
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"edge.{bodyBytes}B");
        Figure.Print($"{name}.wire", envelope.Length / (double)Events, "B/event");
        Figure.Print($"{name}.ours", Median(ours) / Events * 1e9, "ns/event");
        Figure.Print($"{name}.throughput", envelope.Length / Median(ours) / 1e6, "MB/s of request");
        Figure.Print($"{name}.jsondocument", Median(document) / Events * 1e9, "ns/event");
        Figure.Print($"{name}.speedup", Median([.. document.Zip(ours, (b, a) => b / a)]), "x", ">=", 3);
        Figure.Print($"{name}.to-bare-base64", Median([.. ours.Zip(bare, (a, c) => a / c)]), "x the time of the decode alone");
        Figure.Print($"{name}.allocated", Median(allocated) / total, "B/body byte", "<", 1.2);
    }

    private static long Bare(byte[][] base64, byte[] into)
    {
        long written = 0;
        foreach (var one in base64)
        {
            Base64.DecodeFromUtf8(one, into, out _, out var length);
            written += length;
        }

        return written;
    }

    private static double Time(Func<long> run, int repeats)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeats; i++) Sink ^= run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    /// <summary>Keeps results alive, so that no run is optimized away.</summary>
    private static long Sink { get; set; }

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static byte[] TelemetryBody(Random random, int bytes)
    {
        var json = new StringBuilder("{\"t\":\"2026-01-02T03:04:05Z\",\"m\":[");
        while (json.Length < bytes) json.Append(CultureInfo.InvariantCulture, $"{{\"n\":\"temperature\",\"v\":{random.NextDouble() * 100:0.###}}},");
        return Encoding.ASCII.GetBytes(json.ToString(0, bytes));
    }
}
