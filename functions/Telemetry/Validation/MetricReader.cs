using System.Text;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Reads the metrics of a profile document.</summary>
internal static class MetricReader
{
    private const int MembersMax = 64;
    internal static readonly string[] Types = ["number", "integer", "boolean", "enumeration", "string", "vector"];
    internal static readonly string[] Members =
    [
        "name", "type", "unit", "minimum", "maximum", "step", "ratePerSecond", "required", "intervalSeconds", "resolution",
        "members", "bytesMin", "bytesMax",
    ];

    public static Metric[] Read(ProfileElement root)
    {
        var metrics = new List<Metric>();
        var tracked = 0;
        foreach (var item in root.Items("metrics", 1, Profile.MetricsMax))
        {
            if (ReadOne(item, metrics.Count, ref tracked) is not { } metric) break;
            if (metrics.Any(other => other.Name == metric.Name))
                item.Refuse("name", static where => new Fault("profile-metric-duplicate", where));
            metrics.Add(metric);
        }

        return [.. metrics];
    }

    private static Metric? ReadOne(ProfileElement item, int index, ref int tracked)
    {
        if (!item.Object(Members)) return null;
        var name = item.Text("name", 64);
        if (item.Sound && !IsName(name)) item.Refuse("name", static where => new Fault("profile-text", where));
        var type = (MetricType)(item.OneOf("type", Types) + 1);
        var numeric = type is MetricType.Number or MetricType.Integer or MetricType.Vector;
        foreach (var member in new[] { "unit", "minimum", "maximum", "step", "ratePerSecond", "resolution" }) OnlyFor(item, member, numeric);
        OnlyFor(item, "members", type == MetricType.Enumeration);
        OnlyFor(item, "bytesMin", type == MetricType.String);
        OnlyFor(item, "bytesMax", type == MetricType.String);

        var unit = item.Has("unit") ? item.Text("unit", Ucum.LengthMax) : "";
        if (item.Sound && unit.Length > 0 && !Ucum.IsCode(unit)) item.Refuse("unit", static where => new Fault("profile-unit", where));
        var minimum = item.Has("minimum") ? item.Number("minimum") : double.MinValue;
        var maximum = item.Has("maximum") ? item.Number("maximum") : double.MaxValue;
        if (minimum > maximum) item.Refuse("maximum", static where => new Fault("profile-bounds", where));
        var interval = item.Has("intervalSeconds") ? Positive(item, "intervalSeconds") : 0;
        if (interval is > 0 and (< 0.001 or > 31_536_000)) item.Refuse("intervalSeconds", static where => new Fault("profile-range", where));
        var step = item.Has("step") ? Positive(item, "step") : double.PositiveInfinity;
        var rate = item.Has("ratePerSecond") ? Positive(item, "ratePerSecond") : double.PositiveInfinity;
        // Without an interval a refused jump would stay the last reading for ever, and lock the device out.
        if (item.Sound && double.IsFinite(step) && interval == 0)
            item.Refuse("step", static where => new Fault("profile-step-interval", where));
        var (bytesMin, bytesMax) = Lengths(item, type);
        var members = type == MetricType.Enumeration ? Texts(item) : [];
        if (!item.Sound) return null;

        var tracks = double.IsFinite(step) || double.IsFinite(rate);
        var metric = new Metric(index, name, type)
        {
            Unit = unit,
            Minimum = minimum,
            Maximum = maximum,
            Step = step,
            RatePerSecond = rate,
            Required = item.Has("required") && item.Flag("required"),
            Interval = TimeSpan.FromSeconds(interval),
            Resolution = item.Has("resolution") ? Positive(item, "resolution") : 0,
            Members = members,
            MemberNames = [.. members.Select(Encoding.UTF8.GetBytes)],
            BytesMin = bytesMin,
            BytesMax = bytesMax,
            Tracked = tracks ? tracked : -1,
        };
        if (tracks) tracked += type == MetricType.Vector ? 3 : 1;
        if (tracked > Profile.TrackedMax) item.Refuse("step", static where => new Fault("profile-tracked", where));
        return metric;
    }

    private static (int Least, int Most) Lengths(ProfileElement item, MetricType type)
    {
        if (type != MetricType.String) return (0, 0);
        var least = item.Has("bytesMin") ? item.Integer("bytesMin", 0, Readings.TextBytesMax) : 0;
        var most = item.Integer("bytesMax", 1, Readings.TextBytesMax);
        if (item.Sound && least > most) item.Refuse("bytesMax", static where => new Fault("profile-bounds", where));
        return (least, most);
    }

    private static List<string> Texts(ProfileElement item)
    {
        var texts = new List<string>();
        foreach (var text in item.Texts("members", 1, MembersMax, 64))
        {
            if (item.Sound && texts.Contains(text)) item.Refuse("members", static where => new Fault("profile-member-duplicate", where));
            texts.Add(text);
        }

        return texts;
    }

    private static double Positive(ProfileElement item, string member)
    {
        var number = item.Number(member);
        if (item.Sound && !(number > 0)) item.Refuse(member, static where => new Fault("profile-range", where));
        return number;
    }

    private static void OnlyFor(ProfileElement item, string member, bool applies)
    {
        if (!applies && item.Has(member)) item.Refuse(member, static where => new Fault("profile-not-for-type", where));
    }

    private static bool IsName(string text) =>
        char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
