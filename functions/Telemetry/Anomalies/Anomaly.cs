using System.Text.Json;
using Serverless.Telemetry.Scoring;

namespace Serverless.Telemetry.Anomalies;

/// <summary>A finding as an alert tells it.</summary>
/// <param name="Finding">The figures.</param>
/// <param name="Metric">Name of the metric, from the profile; empty for a finding about the device.</param>
/// <param name="Why">The same in words.</param>
/// <param name="Showing">Findings of this kind and metric among devices of the model lately, this one included.</param>
/// <param name="Devices">Devices of the model in this partition.</param>
/// <param name="Peers">What they measure, if enough was learned.</param>
internal sealed record Anomaly(Finding Finding, string Metric, Explanation Why, int Showing, int Devices, PeerQuartiles? Peers)
{
    /// <summary>Writes member <c>anomaly</c> of an alert's data.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("anomaly");
        json.WriteString("kind", Finding.Kind.ToString().ToLowerInvariant());
        if (Metric.Length != 0) json.WriteString("metric", Metric);
        json.WriteNumber("score", Math.Round(Finding.Score, 4));
        json.WriteString("seen", Why.Seen);
        json.WriteString("expected", Why.Expected);
        json.WriteString("since", Why.Since);
        json.WriteString("weight", Why.Weight);
        json.WriteString("silentWith", Why.Silent);
        json.WriteNumber("measure", Finite(Finding.Measure));
        json.WriteNumber("limit", Finite(Finding.Limit));
        json.WriteNumber("peersShowing", Showing);
        json.WriteNumber("peers", Devices);
        if (Peers is { } peers)
        {
            json.WriteStartObject("peersMeasure");
            json.WriteNumber("lowerQuartile", peers.Low);
            json.WriteNumber("median", peers.Middle);
            json.WriteNumber("upperQuartile", peers.High);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    // JSON has no infinity; the words have said what it was.
    private static double Finite(double value) => double.IsFinite(value) ? value : double.MaxValue;
}

/// <summary>What all readings of a metric by the devices of a model are like, in the metric's unit.</summary>
/// <param name="Low">A quarter lies below.</param>
/// <param name="Middle">Half lies below.</param>
/// <param name="High">A quarter lies above.</param>
internal readonly record struct PeerQuartiles(double Low, double Middle, double High);
