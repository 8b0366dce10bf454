using System.Buffers.Text;
using System.Text.Json;

namespace Serverless.Hosting;

/// <summary>The system or the application properties of one event: a view, valid until the batch is disposed.</summary>
public readonly struct EventProperties
{
    private readonly EventBatch _batch;
    private readonly int _first;

    internal EventProperties(EventBatch batch, int first, int count) => (_batch, _first, Count) = (batch, first, count);

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>One property, in the order sent.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    public EventProperty this[int index] => Property(_batch.Properties(_first, Count)[index]);

    /// <summary>Finds a property by name: exact bytes, no case folding.</summary>
    /// <param name="name">UTF-8 name, such as <see cref="SystemProperty.DeviceId"/>.</param>
    /// <param name="property">The property found.</param>
    /// <returns>Whether it is there exactly once. A name that occurs twice has no value anyone should act on.</returns>
    public bool TryGet(ReadOnlySpan<byte> name, out EventProperty property)
    {
        property = default;
        if (Count == 0) return false;
        ReadOnlySpan<byte> text = _batch.Text;
        var found = -1;
        var slots = _batch.Properties(_first, Count);
        for (var i = 0; i < slots.Length; i++)
        {
            if (slots[i].NameLength != name.Length || !text.Slice(slots[i].NameStart, name.Length).SequenceEqual(name)) continue;
            if (found >= 0) return false;
            found = i;
        }

        if (found < 0) return false;
        property = Property(slots[found]);
        return true;
    }

    /// <summary>The UTF-8 text of a string property, unescaped; empty when absent, ambiguous or not a string.</summary>
    /// <param name="name">UTF-8 name.</param>
    public ReadOnlySpan<byte> Text(ReadOnlySpan<byte> name) =>
        TryGet(name, out var property) && property.Kind == JsonValueKind.String ? property.Value : default;

    /// <summary>Reads a time, in any of the forms the hub uses.</summary>
    /// <param name="name">UTF-8 name, such as <see cref="SystemProperty.EnqueuedTime"/>.</param>
    /// <param name="time">The instant, UTC.</param>
    public bool TryGetTime(ReadOnlySpan<byte> name, out DateTimeOffset time)
    {
        time = default;
        return TryGet(name, out var property) && property.TryGetTime(out time);
    }

    private EventProperty Property(in PropertySlot slot) => new(
        _batch.Text.AsSpan(slot.NameStart, slot.NameLength), _batch.Text.AsSpan(slot.ValueStart, slot.ValueLength), slot.Kind);
}

/// <summary>One property of an event, pointing into the batch's buffer.</summary>
public readonly ref struct EventProperty
{
    internal EventProperty(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, JsonValueKind kind)
    {
        Name = name;
        Value = value;
        Kind = kind;
    }

    /// <summary>Name, UTF-8, unescaped.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Value, UTF-8: a string unescaped and without quotes; anything else as JSON text, which for arrays and objects is
    /// only known to have balanced brackets.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>What the value is.</summary>
    public JsonValueKind Kind { get; }

    /// <summary>Reads a whole number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>Whether the value is a JSON number in the range of <see cref="long"/> without fraction or exponent.</returns>
    public bool TryGetInt64(out long value)
    {
        value = 0;
        return Kind == JsonValueKind.Number && Utf8Parser.TryParse(Value, out value, out var used) && used == Value.Length;
    }

    /// <summary>Reads a time: ISO 8601 text (UTC where no zone is named) or a number of milliseconds since 1970.</summary>
    /// <param name="time">The instant, UTC.</param>
    public bool TryGetTime(out DateTimeOffset time)
    {
        time = default;
        return Kind switch
        {
            JsonValueKind.String => HubTime.TryRead(Value, out time),
            JsonValueKind.Number => HubTime.TryReadEpoch(Value, out time),
            _ => false,
        };
    }
}
