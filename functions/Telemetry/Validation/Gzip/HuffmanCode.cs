
namespace Serverless.Telemetry.Validation;

/// <summary>A canonical Huffman code (RFC 1951 section 3.2.2): nine bits by one look-up, longer ones bit by bit.</summary>
internal sealed class HuffmanCode(int symbolsMax)
{
    private const int BitsMax = 15, FastBits = 9;
    private readonly ushort[] _fast = new ushort[1 << FastBits]; // symbol << 4 | length; 0: not a short code
    private readonly ushort[] _count = new ushort[BitsMax + 1];
    private readonly ushort[] _symbols = new ushort[symbolsMax];

    /// <summary>Makes the code from its lengths.</summary>
    /// <param name="lengths">Bits of each symbol, 0 for a symbol that does not occur.</param>
    /// <param name="complete">Whether even a code of a single symbol must use every bit pattern.</param>
    /// <returns>Whether the lengths make a code: not over-subscribed, and complete unless it has at most one symbol.</returns>
    public bool Build(ReadOnlySpan<byte> lengths, bool complete = false)
    {
        Array.Clear(_count);
        foreach (var length in lengths) _count[length]++;
        var used = lengths.Length - _count[0];
        _count[0] = 0;
        var left = 1;
        Span<ushort> offset = stackalloc ushort[BitsMax + 2];
        offset.Clear();
        Span<int> code = stackalloc int[BitsMax + 2];
        code.Clear();
        for (var bits = 1; bits <= BitsMax; bits++)
        {
            left = (left << 1) - _count[bits];
            if (left < 0) return false;
            offset[bits + 1] = (ushort)(offset[bits] + _count[bits]);
            code[bits + 1] = (code[bits] + _count[bits]) << 1;
        }

        // One code of one bit is allowed for distances (RFC 1951 section 3.2.7), and none where only literals occur.
        if (left > 0 && (complete || used > 1 || _count[1] != used)) return false;
        Array.Clear(_fast);
        for (var symbol = 0; symbol < lengths.Length; symbol++)
        {
            var bits = lengths[symbol];
            if (bits == 0) continue;
            _symbols[offset[bits]++] = (ushort)symbol;
            var word = code[bits]++;
            if (bits <= FastBits) Spread(word, bits, (ushort)((symbol << 4) | bits));
        }

        return true;
    }

    /// <summary>The next symbol, or -1 when the bits are no code.</summary>
    public int Decode(ref BitReader bits)
    {
        bits.Fill();
        var fast = _fast[bits.Peek(FastBits)];
        if (fast != 0)
        {
            bits.Drop(fast & 15);
            return fast >> 4;
        }

        var (code, first, index) = (0, 0, 0);
        var ahead = bits.Peek(BitsMax);
        for (var length = 1; length <= BitsMax; length++)
        {
            code |= ahead & 1;
            ahead >>= 1;
            var count = _count[length];
            if (code - count < first)
            {
                bits.Drop(length);
                return _symbols[index + code - first];
            }

            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }

        return -1;
    }

    private void Spread(int word, int bits, ushort entry)
    {
        // Codes are packed from their most significant bit: turn them round for a reader that takes the least significant first.
        var reversed = 0;
        for (var i = 0; i < bits; i++) reversed |= (word >> i & 1) << (bits - 1 - i);
        for (var place = reversed; place < _fast.Length; place += 1 << bits) _fast[place] = entry;
    }
}
