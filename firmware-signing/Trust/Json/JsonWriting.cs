using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>Writes a value as ordinary JSON, the form in which files travel. Signatures cover <see cref="CanonicalJson"/>, which is
/// not always JSON (a PEM's line ends stay raw in it).</summary>
public static class JsonWriting
{
    // Relaxed: `+` of base64 and quotes stay readable; nothing of this is ever put into a web page.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The JSON text, UTF-8, members in canonical order, no white space.</summary>
    /// <param name="value">Any value.</param>
    public static byte[] Encode(JsonValue value)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(output, Options)) Write(writer, value);
        return output.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonValue value)
    {
        switch (value)
        {
            case JsonText text:
                writer.WriteStringValue(text.Text);
                break;
            case JsonInteger integer:
                writer.WriteNumberValue(integer.Number);
                break;
            case JsonObject members:
                writer.WriteStartObject();
                for (var i = 0; i < members.Count; i++)
                {
                    writer.WritePropertyName(members.Names[i]);
                    Write(writer, members.At(i));
                }
                writer.WriteEndObject();
                break;
            case JsonArray list:
                writer.WriteStartArray();
                foreach (var item in list.Items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonBoolean truth:
                writer.WriteBooleanValue(truth.Value);
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }
}
