using System.Buffers;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>A forward-only reader of JSON text that builds nothing: it moves over values and unescapes strings into a buffer of
/// the caller's.</summary>
/// <remarks>Its input is the host's serializer, so it is strict about structure it uses and lenient inside what it skips: a skipped
/// value needs only balanced brackets and closed strings, and raw control characters inside strings pass. UTF-8 validity is checked
/// once, over the whole request, by the caller.</remarks>
internal ref struct JsonScan(ReadOnlySpan<byte> text, string where, int depthMax)
{
    private static readonly SearchValues<byte> LiteralBytes = SearchValues.Create("0123456789+-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);
    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>Bytes read so far.</summary>
    public int At { get; set; }

    /// <summary>Bytes kept free behind a string's destination, so that whole vectors can be stored.</summary>
    public static int Slack => 32;

    /// <summary>What is not yet read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _text[At..];

    /// <summary>The next byte that is not white space, not consumed; 0 at the end (0 is never valid JSON).</summary>
    public byte Peek()
    {
        while (At < _text.Length)
        {
            var next = _text[At];
            if (next is not ((byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')) return next;
            At++;
        }

        return 0;
    }

    /// <summary>Consumes one structural byte.</summary>
    /// <param name="expected">Such as <c>{</c>.</param>
    public void Expect(byte expected)
    {
        if (Peek() != expected) throw Syntax();
        At++;
    }

    /// <summary>After a member or element: consumes a comma and says whether another follows, or consumes the closing bracket.</summary>
    /// <param name="close"><c>}</c> or <c>]</c>.</param>
    public bool More(byte close)
    {
        var next = Peek();
        At++;
        return next == ',' ? true : next == close ? false : throw Syntax();
    }

    /// <summary>Consumes an opening bracket and says whether anything stands before the closing one (consumed if not).</summary>
    /// <param name="open"><c>{</c> or <c>[</c>.</param>
    /// <param name="close">Its counterpart.</param>
    public bool Enter(byte open, byte close)
    {
        Expect(open);
        if (Peek() != close) return true;
        At++;
        return false;
    }

    /// <summary>Requires that nothing but white space is left.</summary>
    public void End()
    {
        Peek();
        if (At != _text.Length) throw Syntax();
    }

    /// <summary>Consumes a string and writes it unescaped.</summary>
    /// <param name="destination">Has room for the rest of the text and <see cref="Slack"/> more bytes from <paramref name="start"/> on;
    /// not the scanned text itself, since whole vectors are stored ahead of what is known to be needed.</param>
    /// <param name="start">Where to write.</param>
    /// <returns>Where the written text ends.</returns>
    public int String(Span<byte> destination, int start)
    {
        Expect((byte)'"');
        var (from, to) = (At, start);
        while (true)
        {
            if (from + Vector128<byte>.Count <= _text.Length)
            {
                var chunk = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(_text), (nuint)from);
                chunk.CopyTo(destination[to..]);
                var stops = Stops(chunk);
                if (stops == 0)
                {
                    from += Vector128<byte>.Count;
                    to += Vector128<byte>.Count;
                    continue;
                }

                var run = BitOperations.TrailingZeroCount(stops);
                from += run;
                to += run;
            }
            else if (from >= _text.Length)
            {
                throw Syntax();
            }

            var next = _text[from++];
            if (next == '"')
            {
                At = from;
                return to;
            }

            if (next != '\\') destination[to++] = next;
            else if (!Escape(_text, ref from, destination, ref to)) throw Syntax();
        }
    }

    /// <summary>Moves over a string without unescaping it.</summary>
    /// <returns>What stands between its quotes, and whether that holds an escape.</returns>
    public (Range Inside, bool Escaped) RawString()
    {
        Expect((byte)'"');
        var start = At;
        var escaped = false;
        for (var at = start; ;)
        {
            if (at + Vector128<byte>.Count <= _text.Length)
            {
                var stops = Stops(Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(_text), (nuint)at));
                at += stops == 0 ? Vector128<byte>.Count : BitOperations.TrailingZeroCount(stops);
                if (stops == 0) continue;
            }

            if (at >= _text.Length) throw Syntax();
            var next = _text[at++];
            if (next == '"')
            {
                At = at;
                return (start..(at - 1), escaped);
            }

            if (next != '\\') continue;
            escaped = true;
            at++; // what is escaped cannot end the string
        }
    }

    /// <summary>Consumes this very text, if it comes next.</summary>
    /// <param name="expected">Any bytes.</param>
    public bool TryConsume(ReadOnlySpan<byte> expected)
    {
        if (!_text[At..].StartsWith(expected)) return false;
        At += expected.Length;
        return true;
    }

    /// <summary>Moves over a number or <c>true</c>, <c>false</c>, <c>null</c>.</summary>
    /// <returns>Its text; not checked any further.</returns>
    public ReadOnlySpan<byte> Literal()
    {
        Peek();
        var start = At;
        var length = _text[start..].IndexOfAnyExcept(LiteralBytes);
        if (length < 0) length = _text.Length - start;
        At += length;
        return length > 0 ? _text.Slice(start, length) : throw Syntax();
    }

    /// <summary>Moves over any value.</summary>
    public void Skip()
    {
        var depth = 0;
        Span<bool> objects = stackalloc bool[depthMax]; // which bracket closes each level
        do
        {
            switch (Peek())
            {
                case (byte)'"':
                    RawString();
                    break;
                case (byte)'{' or (byte)'[':
                    if (depth == depthMax) throw new EnvelopeException(new Fault("envelope-depth", where));
                    objects[depth++] = _text[At++] == '{';
                    break;
                case (byte)'}' or (byte)']':
                    if (depth == 0 || objects[--depth] != (_text[At++] == '}')) throw Syntax();
                    break;
                case (byte)',' or (byte)':' when depth > 0:
                    At++;
                    break;
                default:
                    Literal();
                    break;
            }
        }
        while (depth > 0);
    }

    /// <summary>Unescapes the inside of a string onto itself; what is unescaped is never longer.</summary>
    /// <param name="text">What stood between the quotes.</param>
    /// <param name="length">Its length afterwards.</param>
    /// <returns>Whether every escape was one.</returns>
    public static bool UnescapeInPlace(Span<byte> text, out int length)
    {
        var from = text.IndexOf((byte)'\\');
        length = from < 0 ? text.Length : from;
        while (from < text.Length && from >= 0)
        {
            from++; // the backslash
            if (!Escape(text, ref from, text, ref length)) return false;
            var run = text[from..].IndexOf((byte)'\\');
            if (run < 0) run = text.Length - from;
            text.Slice(from, run).CopyTo(text[length..]);
            from += run;
            length += run;
        }

        return true;
    }

    /// <summary>The syntax fault of this text.</summary>
    public readonly EnvelopeException Syntax() => new(new Fault("envelope-syntax", where));

    /// <summary>One bit for each byte that is a quote or a backslash.</summary>
    private static uint Stops(Vector128<byte> chunk) =>
        (Vector128.Equals(chunk, Vector128.Create((byte)'"')) | Vector128.Equals(chunk, Vector128.Create((byte)'\\'))).ExtractMostSignificantBits();

    /// <summary>Reads one escape; <paramref name="from"/> stands behind the backslash.</summary>
    private static bool Escape(ReadOnlySpan<byte> text, ref int from, Span<byte> destination, ref int to)
    {
        if (from >= text.Length) return false;
        var kind = text[from++];
        switch (kind)
        {
            case (byte)'"' or (byte)'\\' or (byte)'/':
                destination[to++] = kind;
                return true;
            case (byte)'u':
                return CodePoint(text, ref from, destination, ref to);
            default:
                var control = kind switch { (byte)'b' => 8, (byte)'t' => 9, (byte)'n' => 10, (byte)'f' => 12, (byte)'r' => 13, _ => 0 };
                destination[to++] = (byte)control;
                return control != 0;
        }
    }

    private static bool CodePoint(ReadOnlySpan<byte> text, ref int from, Span<byte> destination, ref int to)
    {
        if (!Hex(text, from, out var unit)) return false;
        from += 4;
        var rune = Rune.ReplacementChar; // a lone surrogate is a device's text gone wrong: it must not cost its neighbours the batch
        if (char.IsHighSurrogate((char)unit) && from + 1 < text.Length && text[from] == '\\' && text[from + 1] == 'u'
            && Hex(text, from + 2, out var low) && char.IsLowSurrogate((char)low))
        {
            rune = new Rune((char)unit, (char)low);
            from += 6;
        }
        else if (!char.IsSurrogate((char)unit))
        {
            rune = new Rune(unit);
        }

        // Six bytes of escape give at most three of UTF-8, twelve give four: writing never overtakes reading.
        if (!rune.TryEncodeToUtf8(destination[to..], out var written)) throw new UnreachableException();
        to += written;
        return true;
    }

    private static bool Hex(ReadOnlySpan<byte> text, int from, out int unit)
    {
        unit = 0;
        if (from + 4 > text.Length) return false;
        foreach (var digit in text.Slice(from, 4))
        {
            if (!char.IsAsciiHexDigit((char)digit)) return false;
            unit = unit * 16 + (char.IsAsciiDigit((char)digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return true;
    }
}
