using System.Buffers;
using System.Globalization;
using System.Text;

namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>OLPC canonical JSON: the one byte string of a value, over which everything is signed and every keyid is taken.</summary>
/// <remarks>Source: wiki.laptop.org/go/Canonical_JSON, FORMAT.md 2.2. Strings escape only <c>\</c> and <c>"</c>; control characters
/// stay raw, so the result of a hostile document need not itself be JSON. It is hashed, never parsed again.</remarks>
public static class CanonicalJson
{
    private static readonly SearchValues<char> Escaped = SearchValues.Create("\\\"");

    /// <summary>The canonical bytes.</summary>
    /// <param name="value">Any value.</param>
    public static byte[] Encode(JsonValue value)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        Write(output, value);
        return output.WrittenSpan.ToArray();
    }

    private static void Write(ArrayBufferWriter<byte> output, JsonValue value)
    {
        switch (value)
        {
            case JsonText text:
                WriteText(output, text.Text);
                break;
            case JsonInteger integer:
                integer.Number.TryFormat(output.GetSpan(20), out var written, default, CultureInfo.InvariantCulture);
                output.Advance(written);
                break;
            case JsonObject members:
                Raw(output, (byte)'{');
                for (var i = 0; i < members.Count; i++)
                {
                    if (i > 0) Raw(output, (byte)',');
                    WriteText(output, members.Names[i]);
                    Raw(output, (byte)':');
                    Write(output, members.At(i));
                }
                Raw(output, (byte)'}');
                break;
            case JsonArray list:
                Raw(output, (byte)'[');
                for (var i = 0; i < list.Items.Count; i++)
                {
                    if (i > 0) Raw(output, (byte)',');
                    Write(output, list.Items[i]);
                }
                Raw(output, (byte)']');
                break;
            case JsonBoolean truth:
                output.Write(truth.Value ? "true"u8 : "false"u8);
                break;
            default:
                output.Write("null"u8);
                break;
        }
    }

    private static void WriteText(ArrayBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        Raw(output, (byte)'"');
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAny(Escaped);
            var run = plain < 0 ? text : text[..plain];
            Encoding.UTF8.GetBytes(run, output);
            text = text[run.Length..];
            if (plain < 0) break;
            Raw(output, (byte)'\\');
            Raw(output, (byte)text[0]);
            text = text[1..];
        }
        Raw(output, (byte)'"');
    }

    private static void Raw(ArrayBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }
}
