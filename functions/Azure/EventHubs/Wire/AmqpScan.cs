using System.Buffers.Binary;

namespace Serverless.EventHubs.Wire;

/// <summary>Measures encoded AMQP values (OASIS AMQP 1.0 part 1, section 1.2) without decoding them, and refuses what would hurt a
/// decoder: truncation, counts larger than the bytes behind them, nesting beyond a bound.</summary>
/// <remarks>AMQPNetLite decodes by recursion and believes counts: one byte a level overflows the stack, eight bytes ask for
/// gigabytes. So every performative and every message passes here first.</remarks>
internal static class AmqpScan
{
    /// <summary>Levels of described types, lists, maps and arrays that are accepted; real peers use at most five.</summary>
    public const int DepthMax = 32;

    /// <summary>Length of the first value in <paramref name="wire"/>.</summary>
    /// <param name="wire">Untrusted bytes.</param>
    /// <param name="depth">Levels still allowed.</param>
    /// <returns>Its length in bytes, at least 1, or -1 if it is malformed, truncated or nested too deeply.</returns>
    public static int Measure(ReadOnlySpan<byte> wire, int depth = DepthMax)
    {
        if (wire.IsEmpty || depth < 0) return -1;
        var code = wire[0];
        if (code == 0x00) return MeasureDescribed(wire, depth);

        // The high nibble of a constructor says how long the value is (part 1, figure 1.4); not every low nibble is assigned.
        if (!IsAssigned(code)) return -1;
        return (code >> 4) switch
        {
            0xa => wire.Length < 2 ? -1 : Fits(2 + wire[1], wire),
            0xb => wire.Length < 5 ? -1 : Fits(5L + BinaryPrimitives.ReadUInt32BigEndian(wire[1..]), wire),
            0xc => wire.Length < 3 ? -1 : Compound(wire, 1, code, depth),
            0xd => wire.Length < 9 ? -1 : Compound(wire, 4, code, depth),
            0xe => wire.Length < 4 ? -1 : Compound(wire, 1, code, depth),
            0xf => wire.Length < 10 ? -1 : Compound(wire, 4, code, depth),
            _ => Fits(1 + FixedWidth(code), wire),
        };
    }

    /// <summary>Bytes behind a fixed-width constructor (0x40 to 0x9f).</summary>
    /// <param name="code">The constructor.</param>
    public static int FixedWidth(byte code) => (code >> 4) switch { 0x4 => 0, 0x5 => 1, 0x6 => 2, 0x7 => 4, 0x8 => 8, _ => 16 };

    // Part 1, section 1.6: the primitive types and their encodings.
    private static bool IsAssigned(byte code) =>
        code is (>= 0x40 and <= 0x45) or (>= 0x50 and <= 0x56) or 0x60 or 0x61 or (>= 0x70 and <= 0x74) or (>= 0x80 and <= 0x84)
            or 0x94 or 0x98 or 0xa0 or 0xa1 or 0xa3 or 0xb0 or 0xb1 or 0xb3 or 0xc0 or 0xc1 or 0xd0 or 0xd1 or 0xe0 or 0xf0;

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
            ? ArrayItems(items, count, depth) ? length : -1
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
    private static bool ArrayItems(ReadOnlySpan<byte> items, long count, int depth)
    {
        if (depth <= 0 || items.IsEmpty || !IsAssigned(items[0])) return false;
        var constructor = items[0];
        var data = items[1..];
        if (constructor < 0xa0) return data.Length == count * FixedWidth(constructor);
        if (constructor >= 0xc0) return false;
        var prefix = constructor < 0xb0 ? 1 : 4;
        for (; count > 0; count--)
        {
            if (data.Length < prefix) return false;
            var length = prefix + (prefix == 1 ? data[0] : (long)BinaryPrimitives.ReadUInt32BigEndian(data));
            if (length > data.Length) return false;
            data = data[(int)length..];
        }

        return data.IsEmpty;
    }
}
