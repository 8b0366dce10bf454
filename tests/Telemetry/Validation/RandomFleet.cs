using System.Globalization;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Random profiles, and random events that mostly fit them; every choice comes from one seed.</summary>
internal sealed class RandomFleet(int seed)
{
    private readonly Random _random = new(seed);
    private DateTimeOffset _sent = Bench.Noon;
    private long _sequence;

    public DateTimeOffset Now { get; private set; } = Bench.Noon;

    public Profile NewProfile()
    {
        var tracked = 0;
        var metrics = new List<string>();
        for (var i = _random.Next(1, 8); i > 0; i--)
        {
            var type = Pick("number", "integer", "boolean", "enumeration", "string", "vector");
            var members = new List<string> { $"\"name\":\"{Pick("m", "Metric.", "a_very_long_name_indeed_", "x-")}{i}\"", $"\"type\":\"{type}\"" };
            if (Chance(0.4)) members.Add("\"required\":true");
            if (type == "enumeration") members.Add("\"members\":[\"a\",\"b\",\"\u00fc\"]");
            if (type == "string") members.Add("\"bytesMin\":1,\"bytesMax\":4");
            if (type is "number" or "integer" or "vector")
            {
                if (Chance(0.7)) members.Add("\"minimum\":-20,\"maximum\":20");
                var takes = type == "vector" ? 3 : 1;
                if (tracked + takes <= Profile.TrackedMax && Chance(0.5))
                {
                    tracked += takes;
                    if (Chance(0.6)) members.Add("\"step\":12,\"intervalSeconds\":5");
                    else members.Add("\"ratePerSecond\":7");
                }
            }

            metrics.Add($"{{{string.Join(',', members)}}}");
        }

        var perMinute = Pick("6", "60", "60000");
        return Profiles.Of(string.Join(',', metrics), $"perMinute={perMinute};burst={_random.Next(1, 30)};clockSkewSeconds=5;lateSeconds=60;unknownMetrics={Pick("\"refuse\"", "\"drop\"")}");
    }

    /// <summary>One message as a tree of JSON texts; <see cref="RandomWire"/> writes it.</summary>
    public List<(string Name, string Json)> NewMessage(Profile profile)
    {
        Now += TimeSpan.FromMilliseconds(_random.Next(0, 4000));
        _sent = Chance(0.9) ? Later(Now - TimeSpan.FromMilliseconds(_random.Next(0, 2000))) : Now - TimeSpan.FromMilliseconds(_random.Next(-6000, 70_000));
        if (Chance(0.9)) _sequence++;
        else _sequence = Chance(0.3) ? _random.Next(0, 3) : Math.Max(0, _sequence + _random.Next(-70, 70));
        var message = new List<(string, string)>
        {
            ("messageId", Chance(0.95) ? $"\"{Now.Ticks}-{_sequence}\"" : Pick("\"same\"", "\"s\\u0061me\"", "\"\"", "7", "null")),
            ("sentAt", Chance(0.98) ? $"\"{_sent.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)}\"" : Pick("\"2026-06-01\"", "5", "\"2026-06-01T12:00:00+00:00\"")),
            ("sequence", Chance(0.98) ? _sequence.ToString(CultureInfo.InvariantCulture) : Pick("-1", "1.5", "\"1\"", "9007199254740992")),
            ("metrics", $"{{{string.Join(',', Metrics(profile))}}}"),
        };
        if (Chance(0.2)) message.Add(("deviceId", Chance(0.9) ? $"\"{Bench.Device}\"" : Pick("\"other\"", "null")));
        if (Chance(0.02)) message.Add((Pick("extra", "", "MessageId"), "1"));
        if (Chance(0.02)) message.RemoveAt(_random.Next(message.Count));
        if (Chance(0.3)) message = [.. message.OrderBy(_ => _random.Next())];
        return message;
    }

    private DateTimeOffset Later(DateTimeOffset sent) => sent < _sent && Chance(0.8) ? _sent : sent;

    private IEnumerable<string> Metrics(Profile profile)
    {
        var metrics = profile.Metrics.Where(metric => Chance(metric.Required ? 0.99 : 0.7)).Select(metric => (metric.Name, Value(metric))).ToList();
        if (Chance(0.04)) metrics.Add((Pick("unknown", "M1", "\\u00e9"), Pick("1", "{\"a\":[{\"b\":null}]}", "\"x\"")));
        if (Chance(0.3)) metrics = [.. metrics.OrderBy(_ => _random.Next())];
        return metrics.Select(metric => $"\"{metric.Item1}\":{metric.Item2}");
    }

    private string Value(Metric metric)
    {
        if (Chance(0.01)) return Pick("1", "1.5", "\"a\"", "true", "null", "[1,2,3]", "[1,2]", "[1,\"2\",3]", "{}", "[]", "-0", "1e2", "123456789012345678901234567890");
        return metric.Type switch
        {
            MetricType.Number => Number(),
            MetricType.Integer => Chance(0.97) ? Whole() : Pick("1.0", "9007199254740992", "-9007199254740991"),
            MetricType.Boolean => Pick("true", "false"),
            MetricType.Enumeration => Chance(0.97) ? Pick("\"a\"", "\"b\"", "\"\\u00fc\"") : "\"c\"",
            MetricType.String => Chance(0.97) ? Pick("\"a\"", "\"abcd\"", "\"\\u00fc\\u00fc\"", "\"\\n\\\"\"") : Pick("\"\"", "\"abcde\""),
            _ => $"[{Number()},{Number()},{Number()}]",
        };
    }

    private string Number() => Chance(0.03) ? Pick("20", "20.000000000000004", "-20", "21", "1e300", "-0") : Pick(Whole(), ((_random.NextDouble() - 0.5) * 12).ToString("0.000", CultureInfo.InvariantCulture), "1.5e0", "2E-3");

    private string Whole() => _random.Next(-6, 7).ToString(CultureInfo.InvariantCulture);

    public bool Chance(double probability) => _random.NextDouble() < probability;

    public string Pick(params string[] choices) => choices[_random.Next(choices.Length)];

    public int Next(int below) => _random.Next(below);
}
