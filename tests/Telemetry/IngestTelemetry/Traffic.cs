using System.Text;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>A seeded stream of one partition: good events and every bad kind between them, over an hour's boundary.</summary>
internal static class Traffic
{
    public static IReadOnlyList<Sent> Of(int seed, int count)
    {
        var random = new Random(seed);
        var counters = new Dictionary<string, long>();
        var stream = new List<Sent>
        {
            Sent.Created("d-1", World.Profile),
            Sent.Created("d-2", World.Profile),
            Sent.Created("d-3", World.Profile),
            Sent.Created("d-4", "missing@1"),
            Sent.Created("d-5", null),
        };
        while (stream.Count < count) stream.Add(Next(random, counters, stream));

        // Sequence numbers have no gaps; time runs on by seconds from a quarter to the hour.
        var at = Sent.Noon.AddMinutes(-15);
        return [.. stream.Select((one, index) => one with { Sequence = 100 + index, At = at = at.AddMilliseconds(random.Next(1, 40_000)) }).Select(Stamped)];
    }

    private static Sent Next(Random random, Dictionary<string, long> counters, List<Sent> before)
    {
        var device = $"d-{random.Next(1, 6)}";
        var number = counters[device] = counters.GetValueOrDefault(device) + 1;
        var good = new Sent { Device = device, Body = Sent.Message(number, $"\"n\":{random.Next(-10, 11)}.50") };
        return random.Next(24) switch
        {
            0 => good with { Body = "{\"messageId\":"u8.ToArray() },
            1 => good with { Body = Sent.Message(number, "\"n\":99") },
            2 => good with { Body = Sent.Message(number, "\"n\":1", device: "d-9") },
            3 => good with { Device = null },
            4 => good with { Source = "digitalTwinChangeEvents" },
            5 => Sent.TwinChanged(device, """{"tags":{"profile":17}}"""),
            6 => Sent.TwinChanged(device, "{\"tags\":"),
            7 => Sent.TwinChanged(device, $$$"""{"tags":{"profile":"{{{World.Profile}}}"}}"""),
            8 => new Sent { Device = device, Source = "deviceConnectionStateEvents", Application = new() { ["opType"] = "deviceConnected" }, Body = "{}"u8.ToArray() },
            9 => good with { AuthMethod = """{"scope":"hub","type":"sas","issuer":"iothub"}""" },
            10 => good with { Generation = "2" },
            11 => before[random.Next(before.Count)], // a replay
            12 => good with { Body = [0xff, 0x00, 0xfe] },
            13 => good with { RawBody = "\"not base64!\"" },
            14 => good with { Body = Encoding.UTF8.GetBytes(new string('[', 10_000)) },
            _ => good,
        };
    }

    // A good event says when it was sent, which is when it arrives.
    private static Sent Stamped(Sent one)
    {
        var text = Encoding.UTF8.GetString(one.Body);
        return one with { Body = one.Body[0..1] is [0xff] ? one.Body : Encoding.UTF8.GetBytes(text.Replace("2026-06-01T12:00:00.000Z", $"{one.At:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}", StringComparison.Ordinal)) };
    }
}
