using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Benchmarks.Validation;

/// <summary>Mutational fuzzing of everything a device's bytes reach. Feedback is the verdict: an input that ends in a new way is kept
/// and mutated further. Findings are written out whole and end the run with 1.</summary>
internal static class FuzzSubject
{
    public const string What = "fuzz JSON, CBOR, gzip, profiles, states and stamps: --executions N --seed S [--corpus FILE] [--seconds T]";
    private const int BytesMax = 4096;
    private static readonly string[] Tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\udc00", "-", "0", ".", "e", "E+", "1e400", "-0", "true", "false", "null", "\"messageId\"", "\"sentAt\"",
        "\"sequence\"", "\"deviceId\":\"sensor-1\"", "\"metrics\"", "\"temperature\":", "\"vibration\":[1,2,3]", "2026-06-01T12:00:00Z", "9007199254740992", "\u00FF", "\0", " ", "\uFEFF",
        "\u00D9\u00D9\u00F7", "\u007F", "\u009F", "\u00BF", "\u00FB", "\u00F9", "\u00C2", "\u00C4\u0082", "\u001B", "\u00A1",
    ];

    public static Task<int> Run(string[] args)
    {
        var executions = long.Parse(Option(args, "--executions") ?? "1000000", CultureInfo.InvariantCulture);
        var seed = int.Parse(Option(args, "--seed") ?? "1", CultureInfo.InvariantCulture);
        var seconds = double.Parse(Option(args, "--seconds") ?? "3600", CultureInfo.InvariantCulture);
        var file = Option(args, "--corpus");
        var random = new Random(seed);
        var target = new FuzzTarget(FuzzTarget.Everything(File.ReadAllText(Traffic.ProfilePath())));
        var corpus = Seeds(file);
        var seen = corpus.Select(input => Try(target, input, out _) ?? "").ToHashSet(StringComparer.Ordinal);
        Console.WriteLine($"seed {seed}, corpus {corpus.Count} inputs, {seen.Count} outcomes");

        var clock = Stopwatch.StartNew();
        var buffer = new byte[BytesMax * 2];
        long done = 0;
        for (; done < executions && clock.Elapsed.TotalSeconds < seconds; done++)
        {
            // Profiles cost a hundred times an event, states and stamps are small: most of the time goes to what devices send.
            var parent = corpus[random.Next(corpus.Count)];
            if (parent[0] >= FuzzTarget.Gzip && random.Next(16) != 0) parent = corpus[random.Next(corpus.Count)];
            var length = Mutate(random, parent, corpus, buffer);
            var input = buffer.AsSpan(0, length);
            var outcome = Try(target, input, out var finding);
            if (finding is not null) return Task.FromResult(Found(input, finding, done));
            if (seen.Count >= 5000 || !seen.Add(outcome!)) continue;
            corpus.Add(input.ToArray());
            // Long inputs are whole profiles: one of those is among the seeds.
            if (file is not null && length < 600) File.AppendAllText(file, Convert.ToHexString(input) + "\n");
        }

        Console.WriteLine($"no finding; corpus {corpus.Count} inputs, {seen.Count} outcomes, {clock.Elapsed.TotalSeconds:0} s");
        Figure.Print("fuzz-executions", done, "executions", ">=", executions);
        return Task.FromResult(done >= executions ? 0 : 1);
    }

    private static string? Try(FuzzTarget target, ReadOnlySpan<byte> input, out Exception? finding)
    {
        finding = null;
        try
        {
            return target.Run(input);
        }
#pragma warning disable CA1031 // Whatever is thrown is what is looked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            finding = e;
            return null;
        }
    }

    private static int Found(ReadOnlySpan<byte> input, Exception finding, long execution)
    {
        Console.WriteLine($"FINDING after {execution} executions: {finding}");
        Console.WriteLine($"input: {Convert.ToHexString(input)}");
        return 1;
    }

    private static int Mutate(Random random, byte[] parent, List<byte[]> corpus, byte[] into)
    {
        parent.CopyTo(into, 0);
        var length = parent.Length;
        for (var times = 1 << random.Next(4); times > 0; times--)
        {
            var at = 1 + random.Next(Math.Max(length - 1, 1));
            switch (random.Next(8))
            {
                case 0 when at < length:
                    into[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < length:
                    into[at] = (byte)random.Next(256);
                    break;
                case 2 when at < length: // drop a run
                    var drop = Math.Min(random.Next(1, 16), length - at);
                    into.AsSpan(at + drop, length - at - drop).CopyTo(into.AsSpan(at));
                    length -= drop;
                    break;
                case 3: // say a run twice
                    var run = Math.Min(random.Next(1, 32), length - at);
                    if (run > 0) length = Insert(into, length, at, into.AsSpan(at, run).ToArray());
                    break;
                case 4 or 5:
                    length = Insert(into, length, at, Encoding.Latin1.GetBytes(Tokens[random.Next(Tokens.Length)]));
                    break;
                case 6: // the front of one, the back of another of its kind
                    var other = corpus[random.Next(corpus.Count)];
                    if (other[0] != parent[0]) break;
                    var from = random.Next(1, other.Length + 1);
                    length = Math.Min(at + other.Length - from, BytesMax);
                    if (length > at) other.AsSpan(from, length - at).CopyTo(into.AsSpan(at));
                    break;
                case 7 when at < length && into[at] is >= (byte)'0' and <= (byte)'9':
                    into[at] = (byte)('0' + random.Next(10));
                    break;
            }
        }

        return length;
    }

    private static int Insert(byte[] into, int length, int at, byte[] bytes)
    {
        if (length + bytes.Length > BytesMax) return length;
        into.AsSpan(at, length - at).ToArray().CopyTo(into, at + bytes.Length);
        bytes.CopyTo(into, at);
        return length + bytes.Length;
    }

    /// <summary>The saved corpus, and one good input of each kind so that an empty file does too.</summary>
    public static List<byte[]> Seeds(string? file)
    {
        var traffic = new Traffic(1, seed: 1);
        var now = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(traffic.Json[0]).Replace("2026-05-31T23:59:59.850Z", "2026-06-01T11:59:59.850Z", StringComparison.Ordinal));
        var state = new byte[DeviceState.WireBytes];
        default(DeviceState).Write(state);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(now);
        using var plain = new MemoryStream();
        using (var gzip = new GZipStream(plain, CompressionLevel.NoCompression, leaveOpen: true)) gzip.Write(now);
        var seeds = new List<byte[]>
        {
            With(FuzzTarget.Json, now), With(FuzzTarget.Cbor, traffic.Cbor[0]), With(FuzzTarget.Gzip, packed.ToArray()), With(FuzzTarget.Gzip, plain.ToArray()),
            With(FuzzTarget.ProfileDocument, File.ReadAllBytes(Traffic.ProfilePath())), With(FuzzTarget.State, state),
            With(FuzzTarget.AuthMethod, """{"scope":"hub","type":"sas"}"""u8.ToArray()),
        };
        if (file is not null && File.Exists(file)) seeds.AddRange(File.ReadLines(file).Where(line => line.Length > 0).Select(Convert.FromHexString));
        return seeds;
    }

    private static byte[] With(int mode, byte[] bytes) => [(byte)mode, .. bytes];

    private static string? Option(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
