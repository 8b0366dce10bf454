using System.Diagnostics.CodeAnalysis;

namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>An object whose members are kept in canonical order, so reading and signing see the same thing.</summary>
public sealed class JsonObject : JsonValue
{
    private readonly string[] _names;
    private readonly JsonValue[] _values;

    private JsonObject(string[] names, JsonValue[] values)
    {
        _names = names;
        _values = values;
    }

    /// <summary>No members.</summary>
    public static JsonObject Empty { get; } = new([], []);

    /// <summary>How many members.</summary>
    public int Count => _names.Length;

    /// <summary>Member names in canonical order: by byte, which for ASCII is by character.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Builds an object from our own members.</summary>
    /// <param name="members">ASCII names, none twice.</param>
    /// <exception cref="ArgumentException">A name is not ASCII or comes twice: a bug of the caller, hostile text goes through
    /// <see cref="JsonReading.Read"/>.</exception>
    public static JsonObject Of(params IEnumerable<(string Name, JsonValue Value)> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        var list = members.ToArray();
        var names = Array.ConvertAll(list, member => member.Name);
        if (!Array.TrueForAll(names, name => name.All(char.IsAscii))) throw new ArgumentException("A member name is not ASCII.", nameof(members));
        return TrySort(names, Array.ConvertAll(list, member => member.Value), out var sorted)
            ? sorted
            : throw new ArgumentException("A member comes twice.", nameof(members));
    }

    /// <summary>The member's value, or <see langword="null"/>.</summary>
    /// <param name="name">The member's name.</param>
    public JsonValue? Find(string name)
    {
        var at = Array.BinarySearch(_names, name, StringComparer.Ordinal);
        return at < 0 ? null : _values[at];
    }

    /// <summary>The value beside <see cref="Names"/>.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public JsonValue At(int index) => _values[index];

    /// <summary>The same object with one member set or replaced; every other member, known or not, stays.</summary>
    /// <param name="name">ASCII name.</param>
    /// <param name="value">The value.</param>
    public JsonObject With(string name, JsonValue value) =>
        Of(_names.Zip(_values).Where(member => member.First != name).Append((name, value)));

    /// <summary>The same object without one member.</summary>
    /// <param name="name">The member, present or not.</param>
    public JsonObject Without(string name) => Of(_names.Zip(_values).Where(member => member.First != name));

    // Takes both arrays over. Two equal neighbours after sorting are a member given twice.
    internal static bool TrySort(string[] names, JsonValue[] values, [NotNullWhen(true)] out JsonObject? sorted)
    {
        sorted = null;
        // Canonical documents arrive sorted, and large ones are worth the look.
        var inOrder = true;
        for (var i = 1; inOrder && i < names.Length; i++) inOrder = string.CompareOrdinal(names[i - 1], names[i]) < 0;
        if (!inOrder)
        {
            Array.Sort(names, values, StringComparer.Ordinal);
            for (var i = 1; i < names.Length; i++)
                if (names[i - 1] == names[i]) return false;
        }
        sorted = new JsonObject(names, values);
        return true;
    }
}
