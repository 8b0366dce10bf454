using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Serverless.Telemetry.Validation;

/// <summary>Items of every major type.</summary>
internal ref partial struct CborScanner
{
    private int Skip(int at, int depth)
    {
        var (item, values) = (default(Item), default(Vector));
        return Value(at, depth, ref item, values.Span());
    }

    /// <summary>Reads the item at <paramref name="at"/>, which stands inside <paramref name="depth"/> containers.</summary>
    private int Value(int at, int depth, ref Item item, scoped Span<double> values)
    {
        var body = CborHead.Read(_cbor, at, out var head);
        if (body < 0) return Broken(body);
        var end = Body(body, head, depth, ref item, values);
        item.Start = at;
        item.Length = end - at;
        return end;
    }

    private int Body(int at, in CborHead head, int depth, ref Item item, scoped Span<double> values)
    {
        switch (head.Major)
        {
            case CborHead.Unsigned:
                item.Kind = ItemKind.Whole;
                values[0] = head.Argument;
                return at;
            case CborHead.Negative:
                item.Kind = ItemKind.Whole;
                values[0] = -(double)((UInt128)head.Argument + 1);
                return at;
            case CborHead.Bytes:
                item.Kind = ItemKind.Other;
                return Bytes(at, head);
            case CborHead.Text:
                return Text(at, head, ref item);
            case CborHead.Array:
                return depth == JsonScanner.DepthMax ? Refuse(MessageFaults.TooDeep) : Array(at, head, depth + 1, ref item, values);
            case CborHead.Map:
                item.Kind = ItemKind.Other;
                return depth == JsonScanner.DepthMax ? Refuse(MessageFaults.TooDeep) : Map(at, head, depth + 1);
            case CborHead.Tag:
                return Tagged(at, head, ref item, values);
            default:
                return Simple(at, head, ref item, values);
        }
    }

    private int Simple(int at, in CborHead head, ref Item item, scoped Span<double> values)
    {
        item.Kind = ItemKind.Other;
        switch (head.Info)
        {
            case 20:
                item.Kind = ItemKind.False;
                return at;
            case 21:
                item.Kind = ItemKind.True;
                return at;
            case 22:
                item.Kind = ItemKind.Null;
                return at;
            case 24:
                // RFC 8949 section 3.3: below 32 in two bytes is not well-formed.
                return head.Argument < 32 ? Refuse(MessageFaults.CborMalformed) : at;
            case 25 or 26 or 27:
                item.Kind = ItemKind.Number;
                values[0] = CborNumber.Float(head);
                return double.IsFinite(values[0]) ? at : Refuse(MessageFaults.NumberNotFinite);
            case CborHead.Indefinite:
                return Refuse(MessageFaults.CborMalformed); // a break with nothing to end
            default:
                return at;
        }
    }

    private int Tagged(int at, in CborHead tag, ref Item item, scoped Span<double> values)
    {
        var body = CborHead.Read(_cbor, at, out var head);
        if (body < 0) return Broken(body);
        switch (tag.Argument)
        {
            case 0 when head.Major == CborHead.Text:
                return Text(body, head, ref item);
            case 2 or 3 when head.Major == CborHead.Bytes && head.Info != CborHead.Indefinite && head.Argument <= CborNumber.BignumBytesMax:
                if ((int)head.Argument > _cbor.Length - body) return Refuse(MessageFaults.CborTruncated);
                item.Kind = ItemKind.Whole;
                values[0] = CborNumber.Bignum(tag.Argument == 3, _cbor.Slice(body, (int)head.Argument));
                return body + (int)head.Argument;
            case 4 when head.Major == CborHead.Array && head.Info != CborHead.Indefinite && head.Argument == 2:
                return DecimalFraction(body, ref item, values);
            default:
                return Refuse(MessageFaults.CborTag);
        }
    }

    private int DecimalFraction(int at, ref Item item, scoped Span<double> values)
    {
        at = CborHead.Read(_cbor, at, out var exponent);
        if (at < 0) return Broken(at);
        at = CborHead.Read(_cbor, at, out var mantissa);
        if (at < 0) return Broken(at);
        if (!CborNumber.IsSmall(exponent) || mantissa.Major > CborHead.Negative) return Refuse(MessageFaults.CborTag);
        Span<byte> text = stackalloc byte[CborNumber.TextBytesMax];
        var length = CborNumber.WriteDecimal(exponent, mantissa, text);
        item.Kind = ItemKind.Number;
        values[0] = double.Parse(text[..length], NumberStyles.Float, CultureInfo.InvariantCulture);
        return at;
    }

    private int Bytes(int at, in CborHead head)
    {
        if (head.Info != CborHead.Indefinite)
            return head.Argument <= (ulong)(_cbor.Length - at) ? at + (int)head.Argument : Refuse(MessageFaults.CborTruncated);
        for (ulong i = 0; More(ref at, head, i, 1); i++)
        {
            if ((at = CborHead.Read(_cbor, at, out var chunk)) < 0) return Broken(at);
            if (chunk.Major != CborHead.Bytes || chunk.Info == CborHead.Indefinite) return Refuse(MessageFaults.CborMalformed);
            if ((at = Bytes(at, chunk)) < 0) return at;
        }

        return at;
    }

    private int Text(int at, in CborHead head, ref Item item)
    {
        item.Kind = ItemKind.Text;
        if (head.Info == CborHead.Indefinite) return TextChunks(at, head, ref item);
        if (head.Argument > (ulong)(_cbor.Length - at)) return Refuse(MessageFaults.CborTruncated);
        item.InScratch = false;
        item.TextStart = at;
        item.TextLength = (int)head.Argument;
        if (!Utf8.IsValid(_cbor.Slice(at, item.TextLength))) return Refuse(MessageFaults.CborInvalidUtf8);
        return item.TextLength > Readings.TextBytesMax ? Refuse(MessageFaults.TextTooLong) : at + item.TextLength;
    }

    private int TextChunks(int at, in CborHead head, ref Item item)
    {
        var length = 0;
        var start = _readings.KeepScratch(0);
        for (ulong i = 0; More(ref at, head, i, 1); i++)
        {
            if ((at = CborHead.Read(_cbor, at, out var chunk)) < 0) return Broken(at);
            if (chunk.Major != CborHead.Text || chunk.Info == CborHead.Indefinite) return Refuse(MessageFaults.CborMalformed);
            if (chunk.Argument > (ulong)(_cbor.Length - at)) return Refuse(MessageFaults.CborTruncated);
            // Each chunk is valid by itself (RFC 8949 section 3.2.3): no character may be split between two.
            var text = _cbor.Slice(at, (int)chunk.Argument);
            if (!Utf8.IsValid(text)) return Refuse(MessageFaults.CborInvalidUtf8);
            text.CopyTo(_readings.ScratchFor(_cbor.Length, text.Length));
            _readings.KeepScratch(text.Length);
            length += text.Length;
            at += text.Length;
        }

        item.InScratch = true;
        item.TextStart = start;
        item.TextLength = length;
        return at >= 0 && length > Readings.TextBytesMax ? Refuse(MessageFaults.TextTooLong) : at;
    }

    private int Array(int at, in CborHead head, int depth, ref Item item, scoped Span<double> values)
    {
        var kind = ItemKind.Numbers;
        var count = 0;
        var (element, value) = (default(Item), default(Vector));
        for (ulong i = 0; More(ref at, head, i, 1); i++)
        {
            if ((at = Value(at, depth, ref element, value.Span())) < 0) return at;
            if (!element.IsNumber) kind = ItemKind.Other;
            else if (count < 3) values[count] = value.Span()[0];
            count++;
        }

        item.Kind = kind == ItemKind.Numbers && count == 3 ? ItemKind.Vector : kind;
        return at;
    }

    private int Map(int at, in CborHead head, int depth)
    {
        var frame = _frames++;
        var name = default(Item);
        for (ulong i = 0; More(ref at, head, i, 2); i++)
        {
            if ((at = Key(at, ref name)) < 0) return at;
            if (!Note(name, frame)) return -1;
            if ((at = Skip(at, depth)) < 0) return at;
        }

        return at;
    }

    /// <summary>Room for three numbers on the stack.</summary>
    [InlineArray(3)]
    private struct Vector
    {
        private double _first;

        [System.Diagnostics.CodeAnalysis.UnscopedRef]
        public Span<double> Span() => this;
    }
}
