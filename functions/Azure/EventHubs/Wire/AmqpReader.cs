using System.Buffers.Binary;
using System.Text;

namespace Serverless.EventHubs.Wire;

/// <summary>Decodes AMQP values from bytes that <see cref="AmqpScan.Measure"/> accepted before.</summary>
/// <remarks>Malformed input throws <see cref="InvalidDataException"/>, never anything else; recursion is bounded by the scan.</remarks>
internal static class AmqpReader
{
    /// <summary>Decodes the first value and moves past it.</summary>
    /// <param name="wire">The bytes; advanced.</param>
    /// <returns>A primitive; symbols as <see cref="string"/>, timestamps as UTC <see cref="DateTimeOffset"/>, binaries as
    /// <see cref="byte"/> arrays, lists and arrays as <see cref="object"/> arrays, maps as dictionaries with text keys.
    /// Decimals, which nobody in this pipeline computes with, stay encoded.</returns>
    public static object? Read(ref ReadOnlySpan<byte> wire)
    {
        var length = AmqpScan.Measure(wire);
        if (length < 0) throw new InvalidDataException("malformed AMQP value");
        var value = wire[..length];
        wire = wire[length..];
        if (value[0] != 0x00) return Plain(value[0], value[1..]);
        var described = value[(1 + AmqpScan.Measure(value[1..]))..];
        return Read(ref described);
    }

    /// <summary>Decodes a map into a dictionary; keys become text, the last of equal keys wins.</summary>
    /// <param name="map">The encoded map value.</param>
    public static Dictionary<string, object?> ReadMap(ReadOnlySpan<byte> map)
    {
        var items = Items(map, out var count);
        return MapItems(items, count);
    }

    /// <summary>The items behind a list's or map's header.</summary>
    /// <param name="compound">An encoded list or map.</param>
    /// <param name="count">Number of items (a map has two an entry).</param>
    public static ReadOnlySpan<byte> Items(ReadOnlySpan<byte> compound, out int count)
    {
        switch (compound.IsEmpty ? (byte)0 : compound[0])
        {
            case 0x45:
                count = 0;
                return [];
            case 0xc0 or 0xc1:
                count = compound[2];
                return compound[3..];
            case 0xd0 or 0xd1:
                count = (int)BinaryPrimitives.ReadUInt32BigEndian(compound[5..]);
                return compound[9..];
            default:
                throw new InvalidDataException("AMQP list or map expected");
        }
    }

    /// <summary>Whether the value is a string or symbol, and its UTF-8 bytes.</summary>
    /// <param name="value">An encoded value.</param>
    /// <param name="text">Its bytes.</param>
    public static bool TryText(ReadOnlySpan<byte> value, out ReadOnlySpan<byte> text)
    {
        text = value.IsEmpty ? [] : value[0] switch
        {
            0xa1 or 0xa3 => value[2..(2 + value[1])],
            0xb1 or 0xb3 => value[5..(int)(5 + BinaryPrimitives.ReadUInt32BigEndian(value[1..]))],
            _ => [],
        };
        return !value.IsEmpty && value[0] is 0xa1 or 0xa3 or 0xb1 or 0xb3;
    }

    private static string KeyText(object? key) =>
        key as string ?? Convert.ToString(key, System.Globalization.CultureInfo.InvariantCulture) ?? "";

    private static object? Plain(byte code, ReadOnlySpan<byte> data) => code switch
    {
        0x40 => null,
        0x41 => true,
        0x42 => false,
        0x43 => 0u,
        0x44 => 0ul,
        0x45 => Array.Empty<object?>(),
        0x50 => data[0],
        0x51 => unchecked((sbyte)data[0]),
        0x52 => (uint)data[0],
        0x53 => (ulong)data[0],
        0x54 => (int)unchecked((sbyte)data[0]),
        0x55 => (long)unchecked((sbyte)data[0]),
        0x56 => data[0] != 0,
        0x60 => BinaryPrimitives.ReadUInt16BigEndian(data),
        0x61 => BinaryPrimitives.ReadInt16BigEndian(data),
        0x70 => BinaryPrimitives.ReadUInt32BigEndian(data),
        0x71 => BinaryPrimitives.ReadInt32BigEndian(data),
        0x72 => BinaryPrimitives.ReadSingleBigEndian(data),
        0x73 => Rune.IsValid(BinaryPrimitives.ReadInt32BigEndian(data)) ? new Rune(BinaryPrimitives.ReadInt32BigEndian(data)).ToString() : "\uFFFD",
        0x80 => BinaryPrimitives.ReadUInt64BigEndian(data),
        0x81 => BinaryPrimitives.ReadInt64BigEndian(data),
        0x82 => BinaryPrimitives.ReadDoubleBigEndian(data),
        0x83 => Timestamp(BinaryPrimitives.ReadInt64BigEndian(data)),
        0x98 => new Guid(data, bigEndian: true),
        0xa0 => data[1..].ToArray(),
        0xb0 => data[4..].ToArray(),
        0xa1 or 0xa3 => Encoding.UTF8.GetString(data[1..]),
        0xb1 or 0xb3 => Encoding.UTF8.GetString(data[4..]),
        0xc0 or 0xd0 => List(code, data),
        0xc1 => MapItems(data[2..], data[1]),
        0xd1 => MapItems(data[8..], (int)BinaryPrimitives.ReadUInt32BigEndian(data[4..])),
        0xe0 or 0xf0 => ArrayItems(code == 0xe0 ? data[1..] : data[4..], code == 0xe0),
        0x74 or 0x84 or 0x94 => data.ToArray(),
        _ => throw new InvalidDataException("unknown AMQP type"),
    };

    // A timestamp outside the calendar stays a number: refusing it would let one publisher stop every reader.
    private static object Timestamp(long ms) =>
        ms is >= -62_135_596_800_000 and <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : ms;

    private static object?[] List(byte code, ReadOnlySpan<byte> data)
    {
        var wide = code == 0xd0;
        var items = new object?[wide ? BinaryPrimitives.ReadUInt32BigEndian(data[4..]) : data[1]];
        var rest = data[(wide ? 8 : 2)..];
        for (var i = 0; i < items.Length; i++) items[i] = Read(ref rest);
        return items;
    }

    private static Dictionary<string, object?> MapItems(ReadOnlySpan<byte> items, int count)
    {
        var entries = new Dictionary<string, object?>(count / 2, StringComparer.Ordinal);
        for (var i = 0; i + 1 < count; i += 2)
        {
            var key = Read(ref items);
            entries[KeyText(key)] = Read(ref items);
        }

        return entries;
    }

    private static object?[] ArrayItems(ReadOnlySpan<byte> data, bool narrow)
    {
        var count = narrow ? data[0] : BinaryPrimitives.ReadUInt32BigEndian(data);
        data = data[(narrow ? 1 : 4)..];
        var constructor = data[0];
        data = data[1..];
        var items = new object?[count];
        for (var i = 0; i < items.Length; i++)
        {
            var length = ItemLength(constructor, data);
            items[i] = Plain(constructor, data[..length]);
            data = data[length..];
        }

        return items;
    }

    private static int ItemLength(byte constructor, ReadOnlySpan<byte> data) => (constructor >> 4) switch
    {
        0xa => 1 + data[0],
        0xb => 4 + (int)BinaryPrimitives.ReadUInt32BigEndian(data),
        _ => AmqpScan.FixedWidth(constructor),
    };
}
