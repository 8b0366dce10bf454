using System.Runtime.CompilerServices;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Values, names and what may stand between them.</summary>
internal ref partial struct JsonScanner
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly byte Peek(int at) => (uint)at < (uint)_json.Length ? _json[at] : (byte)0;

    /// <summary>The first place from <paramref name="at"/> that is no white space.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int Blank(int at)
    {
        while ((uint)at < (uint)_json.Length && _json[at] <= 0x20 && _json[at] is 0x20 or 0x09 or 0x0A or 0x0D) at++;
        return at;
    }

    private int Refuse(Fault fault)
    {
        _fault = fault;
        return -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Text(int at, ref Item item) => JsonText.Read(_json, at, _readings, ref item, out _fault);

    /// <summary>Reads a name and its colon.</summary>
    /// <returns>The place of the value.</returns>
    private int Name(int at, ref Item name)
    {
        if (Peek(at) != '"') return Refuse(MessageFaults.JsonMalformed);
        at = Text(at + 1, ref name);
        if (at < 0) return at;
        at = Blank(at);
        return Peek(at) == ':' ? Blank(at + 1) : Refuse(MessageFaults.JsonMalformed);
    }

    private bool Note(in Item name, int frame)
    {
        var noted = _readings.NoteName(name, frame, _json);
        if (noted > 0) return true;
        Refuse(noted == 0 ? MessageFaults.JsonDuplicateMember : MessageFaults.TooManyMembers);
        return false;
    }

    /// <summary>Reads the value of a known metric.</summary>
    private int Value(int at, ref Item item, Span<double> values)
    {
        var first = Peek(at);
        if (first is (byte)'-' or (>= (byte)'0' and <= (byte)'9'))
        {
            var end = JsonNumber.Read(_json, at, out values[0], out var whole, out _fault);
            item.Start = at;
            item.Length = end - at;
            item.Kind = whole ? ItemKind.Whole : ItemKind.Number;
            return end;
        }

        item.Start = at;
        switch (first)
        {
            case (byte)'"':
                return Text(at + 1, ref item);
            case (byte)'t':
                item.Kind = ItemKind.True;
                return Literal(at, "true"u8);
            case (byte)'f':
                item.Kind = ItemKind.False;
                return Literal(at, "false"u8);
            case (byte)'n':
                item.Kind = ItemKind.Null;
                return Literal(at, "null"u8);
            case (byte)'[':
                var close = Array(at + 1, ref item, values);
                item.Length = close - at;
                return close;
            default:
                item.Kind = ItemKind.Other;
                return Skip(at, 2);
        }
    }

    private int Literal(int at, ReadOnlySpan<byte> literal) =>
        _json[at..].StartsWith(literal) ? at + literal.Length : Refuse(MessageFaults.JsonMalformed);

    private int Array(int at, ref Item item, Span<double> values)
    {
        item.Kind = ItemKind.Numbers;
        var count = 0;
        at = Blank(at);
        if (Peek(at) == ']') return at + 1;
        while (true)
        {
            var first = Peek(at);
            if (first is (byte)'-' or (>= (byte)'0' and <= (byte)'9'))
            {
                at = JsonNumber.Read(_json, at, out var value, out _, out _fault);
                if (count < 3) values[count] = value;
                count++;
            }
            else
            {
                item.Kind = ItemKind.Other;
                at = Skip(at, 3);
            }

            if (at < 0) return at;
            at = Blank(at);
            var next = Peek(at);
            if (next == ']')
            {
                if (count == 3 && item.Kind == ItemKind.Numbers) item.Kind = ItemKind.Vector;
                return at + 1;
            }

            if (next != ',') return Refuse(MessageFaults.JsonMalformed);
            at = Blank(at + 1);
        }
    }

    /// <summary>Passes over any value inside <paramref name="depth"/> containers, as strictly as if it were read.</summary>
    private int Skip(int at, int depth)
    {
        var first = Peek(at);
        if (first is (byte)'{' or (byte)'[')
        {
            if (depth == DepthMax) return Refuse(MessageFaults.TooDeep);
            return first == '{' ? SkipObject(at + 1, depth + 1) : SkipArray(at + 1, depth + 1);
        }

        var item = default(Item);
        return first switch
        {
            (byte)'"' => Text(at + 1, ref item),
            (byte)'t' => Literal(at, "true"u8),
            (byte)'f' => Literal(at, "false"u8),
            (byte)'n' => Literal(at, "null"u8),
            (byte)'-' or (>= (byte)'0' and <= (byte)'9') => JsonNumber.Read(_json, at, out _, out _, out _fault),
            _ => Refuse(MessageFaults.JsonMalformed),
        };
    }

    private int SkipArray(int at, int depth)
    {
        at = Blank(at);
        if (Peek(at) == ']') return at + 1;
        while (true)
        {
            if ((at = Skip(at, depth)) < 0) return at;
            at = Blank(at);
            var next = Peek(at);
            if (next == ']') return at + 1;
            if (next != ',') return Refuse(MessageFaults.JsonMalformed);
            at = Blank(at + 1);
        }
    }

    private int SkipObject(int at, int depth)
    {
        var frame = _frames++;
        var name = default(Item);
        at = Blank(at);
        if (Peek(at) == '}') return at + 1;
        while (true)
        {
            if ((at = Name(at, ref name)) < 0) return at;
            if (!Note(name, frame)) return -1;
            if ((at = Skip(at, depth)) < 0) return at;
            at = Blank(at);
            var next = Peek(at);
            if (next == '}') return at + 1;
            if (next != ',') return Refuse(MessageFaults.JsonMalformed);
            at = Blank(at + 1);
        }
    }
}
