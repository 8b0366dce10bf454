using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>What the devices of one model measure: a sketch of each metric's quartiles over all their readings.</summary>
/// <remarks>
/// Each quartile is a running estimate that steps up by its share where a reading lies above it and down by the rest where it lies below
/// (Robbins and Monro 1951); steps are shares of the distance between the outer quartiles, so units do not matter. Quartiles, because one device among eight that lies cannot move them far. A device that reports twice as
/// often counts twice. 144 bytes a model. Deterministic; the order of readings matters a little, that of metrics not. Not safe for
/// concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct PeerValues
{
    /// <summary>Readings of a metric before its quartiles mean anything.</summary>
    public const int WarmUp = 500;

    private const double Step = 0.005, Bound = 1e30;
    private const int Settling = 30; // readings that span the first estimate

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Sketch
    {
        public float Origin, Low, Middle, High; // the quartiles less the origin: a float steps finely near zero only
        public ushort Seen;
    }

    [InlineArray(Relation.MetricsMax)]
    private struct Sketches { private Sketch _first; }

    private Sketches _sketches;

    /// <summary>The quartiles of a metric.</summary>
    /// <param name="metric">Index of the metric, 0 to <see cref="Relation.MetricsMax"/> - 1.</param>
    /// <param name="low">A quarter of the readings lies below.</param>
    /// <param name="middle">Half of the readings lies below.</param>
    /// <param name="high">A quarter of the readings lies above.</param>
    /// <returns>False while too few readings were learned.</returns>
    public readonly bool TryQuartiles(int metric, out double low, out double middle, out double high)
    {
        ref readonly var sketch = ref _sketches[metric];
        (low, middle, high) = ((double)sketch.Origin + sketch.Low, (double)sketch.Origin + sketch.Middle, (double)sketch.Origin + sketch.High);
        return sketch.Seen >= WarmUp;
    }

    /// <summary>Learns a reading that nothing speaks against.</summary>
    /// <param name="metric">Index of the metric.</param>
    /// <param name="value">The reading; one that is not finite is left out.</param>
    public void Learn(int metric, double value)
    {
        if (!double.IsFinite(value)) return;
        ref var sketch = ref _sketches[metric];
        value = Math.Clamp(value, -Bound, Bound);
        if (sketch.Seen == 0) sketch.Origin = (float)value;
        var reading = (float)(value - sketch.Origin);
        if (sketch.Seen < Settling)
        {
            sketch.Low = sketch.Seen == 0 ? reading : Math.Min(sketch.Low, reading);
            sketch.High = sketch.Seen == 0 ? reading : Math.Max(sketch.High, reading);
            sketch.Middle += (reading - sketch.Middle) / (sketch.Seen + 1);
            sketch.Seen++;
            return;
        }

        // Where all readings so far were equal, the first that differs says how wide a step is.
        double width = sketch.High - sketch.Low;
        if (width <= 0) width = Math.Abs(reading - sketch.Middle);
        // Early steps are longer: the first estimate is a span, not a quartile.
        var step = width * (sketch.Seen > Settling + (int)(1 / Step) ? Step : 1.0 / (sketch.Seen - Settling + 4));
        sketch.Low = Stepped(sketch.Low, reading, 0.25, step);
        sketch.Middle = Stepped(sketch.Middle, reading, 0.5, step);
        sketch.High = Stepped(sketch.High, reading, 0.75, step);
        if (sketch.Low > sketch.Middle) sketch.Low = sketch.Middle;
        if (sketch.High < sketch.Middle) sketch.High = sketch.Middle;
        if (sketch.Seen < ushort.MaxValue) sketch.Seen++;
    }

    // A step never passes the reading it goes towards, so nothing leaves the range of what was read.
    private static float Stepped(float quartile, float reading, double share, double step) =>
        reading > quartile ? (float)Math.Min(reading, quartile + (step * share))
        : reading < quartile ? (float)Math.Max(reading, quartile - (step * (1 - share)))
        : quartile;
}
