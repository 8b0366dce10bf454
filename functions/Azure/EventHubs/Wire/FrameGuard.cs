using System.Buffers.Binary;

namespace Serverless.EventHubs.Wire;

/// <summary>Checks each AMQP frame (OASIS AMQP 1.0 part 2, section 2.3) before AMQPNetLite decodes it, and bounds what it would
/// otherwise gather without end: deliveries spread over many transfers.</summary>
/// <param name="frameBytesMax">The largest frame we said we accept.</param>
/// <param name="deliveryBytesMax">The largest message.</param>
internal sealed class FrameGuard(int frameBytesMax, int deliveryBytesMax)
{
    // A peer may interleave deliveries over many links; this many half-sent ones are enough for anybody.
    private const int OpenDeliveriesMax = 256;
    private readonly Dictionary<(ushort Channel, uint Handle), int> _open = [];

    /// <summary>Where the payload of a transfer begins, or the frame's length when it is no transfer.</summary>
    /// <param name="frame">One whole frame, its size field included.</param>
    /// <exception cref="InvalidDataException">The frame would harm a decoder or breaks a bound; the connection must close.</exception>
    public int PayloadStart(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 8 || frame.Length > frameBytesMax) throw new InvalidDataException("frame size");
        var start = frame[4] * 4;
        if (frame[4] < 2 || start > frame.Length || frame[5] != 0) throw new InvalidDataException("frame header");
        if (start == frame.Length) return frame.Length; // a heartbeat

        var length = AmqpScan.Measure(frame[start..]);
        if (length < 4 || frame[start] != 0x00 || frame[start + 1] != 0x53) throw new InvalidDataException("performative");
        if (frame[start + 3] is not (0x45 or 0xc0 or 0xd0)) throw new InvalidDataException("performative list");
        var end = start + length;
        if (frame[start + 2] != 0x14) return end == frame.Length ? end : throw new InvalidDataException("payload outside a transfer");
        Gather(frame, frame[(start + 3)..end], frame.Length - end);
        return end;
    }

    private void Gather(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> fields, int payload)
    {
        var (handle, more) = Transfer(fields);
        var key = (BinaryPrimitives.ReadUInt16BigEndian(frame[6..]), handle);
        var gathered = _open.GetValueOrDefault(key) + (long)payload;
        if (gathered > deliveryBytesMax) throw new InvalidDataException("delivery size");
        if (!more) _open.Remove(key);
        else if (_open.Count >= OpenDeliveriesMax && !_open.ContainsKey(key)) throw new InvalidDataException("open deliveries");
        else _open[key] = (int)gathered;
    }

    // transfer: handle, delivery-id, delivery-tag, message-format, settled, more, …  (part 2, section 2.7.5)
    private static (uint Handle, bool More) Transfer(ReadOnlySpan<byte> fields)
    {
        var items = AmqpReader.Items(fields, out var count);
        uint handle = 0;
        for (var i = 0; i < Math.Min(count, 6); i++)
        {
            var length = AmqpScan.Measure(items);
            if (i == 0) handle = items[0] switch { 0x43 => 0, 0x52 => items[1], 0x70 => BinaryPrimitives.ReadUInt32BigEndian(items[1..]), _ => throw new InvalidDataException("handle") };
            if (i == 5) return (handle, items[0] == 0x41 || (items[0] == 0x56 && items[1] != 0));
            items = items[length..];
        }

        return (handle, false);
    }
}
