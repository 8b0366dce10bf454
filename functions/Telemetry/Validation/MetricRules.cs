using System.Numerics;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Types and ranges of the metrics, in the profile's order: unknown, missing, types, then ranges.</summary>
internal static class MetricRules
{
    private const double WholeMax = Envelope.SequenceMax;

    public static Fault? CheckAll(Profile profile, Readings readings, ReadOnlySpan<byte> payload)
    {
        if (readings.UnknownMetrics > 0 && profile.Message.UnknownMetrics == UnknownMetrics.Refuse) return MessageFaults.MetricUnknown;
        var metrics = profile.MetricArray;
        var missing = profile.RequiredMask & ~readings.Present;
        if (missing != 0) return metrics[BitOperations.TrailingZeroCount(missing)].Faults.Missing;

        Fault? range = null;
        var values = readings.Values;
        var items = readings.Items;
        for (var left = readings.Present; left != 0; left &= left - 1)
        {
            var metric = metrics[BitOperations.TrailingZeroCount(left)];
            var value = values.Slice(3 * metric.Index, 3);
            if (Type(metric, ref items[metric.Index], value, readings, payload) is { } fault) return fault;
            // Ranges come after every type; the first one out of range is kept until then.
            if (range is null && !InRange(metric, value)) range = metric.Faults.Range;
        }

        return range;
    }

    private static bool InRange(Metric metric, ReadOnlySpan<double> value)
    {
        if (metric.Type is MetricType.Number or MetricType.Integer) return value[0] >= metric.Minimum && value[0] <= metric.Maximum;
        if (metric.Type != MetricType.Vector) return true;
        foreach (var component in value)
        {
            if (!(component >= metric.Minimum && component <= metric.Maximum)) return false;
        }

        return true;
    }

    private static Fault? Type(Metric metric, ref Item item, Span<double> value, Readings readings, ReadOnlySpan<byte> payload)
    {
        switch (metric.Type)
        {
            case MetricType.Number:
                return item.IsNumber ? null : metric.Faults.Type;
            case MetricType.Integer:
                if (item.Kind == ItemKind.Whole && Math.Abs(value[0]) <= WholeMax) return null;
                return item.IsNumber ? metric.Faults.NotInteger : metric.Faults.Type;
            case MetricType.Boolean:
                value[0] = item.Kind == ItemKind.True ? 1 : 0;
                return item.Kind is ItemKind.True or ItemKind.False ? null : metric.Faults.Type;
            case MetricType.Enumeration:
                if (item.Kind != ItemKind.Text) return metric.Faults.Type;
                return Member(metric, readings.Text(item, payload), value) ? null : metric.Faults.Member;
            case MetricType.String:
                if (item.Kind != ItemKind.Text) return metric.Faults.Type;
                value[0] = item.TextLength;
                return item.TextLength >= metric.BytesMin && item.TextLength <= metric.BytesMax ? null : metric.Faults.Length;
            default:
                if (item.Kind == ItemKind.Vector) return null;
                return item.Kind == ItemKind.Numbers ? metric.Faults.Length : metric.Faults.Type;
        }
    }

    private static bool Member(Metric metric, ReadOnlySpan<byte> text, Span<double> value)
    {
        var members = metric.MemberNames;
        for (var i = 0; i < members.Length; i++)
        {
            if (!text.SequenceEqual(members[i])) continue;
            value[0] = i;
            return true;
        }

        return false;
    }
}
