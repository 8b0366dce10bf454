using System.Text.Json;
using System.Text.Unicode;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>Reads hostile JSON into the subset of FORMAT.md 2. Never throws on hostile bytes.</summary>
public static class JsonReading
{
    /// <summary>Nesting levels: root metadata needs 5; 32 leaves room for <c>custom</c> without letting a document exhaust the stack.</summary>
    public const int DepthMax = 32;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = DepthMax, CommentHandling = JsonCommentHandling.Disallow, AllowTrailingCommas = false };

    /// <summary>Reads one document. The caller has bounded its length.</summary>
    /// <param name="utf8">The bytes, whole.</param>
    /// <returns>The value, or <c>json-syntax</c> (also bad UTF-8, depth over <see cref="DepthMax"/>, bytes after the value),
    /// <c>json-number</c> (a fraction, an exponent, minus zero, or beyond 2^53-1: two readers could differ on it),
    /// <c>json-duplicate</c> (a member twice: the first reader checks one, the second acts on the other),
    /// <c>json-member-name</c> (not ASCII: clients sort such names differently), <c>json-text</c> (a lone surrogate: not encodable).</returns>
    public static Parsed<JsonValue> Read(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8)) return new Fault("json-syntax", "");
        var reader = new Utf8JsonReader(utf8, Strict);
        try
        {
            if (!reader.Read()) return new Fault("json-syntax", "");
            var value = ReadValue(ref reader);
            if (value.Fault is null && reader.Read()) return new Fault("json-syntax", "");
            return value;
        }
        catch (JsonException)
        {
            // Utf8JsonReader reports bad syntax only by exception; it is the one thing in this block that throws it.
            return new Fault("json-syntax", "");
        }
    }

    private static Parsed<JsonValue> ReadValue(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => ReadObject(ref reader),
        JsonTokenType.StartArray => ReadArray(ref reader),
        JsonTokenType.String => TryText(ref reader, out var text) ? new JsonText(text) : new Fault("json-text", ""),
        JsonTokenType.Number => ReadInteger(ref reader),
        JsonTokenType.True => JsonBoolean.True,
        JsonTokenType.False => JsonBoolean.False,
        JsonTokenType.Null => JsonNull.Value,
        _ => new Fault("json-syntax", ""),
    };

    private static Parsed<JsonValue> ReadObject(ref Utf8JsonReader reader)
    {
        List<string> names = [];
        List<JsonValue> values = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!TryText(ref reader, out var name)) return new Fault("json-text", "");
            if (!System.Text.Ascii.IsValid(name)) return new Fault("json-member-name", "");
            reader.Read();
            if (!ReadValue(ref reader).TryGet(out var value, out var fault)) return fault;
            names.Add(name);
            values.Add(value);
        }
        return JsonObject.TrySort([.. names], [.. values], out var sorted) ? sorted : new Fault("json-duplicate", "");
    }

    private static Parsed<JsonValue> ReadArray(ref Utf8JsonReader reader)
    {
        List<JsonValue> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!ReadValue(ref reader).TryGet(out var item, out var fault)) return fault;
            items.Add(item);
        }
        return new JsonArray([.. items]);
    }

    private static Parsed<JsonValue> ReadInteger(ref Utf8JsonReader reader)
    {
        var digits = reader.ValueSpan;
        if (digits.IndexOfAny("+.eE"u8) >= 0 || digits.SequenceEqual("-0"u8)) return new Fault("json-number", "");
        return reader.TryGetInt64(out var number) && number is >= -JsonInteger.Max and <= JsonInteger.Max
            ? new JsonInteger(number)
            : new Fault("json-number", "");
    }

    private static bool TryText(ref Utf8JsonReader reader, out string text)
    {
        text = "";
        try
        {
            text = reader.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            // An escape that is half of a surrogate pair; raw UTF-8 was checked as a whole before.
            return false;
        }
    }
}
