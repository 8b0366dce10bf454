using System.Globalization;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>Scores every <c>timestamp,value</c> file under a folder, in one pass each, in the layout the benchmark's scorer reads.</summary>
internal static class Nab
{
    public static Task<int> Run(string[] args)
    {
        if (args is not ["--data", var data, "--out", var results])
        {
            Console.Error.WriteLine("usage: nab --data DIR --out DIR");
            return Task.FromResult(2);
        }
        long values = 0;
        foreach (var path in Directory.EnumerateFiles(data, "*.csv", SearchOption.AllDirectories))
        {
            var target = Path.Combine(results, Path.GetRelativePath(data, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var output = new StreamWriter(target);
            output.WriteLine("timestamp,value,anomaly_score");
            var scorer = default(SeriesScorer);
            foreach (var line in File.ReadLines(path).Skip(1))
            {
                if (line.Length == 0) continue;
                var comma = line.IndexOf(',', StringComparison.Ordinal);
                var value = double.Parse(line.AsSpan(comma + 1), NumberStyles.Float, CultureInfo.InvariantCulture);
                var at = DateTime.Parse(line.AsSpan(0, comma), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
                var score = scorer.ScoreAndLearn((at.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond, value);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line},{score.Alarm:F6}"));
                values++;
            }
        }
        Figure.Print("nab_values", values, "values");
        return Task.FromResult(0);
    }
}
