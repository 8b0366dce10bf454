using System.Globalization;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Anomalies;

/// <summary>A seeded stream of one partition whose devices behave for a while; then each does one thing that must be noticed.</summary>
internal static class ScoredTraffic
{
    public const string Metrics = """
        {"name":"speed","type":"number","minimum":-1e9,"maximum":1e9},
        {"name":"current","type":"number","minimum":-1e9,"maximum":1e9},
        {"name":"axis","type":"vector","minimum":-1e9,"maximum":1e9}
        """;

    /// <summary>Messages of each device before anything goes wrong: more than the scorer's warm-up.</summary>
    public const int Honest = 260;

    public static World World()
    {
        var world = new World();
        world.Documents.Put(IngestTelemetry.World.Profile, Validation.Profiles.Document(Metrics));
        return world;
    }

    /// <summary>Devices d-calm, d-silent, d-stuck, d-spike, d-clone, d-flood, d-replay.</summary>
    public static IReadOnlyList<Sent> Of(int seed, int minutes = Honest + 60)
    {
        string[] names = ["d-calm", "d-silent", "d-stuck", "d-spike", "d-clone", "d-flood", "d-replay"];
        var stream = new List<(DateTimeOffset At, Sent Event)>();
        foreach (var (name, index) in names.Select((name, index) => (name, index)))
        {
            stream.Add((Sent.Noon.AddSeconds(index), Sent.Created(name, IngestTelemetry.World.Profile)));
            stream.AddRange(Device(name, new Random((seed * 100) + index), Sent.Noon.AddSeconds(10 + index), minutes).Select(one => (one.At, one)));
        }

        return [.. stream.OrderBy(one => one.At).ThenBy(one => one.Event.Device, StringComparer.Ordinal).Select((one, index) => one.Event with { Sequence = 1000 + index, At = one.At })];
    }

    private static IEnumerable<Sent> Device(string name, Random random, DateTimeOffset start, int minutes)
    {
        var history = new List<string>();
        var number = 10L;
        for (var i = 0; i < minutes; i++)
        {
            var at = start.AddMinutes(i).AddMilliseconds(random.Next(2000));
            var wrong = i >= Honest;
            if (wrong && name == "d-silent") yield break;
            var speed = 100 + (10 * Math.Sin(i / 20.0)) + random.NextDouble();
            var axis = wrong && name == "d-stuck" ? 5 : 5 + random.NextDouble();
            var current = wrong && name == "d-spike" && i == Honest + 3 ? 900 : (0.5 * speed) + (0.1 * random.NextDouble());
            var body = string.Create(CultureInfo.InvariantCulture, $"\"speed\":{speed:F2},\"current\":{current:F2},\"axis\":[{axis:F2},0,0]");
            if (wrong && name == "d-replay") body = history[Honest - 20 + (i % 20)];
            history.Add(body);
            yield return Message(name, number++, body, at);
            if (wrong && name == "d-clone" && i % 2 == 0) yield return Message(name, i == Honest ? 1 : 2 + i - Honest, body, at.AddSeconds(30), "c");
            if (wrong && name == "d-flood")
            {
                for (var burst = 1; burst < 8; burst++) yield return Message(name, number++, body, at.AddSeconds(3 * burst));
            }
        }
    }

    private static Sent Message(string device, long number, string metrics, DateTimeOffset at, string mark = "m") =>
        new() { Device = device, At = at, Body = Sent.Message(number, metrics, at, string.Create(CultureInfo.InvariantCulture, $"{mark}{number}")) };
}
