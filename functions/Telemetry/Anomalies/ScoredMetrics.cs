using System.Runtime.CompilerServices;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Anomalies;

/// <summary>Which metrics of a profile are scored: the first eight that are numbers, integers or vectors, a vector by its length.</summary>
/// <remarks>Texts, members of enumerations and booleans have no scale; posture judges those that matter. Immutable.</remarks>
internal sealed class ScoredMetrics
{
    private static readonly ConditionalWeakTable<Profile, ScoredMetrics> Known = [];
    private readonly Metric[] _metrics;

    private ScoredMetrics(Profile profile)
    {
        _metrics = [.. profile.Metrics.Where(metric => metric.Type is MetricType.Number or MetricType.Integer or MetricType.Vector).Take(Relation.MetricsMax)];
        // FNV-1a over names and types: a revision of the profile that scores other metrics makes the device new to the scorer.
        Shape = 14_695_981_039_346_656_037;
        foreach (var metric in _metrics)
        {
            foreach (var letter in metric.Name) Shape = unchecked((Shape ^ letter) * 1_099_511_628_211);
            Shape = unchecked((Shape ^ (ulong)metric.Type) * 1_099_511_628_211);
        }
    }

    private ScoredMetrics() => _metrics = [];

    /// <summary>None: for findings about a device as a whole.</summary>
    public static ScoredMetrics None { get; } = new();

    /// <summary>How many, 0 to <see cref="Relation.MetricsMax"/>.</summary>
    public int Count => _metrics.Length;

    /// <summary>Mark of the names, their order and types.</summary>
    public ulong Shape { get; }

    /// <summary>Those of a profile; computed once a compiled profile.</summary>
    public static ScoredMetrics Of(Profile profile) => Known.GetValue(profile, static one => new ScoredMetrics(one));

    /// <summary>Name of a scored metric, <c>message size</c> (no profile can name a metric so), or empty for a finding about the device.</summary>
    public string Name(int index) => index == Finding.MessageSize ? "message size" : index < 0 ? "" : _metrics[index].Name;

    /// <summary>Picks the scored values of an accepted event; NaN for those it does not have.</summary>
    /// <param name="readings">Of the event.</param>
    /// <param name="values">At least <see cref="Count"/>.</param>
    public void Pick(Readings readings, Span<double> values)
    {
        for (var i = 0; i < _metrics.Length; i++)
        {
            var metric = _metrics[i];
            values[i] = !readings.Has(metric.Index) ? double.NaN
                : metric.Type == MetricType.Vector ? Length(readings.Vector(metric.Index))
                : readings.Value(metric.Index);
        }
    }

    private static double Length(ReadOnlySpan<double> vector) =>
        Math.Sqrt((vector[0] * vector[0]) + (vector[1] * vector[1]) + (vector[2] * vector[2]));
}
