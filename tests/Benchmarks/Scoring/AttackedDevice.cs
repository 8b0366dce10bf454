using System.Text.Json;
using Serverless.Local.Fleet;
using Serverless.Local.Run.Detection;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>A device of the simulated fleet, attacked once, as the scorer saw it: for a chart.</summary>
internal static class AttackedDevice
{
    public static (string Title, List<Chart.Row> Rows, (DateTime From, DateTime To) Label) Live(AttackKind kind, int seed)
    {
        var start = new DateTimeOffset(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);
        var script = AttackScript.Plan(1, AttackHistory.Interval, "device-").First(one => one.Kind == kind);
        var messages = script.Messages(seed, start, AttackHistory.Quiet, AttackHistory.Length, out var attack);
        string[] names = [.. Metrics(messages[0]).Select(metric => metric.Name).Take(Relation.MetricsMax)];
        var shown = Math.Max(0, Array.IndexOf(names, kind switch
        {
            AttackKind.Spike or AttackKind.Correlation => "motorCurrent",
            AttackKind.Drift => "humidity",
            AttackKind.Stuck => "bearingTemperature",
            AttackKind.Fuzz => "light",
            _ => names[0],
        }));
        var (memory, limits, findings, rows) = (new byte[DeviceMemory.BytesOf(names.Length)], new DeviceLimits(), new Finding[DeviceScorer.FindingsMax], new List<Chart.Row>());
        DeviceMemory.Begin(memory, names.Length, 0);
        var values = new double[names.Length];
        foreach (var message in messages)
        {
            var metrics = Metrics(message).ToDictionary(metric => metric.Name, metric => metric.Value, StringComparer.Ordinal);
            for (var i = 0; i < names.Length; i++) values[i] = metrics.GetValueOrDefault(names[i], double.NaN);
            var scorer = new DeviceScorer(memory, limits);
            var at = message.DueAt.ToUnixTimeMilliseconds();
            var silent = scorer.Silent(at, out var silence) ? silence.Score : 0;
            scorer.Heard(at, Punctuality.Longest);
            var (low, high) = scorer.Range(shown);
            var found = scorer.Observe(new Arrival(at, at, Sequence(message)), values, findings);
            var score = findings.AsSpan(0, found).ToArray().Select(finding => finding.Score).Append(silent).Max();
            // The quiet days are long and alike; the picture begins where there is something to see.
            if (message.DueAt >= attack!.Start - TimeSpan.FromHours(30)) rows.Add(new Chart.Row(message.DueAt.UtcDateTime, values[shown], low, high, score));
        }

        return ($"{kind} of a {script.Model}, {names[shown]}", rows, (attack!.Start.UtcDateTime, attack.End.UtcDateTime));
    }

    private static long Sequence(PlannedMessage message)
    {
        using var json = JsonDocument.Parse(message.Body);
        return json.RootElement.GetProperty("sequence").GetInt64();
    }

    private static List<(string Name, double Value)> Metrics(PlannedMessage message)
    {
        using var json = JsonDocument.Parse(message.Body);
        return [.. json.RootElement.GetProperty("metrics").EnumerateObject()
            .Where(metric => metric.Value.ValueKind is JsonValueKind.Number or JsonValueKind.Array)
            .Select(metric => (metric.Name, metric.Value.ValueKind == JsonValueKind.Number
                ? metric.Value.GetDouble()
                : Math.Sqrt(metric.Value.EnumerateArray().Sum(part => part.GetDouble() * part.GetDouble()))))];
    }
}
