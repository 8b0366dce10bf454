using System.Globalization;
using System.Text;
using Serverless.Local.Fleet;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>Draws what the scorer saw: values, what it expected, its score and its alarms against labels, as SVG.</summary>
internal static class Chart
{
    public const string What = "an SVG of a series: values, expectation, score and alarms against labels";
    private const string Usage = "usage: chart --in FILE.csv --out FILE.svg [--labels windows.json --threshold 0.27]\n       chart --attack KIND --out FILE.svg [--seed 1]   a device of the simulated fleet";
    private const int Points = 350; // columns of the picture: each shows the extremes of its stretch, so that no spike is lost

    public static Task<int> Run(string[] args)
    {
        string? series = null, picture = null, labels = null, attack = null;
        var seed = 1;
        var threshold = 0.272088; // frozen/nab.json, standard profile
        for (var i = 0; i + 1 < args.Length; i += 2)
        {
            if (args[i] == "--in") series = args[i + 1];
            else if (args[i] == "--out") picture = args[i + 1];
            else if (args[i] == "--labels") labels = args[i + 1];
            else if (args[i] == "--attack") attack = args[i + 1];
            else if (args[i] == "--seed") seed = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            else if (args[i] == "--threshold") threshold = double.Parse(args[i + 1], CultureInfo.InvariantCulture);
        }

        if (picture is not null && Enum.TryParse<AttackKind>(attack, ignoreCase: true, out var kind) && kind != AttackKind.None)
        {
            var (title, seen, label) = AttackedDevice.Live(kind, seed);
            File.WriteAllText(picture, Draw(title, seen, [label], threshold: 0.5));
            Figure.Print("chart_rows", seen.Count, "rows");
            return Task.FromResult(0);
        }

        if (series is null || picture is null || args.Length % 2 != 0)
        {
            Console.Error.WriteLine(Usage);
            return Task.FromResult(2);
        }

        var rows = Score(series);
        var windows = labels is null ? [] : Windows.Of(labels, series);
        File.WriteAllText(picture, Draw(Path.GetFileNameWithoutExtension(series), rows, windows, threshold));
        Figure.Print("chart_rows", rows.Count, "rows");
        return Task.FromResult(0);
    }

    private static List<Row> Score(string path)
    {
        var (scorer, rows) = (default(SeriesScorer), new List<Row>());
        foreach (var line in File.ReadLines(path).Skip(1).Where(line => line.Length != 0))
        {
            var comma = line.IndexOf(',', StringComparison.Ordinal);
            var value = double.Parse(line.AsSpan(comma + 1), NumberStyles.Float, CultureInfo.InvariantCulture);
            var at = DateTime.Parse(line.AsSpan(0, comma), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
            var atMs = (at.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;
            var expected = scorer.Expected(atMs);
            var score = scorer.ScoreAndLearn(atMs, value);
            var usual = score.Warm ? expected : double.NaN;
            rows.Add(new Row(at, value, usual, usual, score.Warm ? score.Alarm : 0));
        }

        return rows;
    }

    private static string Draw(string name, List<Row> rows, IReadOnlyList<(DateTime From, DateTime To)> windows, double threshold)
    {
        var svg = new Svg(760, 250);
        var (from, to) = (rows[0].At, rows[^1].At);
        double X(DateTime at) => 50 + (700.0 * (at - from).Ticks / Math.Max(1, (to - from).Ticks));
        foreach (var window in windows) svg.Rectangle(X(window.From), 24, Math.Max(1, X(window.To) - X(window.From)), 206, "#fde3b0");
        var finite = rows.Select(row => row.Value).Where(double.IsFinite).ToList();
        var (low, high) = (finite.Min(), finite.Max());
        double Y(double value) => 160 - (130 * (value - low) / Math.Max(1e-300, high - low));
        svg.Line(Columns(rows, X, row => Y(row.Value)), "#335c81", 1);
        var known = rows.Where(row => double.IsFinite(row.Low) && double.IsFinite(row.High)).ToList();
        svg.Line(Columns(known, X, row => Y(Math.Clamp(row.Low, low, high))), "#8fb339", 0.8);
        if (known.Exists(row => row.Low != row.High)) svg.Line(Columns(known, X, row => Y(Math.Clamp(row.High, low, high))), "#8fb339", 0.8);
        svg.Line(Columns(rows, X, row => 225 - (50 * row.Alarm)), "#7a6c9d", 0.8);
        svg.Line([(50, 225 - (50 * threshold)), (750, 225 - (50 * threshold))], "#bbbbbb", 0.5);
        foreach (var row in rows.Where(row => row.Alarm >= threshold)) svg.Dot(X(row.At), 225 - (50 * row.Alarm), "#c1292e");
        svg.Text(50, 16, $"{name}: value (blue), expected (green), score (violet), alarm (red), labelled (amber)");
        svg.Text(4, 34, high.ToString("G4", CultureInfo.InvariantCulture));
        svg.Text(4, 162, low.ToString("G4", CultureInfo.InvariantCulture));
        svg.Text(4, 180, "score 1");
        svg.Text(50, 244, from.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        svg.Text(690, 244, to.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        return svg.ToString();
    }

    // Least and greatest of each column, in the order they came.
    private static List<(double X, double Y)> Columns(List<Row> rows, Func<DateTime, double> x, Func<Row, double> y)
    {
        var points = new List<(double, double)>();
        var size = Math.Max(1, (rows.Count + Points - 1) / Points);
        for (var start = 0; start < rows.Count; start += size)
        {
            var stretch = rows.Skip(start).Take(size).Select(row => (X: x(row.At), Y: y(row))).ToList();
            var (least, most) = (stretch.MinBy(point => point.Y), stretch.MaxBy(point => point.Y));
            points.Add(least.X <= most.X ? least : most);
            if (size > 1) points.Add(least.X <= most.X ? most : least);
        }

        return points;
    }

    /// <summary>One column of figures: a value, what was expected, and the score.</summary>
    internal readonly record struct Row(DateTime At, double Value, double Low, double High, double Alarm);

    /// <summary>As much of SVG 1.1 as a line chart needs.</summary>
    private sealed class Svg(int width, int height)
    {
        private readonly StringBuilder _body = new();

        public void Rectangle(double x, double y, double w, double h, string fill) => Add($"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{w:0.#}\" height=\"{h:0.#}\" fill=\"{fill}\"/>");

        public void Line(IReadOnlyList<(double X, double Y)> points, string stroke, double thick) =>
            Add($"<polyline fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{thick:0.#}\" points=\"{string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.#},{point.Y:0.#}")))}\"/>");

        public void Dot(double x, double y, string fill) => Add($"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"2.5\" fill=\"{fill}\"/>");

        public void Text(double x, double y, string text) => Add($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" font-family=\"sans-serif\" font-size=\"10\">{System.Security.SecurityElement.Escape(text)}</text>");

        public override string ToString() =>
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{_body}</svg>\n";

        private void Add(FormattableString element) => _body.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
