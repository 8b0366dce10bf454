using System.Buffers.Text;

namespace Serverless.Telemetry.Validation;

/// <summary>CBOR numbers as doubles and as JSON text that loses nothing.</summary>
internal static class CborNumber
{
    /// <summary>Longest big number, in bytes: 128 bits.</summary>
    public const int BignumBytesMax = 16;

    /// <summary>Greatest exponent of a decimal fraction, either way.</summary>
    public const int ExponentMax = 64;

    /// <summary>Longest text of any number here: sign, 0, point, 64 zeros and 20 digits.</summary>
    public const int TextBytesMax = 96;

    public static double Float(in CborHead head) => head.Info switch
    {
        25 => (double)BitConverter.UInt16BitsToHalf((ushort)head.Argument),
        26 => BitConverter.UInt32BitsToSingle((uint)head.Argument),
        _ => BitConverter.UInt64BitsToDouble(head.Argument),
    };

    public static double Bignum(bool negative, ReadOnlySpan<byte> bytes)
    {
        Span<byte> text = stackalloc byte[TextBytesMax];
        var length = WriteBignum(negative, bytes, text);
        return double.Parse(text[..length], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Whether a decimal fraction's exponent is within ±64.</summary>
    public static bool IsSmall(in CborHead exponent) =>
        exponent.Major switch
        {
            CborHead.Unsigned => exponent.Argument <= ExponentMax,
            CborHead.Negative => exponent.Argument < ExponentMax,
            _ => false,
        };

    /// <summary>Writes <c>mantissa × 10^exponent</c> with the digits the device chose: [-2, 150] is 1.50.</summary>
    public static int WriteDecimal(in CborHead exponent, in CborHead mantissa, Span<byte> into)
    {
        Span<byte> digits = stackalloc byte[24];
        var negative = mantissa.Major == CborHead.Negative;
        var length = Digits(negative ? (UInt128)mantissa.Argument + 1 : mantissa.Argument, digits);
        var at = 0;
        if (negative) into[at++] = (byte)'-';
        if (exponent.Major == CborHead.Unsigned)
        {
            digits[..length].CopyTo(into[at..]);
            at += length;
            if (exponent.Argument == 0) return at;
            into[at++] = (byte)'e';
            return at + Digits(exponent.Argument, into[at..]);
        }

        var places = (int)exponent.Argument + 1;
        var whole = Math.Max(length - places, 0);
        if (whole == 0) into[at++] = (byte)'0';
        digits[..whole].CopyTo(into[at..]);
        at += whole;
        into[at++] = (byte)'.';
        for (var zeros = places - length; zeros > 0; zeros--) into[at++] = (byte)'0';
        digits[whole..length].CopyTo(into[at..]);
        return at + length - whole;
    }

    /// <summary>Writes a big number: tag 2 is n, tag 3 is -1 - n.</summary>
    public static int WriteBignum(bool negative, ReadOnlySpan<byte> bytes, Span<byte> into)
    {
        UInt128 number = 0;
        foreach (var part in bytes) number = (number << 8) | part;
        if (!negative) return Digits(number, into);
        into[0] = (byte)'-';
        if (number != UInt128.MaxValue) return 1 + Digits(number + 1, into[1..]);
        "340282366920938463463374607431768211456"u8.CopyTo(into[1..]); // 2^128
        return 40;
    }

    /// <summary>Writes the number item at the start of <paramref name="cbor"/>.</summary>
    public static int Write(ReadOnlySpan<byte> cbor, Span<byte> into)
    {
        var at = CborHead.Read(cbor, 0, out var head);
        int length;
        switch (head.Major)
        {
            case CborHead.Unsigned:
                return Digits(head.Argument, into);
            case CborHead.Negative:
                into[0] = (byte)'-';
                return 1 + Digits((UInt128)head.Argument + 1, into[1..]);
            case CborHead.Tag when head.Argument == 4:
                at = CborHead.Read(cbor, CborHead.Read(cbor, at, out _), out var exponent);
                CborHead.Read(cbor, at, out var mantissa);
                return WriteDecimal(exponent, mantissa, into);
            case CborHead.Tag:
                at = CborHead.Read(cbor, at, out var bytes);
                return WriteBignum(head.Argument == 3, cbor.Slice(at, (int)bytes.Argument), into);
            default:
                // The shortest text that reads back as the same double; a half or single is exactly some double.
                return Utf8Formatter.TryFormat(Float(head), into, out length) ? length : throw new InvalidOperationException("A double fits 96 bytes.");
        }
    }

    /// <summary>Bytes of the number item at the start of <paramref name="cbor"/>.</summary>
    public static int Length(ReadOnlySpan<byte> cbor)
    {
        var at = CborHead.Read(cbor, 0, out var head);
        if (head.Major != CborHead.Tag) return at;
        at = CborHead.Read(cbor, at, out var inner);
        if (inner.Major == CborHead.Bytes) return at + (int)inner.Argument;
        return CborHead.Read(cbor, CborHead.Read(cbor, at, out _), out _);
    }

    private static int Digits(UInt128 number, Span<byte> into) =>
        number.TryFormat(into, out var length, default, System.Globalization.CultureInfo.InvariantCulture)
            ? length : throw new InvalidOperationException("39 digits fit.");
}
