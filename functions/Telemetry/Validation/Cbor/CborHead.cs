using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Validation;

/// <summary>The head of a CBOR item (RFC 8949 section 3): major type, additional information, argument.</summary>
internal struct CborHead
{
    public const int Unsigned = 0, Negative = 1, Bytes = 2, Text = 3, Array = 4, Map = 5, Tag = 6, Simple = 7;
    public const int Indefinite = 31;

    public int Major;
    public int Info;
    public ulong Argument;

    /// <summary>Reads a head. Longer arguments than needed are fine: deterministic encoding is not asked for.</summary>
    /// <returns>The place after it; -1: the bytes end; -2: reserved additional information, or indefinite where there is no such thing.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ReadOnlySpan<byte> cbor, int at, out CborHead head)
    {
        head = default;
        if ((uint)at >= (uint)cbor.Length) return -1;
        var first = cbor[at++];
        head.Major = first >> 5;
        head.Info = first & 31;
        if (head.Info >= 24) return ReadLong(cbor, at, ref head);
        head.Argument = (ulong)head.Info;
        return at;
    }

    private static int ReadLong(ReadOnlySpan<byte> cbor, int at, ref CborHead head)
    {
        if (head.Info == Indefinite) return head.Major is Unsigned or Negative or Tag ? -2 : at;
        if (head.Info > 27) return -2;
        var length = 1 << (head.Info - 24);
        if (cbor.Length - at < length) return -1;
        var bytes = cbor.Slice(at, length);
        head.Argument = length switch
        {
            1 => bytes[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(bytes),
            4 => BinaryPrimitives.ReadUInt32BigEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64BigEndian(bytes),
        };
        return at + length;
    }
}
