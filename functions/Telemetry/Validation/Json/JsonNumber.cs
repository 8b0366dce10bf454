using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>JSON numbers (RFC 8259 section 6) to doubles, rounded right.</summary>
internal static class JsonNumber
{
    /// <summary>Longest number, in characters; more digits than any sensor has, few enough to bound the exact conversion.</summary>
    public const int LengthMax = 128;

    // Powers of ten that a double holds exactly (Clinger 1990): one division of two exact values rounds once, so rightly.
    // An array, because only optimised code makes a span of constants without allocating.
    private static readonly double[] Powers =
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];

    /// <summary>Reads the number at <paramref name="at"/>, which is a digit or a minus.</summary>
    /// <returns>The place after it, or -1 with the fault.</returns>
    public static int Read(ReadOnlySpan<byte> json, int at, out double value, out bool whole, out Fault? fault)
    {
        unchecked
        {
            var start = at;
            var negative = json[at] == '-';
            if (negative) at++;
            ulong mantissa = 0;
            var digitsAt = at;
            uint digit;
            while (at < json.Length && (digit = (uint)(json[at] - '0')) <= 9)
            {
                mantissa = (mantissa * 10) + digit;
                at++;
            }

            var digits = at - digitsAt;
            value = 0;
            whole = true;
            if (digits == 0 || (digits > 1 && json[digitsAt] == '0')) return Refuse(MessageFaults.JsonMalformed, out fault);
            var fraction = 0;
            if (at < json.Length && json[at] == '.')
            {
                whole = false;
                var fractionAt = ++at;
                while (at < json.Length && (digit = (uint)(json[at] - '0')) <= 9)
                {
                    mantissa = (mantissa * 10) + digit;
                    at++;
                }

                fraction = at - fractionAt;
                if (fraction == 0) return Refuse(MessageFaults.JsonMalformed, out fault);
            }

            var exponent = at < json.Length && (json[at] | 0x20) == 'e';
            // 19 digits cannot overflow the mantissa, whatever they are.
            if (exponent || digits + fraction > 19 || mantissa > 1UL << 53)
                return ReadSlow(json, start, at, exponent, ref whole, out value, out fault);
            value = mantissa / Powers[fraction];
            if (negative) value = -value;
            fault = null;
            return at;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadSlow(ReadOnlySpan<byte> json, int start, int at, bool exponent, ref bool whole, out double value, out Fault? fault)
    {
        value = 0;
        if (exponent)
        {
            whole = false;
            at++;
            if (at < json.Length && json[at] is (byte)'+' or (byte)'-') at++;
            var digitsAt = at;
            while (at < json.Length && json[at] is >= (byte)'0' and <= (byte)'9') at++;
            if (at == digitsAt) return Refuse(MessageFaults.JsonMalformed, out fault);
        }

        if (at - start > LengthMax) return Refuse(MessageFaults.NumberTooLong, out fault);
        if (!double.TryParse(json[start..at], NumberStyles.Float, CultureInfo.InvariantCulture, out value))
            return Refuse(MessageFaults.JsonMalformed, out fault);
        if (!double.IsFinite(value)) return Refuse(MessageFaults.NumberNotFinite, out fault);
        fault = null;
        return at;
    }

    private static int Refuse(Fault why, out Fault? fault)
    {
        fault = why;
        return -1;
    }
}
