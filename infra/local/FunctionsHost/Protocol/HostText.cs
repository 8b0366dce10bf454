using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>Writes JSON as the real host's serializer does: only quotation mark, backslash, control characters and U+0085, U+2028, U+2029
/// are escaped; <c>&lt;</c>, <c>&gt;</c>, <c>/</c> and letters of any script are not. Verified against recordings.</summary>
/// <remarks>System.Text.Json's encoders escape more, whatever their options, so none of them gives the same bytes.</remarks>
internal sealed class HostText
{
    private static readonly SearchValues<byte> Suspects = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Select(code => (byte)code), (byte)'"', (byte)'\\', 0xC2, 0xE2]);

    private readonly ArrayBufferWriter<byte> _out;

    public HostText(int capacity = 4096) => _out = new ArrayBufferWriter<byte>(capacity);

    public ReadOnlyMemory<byte> WrittenMemory => _out.WrittenMemory;

    public ReadOnlySpan<byte> WrittenSpan => _out.WrittenSpan;

    public override string ToString() => Encoding.UTF8.GetString(_out.WrittenSpan);

    public void Clear() => _out.ResetWrittenCount();

    /// <summary>Appends bytes that are JSON already.</summary>
    public HostText Raw(ReadOnlySpan<byte> json)
    {
        _out.Write(json);
        return this;
    }

    /// <summary>Appends text that is JSON already.</summary>
    public HostText Raw(string json)
    {
        Encoding.UTF8.GetBytes(json, _out);
        return this;
    }

    /// <summary>A member name and its colon.</summary>
    public HostText Name(string name) => Text(name).Raw(":"u8);

    /// <summary>A JSON string.</summary>
    public HostText Text(ReadOnlySpan<char> value)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(value.Length));
        var length = Encoding.UTF8.GetBytes(value, bytes);
        Utf8(bytes.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(bytes);
        return this;
    }

    /// <summary>A JSON string from valid UTF-8.</summary>
    public HostText Utf8(ReadOnlySpan<byte> value)
    {
        _out.Write("\""u8);
        while (true)
        {
            var next = value.IndexOfAny(Suspects);
            if (next < 0) break;
            _out.Write(value[..next]);
            value = value[next..];
            value = value[Escape(value)..];
        }

        _out.Write(value);
        _out.Write("\""u8);
        return this;
    }

    /// <summary>A string whose text is JSON: what the host makes of every value that is no object.</summary>
    public HostText Quoted(HostText inner) => Utf8(inner.WrittenSpan);

    /// <summary>A JSON string holding base64.</summary>
    public HostText Base64(ReadOnlySpan<byte> bytes)
    {
        var length = Base64Length(bytes.Length);
        var target = _out.GetSpan(length + 2);
        target[0] = (byte)'"';
        System.Buffers.Text.Base64.EncodeToUtf8(bytes, target[1..], out _, out var written);
        target[written + 1] = (byte)'"';
        _out.Advance(written + 2);
        return this;
    }

    /// <summary>A number.</summary>
    public HostText Number(long value)
    {
        var target = _out.GetSpan(20);
        Utf8Formatter.TryFormat(value, target, out var written);
        _out.Advance(written);
        return this;
    }

    /// <summary>A value of an AMQP section or a binding, by its type.</summary>
    public HostText Value(object? value) => value switch
    {
        null => Raw("null"u8),
        string text => Text(text),
        bool flag => Raw(flag ? "true"u8 : "false"u8),
        byte or sbyte or short or ushort or int or uint or long => Number(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        ulong big => Raw(big.ToString(CultureInfo.InvariantCulture)),
        double real => Raw(Real(real)),
        float real => Raw(Real(real)),
        decimal exact => Raw(exact.ToString(CultureInfo.InvariantCulture)),
        DateTimeOffset instant => Text(HostTime.WithOffset(instant)),
        DateTime instant => Text(HostTime.Of(instant)),
        Guid guid => Text(guid.ToString()),
        byte[] bytes => Base64(bytes),
        ReadOnlyMemory<byte> bytes => Base64(bytes.Span),
        _ => Text(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""),
    };

    /// <summary>Members of an object, from a dictionary in its order.</summary>
    public HostText Members(IEnumerable<KeyValuePair<string, object?>> members)
    {
        Raw("{"u8);
        var first = true;
        foreach (var (name, value) in members)
        {
            if (!first) Raw(","u8);
            first = false;
            Name(name).Value(value);
        }

        return Raw("}"u8);
    }

    private static int Base64Length(int bytes) => checked((bytes + 2) / 3 * 4);

    private static string Real(double value)
    {
        if (!double.IsFinite(value)) return $"\"{value.ToString(CultureInfo.InvariantCulture)}\""; // the real serializer quotes them
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0";
    }

    private int Escape(ReadOnlySpan<byte> at)
    {
        switch (at[0])
        {
            case 0xC2: // U+0085
                if (at.Length > 1 && at[1] == 0x85) return Put("\\u0085"u8, 2);
                break;
            case 0xE2: // U+2028, U+2029
                if (at.Length > 2 && at[1] == 0x80 && at[2] is 0xA8 or 0xA9) return Put(at[2] == 0xA8 ? "\\u2028"u8 : "\\u2029"u8, 3);
                break;
            case (byte)'"': return Put("\\\""u8, 1);
            case (byte)'\\': return Put("\\\\"u8, 1);
            case (byte)'\b': return Put("\\b"u8, 1);
            case (byte)'\t': return Put("\\t"u8, 1);
            case (byte)'\n': return Put("\\n"u8, 1);
            case (byte)'\f': return Put("\\f"u8, 1);
            case (byte)'\r': return Put("\\r"u8, 1);
            default: return Put([(byte)'\\', (byte)'u', (byte)'0', (byte)'0', Hex(at[0] >> 4), Hex(at[0] & 15)], 1);
        }

        return Put(at[..1], 1);
    }

    private int Put(ReadOnlySpan<byte> text, int consumed)
    {
        _out.Write(text);
        return consumed;
    }

    private static byte Hex(int digit) => (byte)"0123456789abcdef"[digit];
}
