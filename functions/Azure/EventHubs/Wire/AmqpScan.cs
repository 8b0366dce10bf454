using System.Buffers.Binary;

namespace Serverless.EventHubs.Wire;

/// <summary>Measures encoded AMQP values (OASIS AMQP 1.0 part 1, section 1.2) without decoding them, and refuses what would hurt a
/// decoder: truncation, counts larger than the bytes behind them, nesting beyond a bound.</summary>
/// <remarks>AMQPNetLite decodes by recursion and believes counts: one byte a level overflows the stack, eight bytes ask for
/// gigabytes. So every performative and every message passes here first.</remarks>
internal static class AmqpScan
{
    /// <summary>Levels of described types, lists, maps and arrays that are accepted; real peers use at most five.</summary>
    public const int DepthMax = 12;

    /// <summary>Length of the first value in <paramref name="wire"/>.</summary>
    /// <param name="wire">Untrusted bytes.</param>
    /// <param name="depth">Levels still allowed.</param>
    /// <returns>Its length in bytes, at least 1, or -1 if it is malformed, truncated or nested too deeply.</returns>
    public static int Measure(ReadOnlySpan<byte> wire, int depth = DepthMax)
    {
        if (wire.IsEmpty || depth < 0) return -1;
        var code = wire[0];
        if (code == 0x00) return MeasureDescribed(wire, depth);

        // The high nibble of a constructor says how long the value is (part 1, figure 1.4).
        return (code >> 4) switch
        {
            0x4 => 1,
            0x5 => Fits(2, wire),
            0x6 => Fits(3, wire),
            0x7 => Fits(5, wire),
            0x8 => Fits(9, wire),
            0x9 => Fits(17, wire),
            0xa => wire.Length < 2 ? -1 : Fits(2 + wire[1], wire),
            0xb => wire.Length < 5 ? -1 : Fits(5L + BinaryPrimitives.ReadUInt32BigEndian(wire[1..]), wire),
            0xc => wire.Length < 3 ? -1 : Compound(wire, 1, code, depth),
            0xd => wire.Length < 9 ? -1 : Compound(wire, 4, code, depth),
            0xe => wire.Length < 4 ? -1 : Compound(wire, 1, code, depth),
            0xf => wire.Length < 10 ? -1 : Compound(wire, 4, code, depth),
            _ => -1,
        };
    }

    private static int Fits(long length, ReadOnlySpan<byte> wire) => length <= wire.Length ? (int)length : -1;

    private static int MeasureDescribed(ReadOnlySpan<byte> wire, int depth)
    {
        var descriptor = Measure(wire[1..], depth - 1);
        if (descriptor < 0) return -1;
        var value = Measure(wire[(1 + descriptor)..], depth - 1);
        return value < 0 ? -1 : 1 + descriptor + value;
    }

    private static int Compound(ReadOnlySpan<byte> wire, int width, byte code, int depth)
    {
        long size = width == 1 ? wire[1] : BinaryPrimitives.ReadUInt32BigEndian(wire[1..]);
        long count = width == 1 ? wire[2] : BinaryPrimitives.ReadUInt32BigEndian(wire[5..]);
        var length = Fits(1 + width + size, wire);
        if (length < 0 || size < width || count > size) return -1;
        var items = wire[(1 + (2 * width))..length];
        return (code & 0xf0) is 0xe0 or 0xf0
            ? ArrayItems(items, depth) ? length : -1
            : ListItems(items, count, depth) ? length : -1;
    }

    private static bool ListItems(ReadOnlySpan<byte> items, long count, int depth)
    {
        for (; count > 0; count--)
        {
            var item = Measure(items, depth - 1);
            if (item < 0) return false;
            items = items[item..];
        }

        return items.IsEmpty;
    }

    // An array has one constructor for all items. Only arrays of plain values are accepted: nobody sends arrays of compounds, and
    // refusing them keeps this function free of recursion.
    private static bool ArrayItems(ReadOnlySpan<byte> items, int depth) =>
        depth > 0 && !items.IsEmpty && items[0] is >= 0x40 and < 0xc0;
}
