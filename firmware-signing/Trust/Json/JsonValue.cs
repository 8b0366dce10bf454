namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>A JSON value in the subset that can be signed (FORMAT.md 2): no fractions, ASCII member names, no member twice.</summary>
/// <remarks>Immutable and thread-safe. It keeps members this version does not know, so what was signed stays what is verified
/// and what is published again.</remarks>
public abstract class JsonValue
{
    private protected JsonValue()
    {
    }

    /// <summary>A text value.</summary>
    /// <param name="text">UTF-16 without lone surrogates.</param>
    public static implicit operator JsonValue(string text) => new JsonText(text);

    /// <summary>An integer value.</summary>
    /// <param name="number">-(2^53-1) to 2^53-1.</param>
    public static implicit operator JsonValue(long number) => new JsonInteger(number);

    /// <summary>A truth value.</summary>
    /// <param name="truth">The value.</param>
    public static implicit operator JsonValue(bool truth) => truth ? JsonBoolean.True : JsonBoolean.False;
}

/// <summary>A text.</summary>
/// <param name="text">The text, escapes resolved.</param>
public sealed class JsonText(string text) : JsonValue
{
    /// <summary>The text, escapes resolved.</summary>
    public string Text { get; } = text;
}

/// <summary>An integer that every JSON reader holds exactly.</summary>
public sealed class JsonInteger : JsonValue
{
    /// <summary>2^53-1: the largest integer a double-based reader still tells from its neighbours (RFC 8259 section 6).</summary>
    public const long Max = 9_007_199_254_740_991;

    /// <summary>Takes the number.</summary>
    /// <param name="number">-(2^53-1) to 2^53-1.</param>
    public JsonInteger(long number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, Max);
        ArgumentOutOfRangeException.ThrowIfLessThan(number, -Max);
        Number = number;
    }

    /// <summary>The number.</summary>
    public long Number { get; }
}

/// <summary>True or false.</summary>
public sealed class JsonBoolean : JsonValue
{
    private JsonBoolean(bool value) => Value = value;

    /// <summary>The one true value.</summary>
    public static JsonBoolean True { get; } = new(true);

    /// <summary>The one false value.</summary>
    public static JsonBoolean False { get; } = new(false);

    /// <summary>Which of the two.</summary>
    public bool Value { get; }
}

/// <summary>Null.</summary>
public sealed class JsonNull : JsonValue
{
    private JsonNull()
    {
    }

    /// <summary>The one null value.</summary>
    public static JsonNull Value { get; } = new();
}

/// <summary>A list.</summary>
/// <param name="items">The items, in order. The caller gives the array away.</param>
public sealed class JsonArray(params JsonValue[] items) : JsonValue
{
    /// <summary>The items, in order.</summary>
    public IReadOnlyList<JsonValue> Items { get; } = items;
}
