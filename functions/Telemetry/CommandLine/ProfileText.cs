using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Serverless.Telemetry.CommandLine;

/// <summary>Writes profile documents.</summary>
internal static class ProfileText
{
    /// <summary>Writes a document; <paramref name="write"/> writes the members.</summary>
    public static string Write(Action<Utf8JsonWriter> write)
    {
        var into = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(into, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(into.WrittenSpan);
    }

    public static void Message(Utf8JsonWriter json, int bytesMax, int perMinute, int burst, int clockSkewSeconds, int lateSeconds)
    {
        json.WriteStartObject("message");
        json.WriteNumber("bytesMax", bytesMax);
        json.WriteNumber("perMinute", perMinute);
        json.WriteNumber("burst", burst);
        json.WriteNumber("clockSkewSeconds", clockSkewSeconds);
        json.WriteNumber("lateSeconds", lateSeconds);
        json.WriteStartArray("contentTypes");
        json.WriteStringValue("application/json");
        json.WriteStringValue("application/cbor");
        json.WriteEndArray();
        json.WriteString("unknownMetrics", "refuse");
        json.WriteEndObject();
    }

    /// <summary>A model's name of whatever text: lower case, everything else a dash.</summary>
    public static string Model(string text)
    {
        var name = new StringBuilder();
        foreach (var c in text)
        {
            if (char.IsAsciiLetterOrDigit(c)) name.Append(char.ToLowerInvariant(c));
            else if (name.Length > 0 && name[^1] != '-') name.Append('-');
        }

        var model = name.ToString().Trim('-');
        return model.Length == 0 || !char.IsAsciiLetter(model[0]) ? "model-" + model : model[..Math.Min(model.Length, 64)];
    }
}
