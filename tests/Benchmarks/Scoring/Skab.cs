using System.Globalization;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>Scores every <c>;</c>-separated file of sensors under a folder: the greatest departure of any sensor, a row at a time.</summary>
internal static class Skab
{
    private const int Settling = 400;
    private static readonly string[] Labels = ["anomaly", "changepoint"];

    public static Task<int> Run(string[] args)
    {
        if (args is not ["--data", var data, "--out", var results])
        {
            Console.Error.WriteLine("usage: skab --data DIR --out DIR");
            return Task.FromResult(2);
        }
        long rows = 0;
        foreach (var path in Directory.EnumerateFiles(data, "*.csv", SearchOption.AllDirectories))
        {
            var target = Path.Combine(results, Path.GetRelativePath(data, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var output = new StreamWriter(target);
            output.WriteLine("datetime,anomaly_score");
            int[] columns = [];
            Departure[] sensors = [];
            foreach (var line in File.ReadLines(path))
            {
                if (line.Length == 0) continue;
                var cells = line.Split(';');
                if (columns.Length == 0)
                {
                    // The labels are in the file; the detector never sees them.
                    columns = [.. Enumerable.Range(1, cells.Length - 1).Where(i => !Labels.Contains(cells[i]))];
                    sensors = new Departure[columns.Length];
                    continue;
                }
                double most = 0;
                for (var i = 0; i < sensors.Length; i++)
                {
                    var value = double.Parse(cells[columns[i]], NumberStyles.Float, CultureInfo.InvariantCulture);
                    most = Math.Max(most, sensors[i].Score(value, Settling));
                    sensors[i].Learn(value, Settling);
                }
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cells[0]},{most / (1 + most):F6}"));
                rows++;
            }
        }
        Figure.Print("skab_rows", rows, "rows");
        return Task.FromResult(0);
    }
}
