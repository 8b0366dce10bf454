using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>The message's own members: present, of the right type, within bounds. Checked in one order, whatever the order written.</summary>
internal static class Envelope
{
    /// <summary>Greatest sequence number: the greatest whole number every JSON reader has exactly (RFC 7493 section 2.2).</summary>
    public const long SequenceMax = (1L << 53) - 1;

    public static Fault? Check(Readings readings, ReadOnlySpan<byte> payload)
    {
        if (readings.MemberUnknown) return MessageFaults.MemberUnknown;
        ref readonly var id = ref readings.MessageIdItem;
        if (id.Kind == ItemKind.None) return MessageFaults.MessageIdMissing;
        if (id.Kind != ItemKind.Text) return MessageFaults.MessageIdType;
        if (id.TextLength is 0 or > Readings.MessageIdBytesMax) return MessageFaults.MessageIdLength;

        if (readings.SentAtItem.Kind == ItemKind.None) return MessageFaults.SentAtMissing;
        if (readings.SentAtItem.Kind != ItemKind.Text) return MessageFaults.SentAtType;
        if (!Instant.TryRead(readings.Text(readings.SentAtItem, payload), out var ticks)) return MessageFaults.SentAtFormat;
        readings.SentTicks = ticks;

        if (readings.SequenceItem.Kind == ItemKind.None) return MessageFaults.SequenceMissing;
        if (readings.SequenceItem.Kind != ItemKind.Whole) return MessageFaults.SequenceType;
        var sequence = readings.SequenceValue;
        if (double.IsNegative(sequence) || sequence > SequenceMax) return MessageFaults.SequenceRange;
        readings.Sequence = (long)sequence;

        if (readings.DeviceIdItem.Kind is not (ItemKind.None or ItemKind.Text)) return MessageFaults.DeviceIdType;
        if (readings.MetricsItem.Kind == ItemKind.None) return MessageFaults.MetricsMissing;
        return readings.MetricsItem.Kind == ItemKind.Vector ? null : MessageFaults.MetricsType;
    }
}
