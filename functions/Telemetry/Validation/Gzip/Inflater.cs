using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Validation;

/// <summary>DEFLATE (RFC 1951) from a span to a span. Keeps its tables between calls; not thread-safe.</summary>
internal sealed class Inflater
{
    /// <summary>The answer when the output does not fit.</summary>
    public const int TooLarge = -2;

    private const int Malformed = -1;
    private readonly HuffmanCode _literals = new(288);
    private readonly HuffmanCode _distances = new(32);
    private readonly HuffmanCode _lengths = new(19);
    private readonly HuffmanCode _fixedLiterals = new(288);
    private readonly HuffmanCode _fixedDistances = new(32);
    private readonly byte[] _bits = new byte[288 + 32];

    public Inflater()
    {
        Span<byte> bits = stackalloc byte[288];
        bits[..144].Fill(8);
        bits[144..256].Fill(9);
        bits[256..280].Fill(7);
        bits[280..].Fill(8);
        _fixedLiterals.Build(bits);
        bits[..30].Fill(5);
        // 30 and 31 have codes but no meaning (RFC 1951 section 3.2.6).
        bits[30..32].Fill(5);
        _fixedDistances.Build(bits[..32]);
    }

    private static readonly ushort[] LengthBase =
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static ReadOnlySpan<byte> LengthExtra =>
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    private static readonly ushort[] DistanceBase =
    [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
        16385, 24577,
    ];

    private static ReadOnlySpan<byte> DistanceExtra =>
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    private static ReadOnlySpan<byte> LengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Inflates all blocks.</summary>
    /// <returns>Bytes written; -1: malformed; <see cref="TooLarge"/>: more than <paramref name="into"/> holds.</returns>
    public int Inflate(ReadOnlySpan<byte> from, Span<byte> into, out int used)
    {
        var bits = new BitReader(from);
        var length = 0;
        bool last;
        do
        {
            last = bits.Take(1) == 1;
            length = bits.Take(2) switch
            {
                0 => Stored(ref bits, into, length),
                1 => Codes(ref bits, into, length, _fixedLiterals, _fixedDistances),
                2 => ReadCodes(ref bits) ? Codes(ref bits, into, length, _literals, _distances) : Malformed,
                _ => Malformed,
            };
            if (bits.Overrun) length = Malformed;
        }
        while (!last && length >= 0);
        used = bits.Used;
        return length;
    }

    private static int Stored(ref BitReader bits, Span<byte> into, int length)
    {
        bits.ToByte();
        var count = bits.Take(16);
        if (bits.Take(16) != (~count & 0xFFFF)) return Malformed;
        if (!bits.TakeBytes(count, out var bytes)) return Malformed;
        if (bytes.Length > into.Length - length) return TooLarge;
        bytes.CopyTo(into[length..]);
        return length + bytes.Length;
    }

    private bool ReadCodes(ref BitReader bits)
    {
        var literals = bits.Take(5) + 257;
        var distances = bits.Take(5) + 1;
        var lengths = bits.Take(4) + 4;
        if (literals > 286 || distances > 30) return false;
        Span<byte> order = stackalloc byte[19];
        order.Clear();
        for (var i = 0; i < lengths; i++) order[LengthOrder[i]] = (byte)bits.Take(3);
        if (!_lengths.Build(order, complete: true)) return false;
        for (var i = 0; i < literals + distances;)
        {
            var symbol = _lengths.Decode(ref bits);
            if (symbol < 0 || bits.Overrun) return false;
            if (symbol < 16)
            {
                _bits[i++] = (byte)symbol;
                continue;
            }

            if (symbol == 16 && i == 0) return false;
            var value = symbol == 16 ? _bits[i - 1] : (byte)0;
            var repeat = symbol switch { 16 => 3 + bits.Take(2), 17 => 3 + bits.Take(3), _ => 11 + bits.Take(7) };
            if (repeat > literals + distances - i) return false;
            _bits.AsSpan(i, repeat).Fill(value);
            i += repeat;
        }

        return _bits[256] != 0 // a block that cannot end
            && _literals.Build(_bits.AsSpan(0, literals)) && _distances.Build(_bits.AsSpan(literals, distances));
    }

    private static int Codes(ref BitReader bits, Span<byte> into, int length, HuffmanCode literals, HuffmanCode distances)
    {
        while (true)
        {
            var symbol = literals.Decode(ref bits);
            if (symbol < 0 || bits.Overrun) return Malformed;
            if (symbol < 256)
            {
                if (length == into.Length) return TooLarge;
                into[length++] = (byte)symbol;
                continue;
            }

            if (symbol == 256) return length;
            symbol -= 257;
            if (symbol >= 29) return Malformed;
            var count = LengthBase[symbol] + bits.Take(LengthExtra[symbol]);
            var code = distances.Decode(ref bits);
            if (code is < 0 or >= 30) return Malformed;
            var distance = DistanceBase[code] + bits.Take(DistanceExtra[code]);
            if (bits.Overrun || distance > length) return Malformed;
            if (count > into.Length - length) return TooLarge;
            // Byte by byte where source and target overlap: that is how DEFLATE writes runs.
            if (distance >= count) into.Slice(length - distance, count).CopyTo(into[length..]);
            else for (var i = 0; i < count; i++) into[length + i] = into[length + i - distance];
            length += count;
        }
    }
}

/// <summary>Bits of a span, least significant first. Past the end it gives zeros and remembers.</summary>
internal ref struct BitReader(ReadOnlySpan<byte> from)
{
    private readonly ReadOnlySpan<byte> _from = from;
    private ulong _buffer;
    private int _count;
    private int _at;
    private int _missing;

    /// <summary>Whether more bits were taken than there are.</summary>
    public readonly bool Overrun => _missing * 8 > _count;

    /// <summary>Bytes taken, the last one perhaps in part.</summary>
    public readonly int Used => _at - ((_count / 8) - _missing);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill()
    {
        while (_count <= 48)
        {
            if (_at < _from.Length) _buffer |= (ulong)_from[_at++] << _count;
            else if (_missing < 16) _missing++;
            else return; // far past the end: the caller sees Overrun
            _count += 8;
        }
    }

    public readonly int Peek(int bits) => (int)(_buffer & ((1UL << bits) - 1));

    public void Drop(int bits)
    {
        _buffer >>= bits;
        _count -= bits;
    }

    public int Take(int bits)
    {
        if (_count < bits) Fill();
        var value = Peek(bits);
        Drop(Math.Min(bits, _count));
        return value;
    }

    public void ToByte() => Drop(_count & 7);

    public bool TakeBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        // Whole bytes still in the buffer go back to the span.
        var at = _at - ((_count / 8) - _missing);
        bytes = default;
        if (_missing > _count / 8 || count > _from.Length - at) return false;
        bytes = _from.Slice(at, count);
        _at = at + count;
        _buffer = 0;
        _count = 0;
        _missing = 0;
        return true;
    }
}
