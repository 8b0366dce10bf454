using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text;
using System.Text.Unicode;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>JSON texts (RFC 8259 section 7): finds the end, checks UTF-8, unescapes what is escaped.</summary>
internal static class JsonText
{
    private static readonly SearchValues<byte> EndsRun = SearchValues.Create(
        [(byte)'"', (byte)'\\', .. Enumerable.Range(0, 0x20).Select(i => (byte)i)]);

    /// <summary>Length of the run from <paramref name="at"/> that is plain: ASCII without quote, backslash or control character.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Plain(ReadOnlySpan<byte> json, int at)
    {
        var from = at;
        while (json.Length - at >= Vector128<byte>.Count)
        {
            var block = Vector128.LoadUnsafe(ref Unsafe.AsRef(in json[at]));
            var ends = Vector128.Equals(block, Vector128.Create((byte)'"'))
                | Vector128.Equals(block, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(block.AsSByte(), Vector128.Create((sbyte)0x20)).AsByte(); // signed: also 0x80 and above
            var mask = ends.ExtractMostSignificantBits();
            if (mask != 0) return at - from + BitOperations.TrailingZeroCount(mask);
            at += Vector128<byte>.Count;
        }

        while (at < json.Length && json[at] is >= 0x20 and < 0x80 and not (byte)'"' and not (byte)'\\') at++;
        return at - from;
    }

    /// <summary>Reads the text whose opening quote is before <paramref name="at"/>.</summary>
    /// <returns>The place after the closing quote, or -1 with the fault.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ReadOnlySpan<byte> json, int at, Readings readings, ref Item item, out Fault? fault)
    {
        var length = Plain(json, at);
        var end = at + length;
        if (end < json.Length && json[end] == '"' && length <= Readings.TextBytesMax)
        {
            fault = null;
            item.Kind = ItemKind.Text;
            item.InScratch = false;
            item.Start = at - 1;
            item.TextStart = at;
            item.TextLength = length;
            item.Length = length + 2;
            return end + 1;
        }

        return ReadSlow(json, at, readings, ref item, out fault);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadSlow(ReadOnlySpan<byte> json, int start, Readings readings, ref Item item, out Fault? fault)
    {
        var (at, escaped) = (start, false);
        while (true)
        {
            var run = json[at..].IndexOfAny(EndsRun);
            if (run < 0 || json[at + run] < 0x20) return Refuse(MessageFaults.JsonMalformed, out fault);
            at += run;
            if (json[at] == '"') break;
            escaped = true;
            at += 2;
            if (at > json.Length) return Refuse(MessageFaults.JsonMalformed, out fault);
        }

        var raw = json[start..at];
        if (!Utf8.IsValid(raw)) return Refuse(MessageFaults.JsonInvalidUtf8, out fault);
        item = new Item { Kind = ItemKind.Text, Start = start - 1, Length = raw.Length + 2, TextStart = start, TextLength = raw.Length };
        if (escaped)
        {
            fault = Unescape(raw, readings.ScratchFor(json.Length, raw.Length), out var length);
            if (fault is not null) return -1;
            item.TextStart = readings.KeepScratch(length);
            item.TextLength = length;
            item.InScratch = true;
        }

        if (item.TextLength > Readings.TextBytesMax) return Refuse(MessageFaults.TextTooLong, out fault);
        fault = null;
        return at + 1;
    }

    private static int Refuse(Fault why, out Fault? fault)
    {
        fault = why;
        return -1;
    }

    private static Fault? Unescape(ReadOnlySpan<byte> raw, Span<byte> into, out int length)
    {
        length = 0;
        for (var i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                into[length++] = raw[i];
                continue;
            }

            i++; // A backslash is never last: the scan above skipped it together with what it escapes.
            var plain = raw[i] switch
            {
                (byte)'"' or (byte)'\\' or (byte)'/' => raw[i],
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                (byte)'u' => (byte)1,
                _ => (byte)0,
            };
            if (plain == 0) return MessageFaults.JsonMalformed;
            if (plain != 1)
            {
                into[length++] = plain;
                continue;
            }

            if (!Hex4(raw, i + 1, out var unit)) return MessageFaults.JsonMalformed;
            i += 4;
            if (unit is >= 0xD800 and < 0xE000)
            {
                if (i + 2 >= raw.Length || raw[i + 1] != '\\' || raw[i + 2] != 'u') return MessageFaults.JsonLoneSurrogate;
                if (!Hex4(raw, i + 3, out var low)) return MessageFaults.JsonMalformed;
                if (unit >= 0xDC00 || low is < 0xDC00 or > 0xDFFF) return MessageFaults.JsonLoneSurrogate;
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                i += 6;
            }

            length += new Rune(unit).EncodeToUtf8(into[length..]);
        }

        return null;
    }

    private static bool Hex4(ReadOnlySpan<byte> raw, int at, out int unit)
    {
        unit = 0;
        if (raw.Length - at < 4) return false;
        foreach (var digit in raw.Slice(at, 4))
        {
            if (!char.IsAsciiHexDigit((char)digit)) return false;
            unit = (unit << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return true;
    }
}
