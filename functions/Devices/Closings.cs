using System.Collections.Immutable;

namespace Serverless.Devices;

/// <summary>How far one plane of a device's credentials is closed.</summary>
/// <param name="Plane">Name of the plane, such as <c>dps-enrollment</c>: whoever closes planes names them; 1 to 64 characters of <c>a-z 0-9 -</c>.</param>
/// <param name="Stage">How far, such as <c>asked</c>, <c>closed</c>, <c>verified</c>.</param>
/// <param name="At">When it got there, UTC.</param>
/// <param name="Answer">What confirmed it: an ETag, a status, a tracking id. At most 256 characters, no secret.</param>
/// <param name="Attempts">Tries so far, 0 or more.</param>
public sealed record PlaneClosing(string Plane, string Stage, DateTimeOffset At, string Answer = "", int Attempts = 0);

/// <summary>The planes of one device, by name: a value like any other field of the record. The ledger knows no plane by name.</summary>
public sealed class Closings : IEquatable<Closings>
{
    /// <summary>Most planes of one device; a row holds their text.</summary>
    public const int PlanesMax = 16;

    private readonly ImmutableSortedDictionary<string, PlaneClosing> _planes;

    private Closings(ImmutableSortedDictionary<string, PlaneClosing> planes) => _planes = planes;

    /// <summary>Nothing closed.</summary>
    public static Closings None { get; } = new(ImmutableSortedDictionary.Create<string, PlaneClosing>(StringComparer.Ordinal));

    /// <summary>All planes, by name.</summary>
    public IEnumerable<PlaneClosing> Planes => _planes.Values;

    /// <summary>Whether nothing was begun.</summary>
    public bool IsEmpty => _planes.IsEmpty;

    /// <summary>One plane, or <see langword="null"/> when nothing was begun there.</summary>
    /// <param name="plane">Its name.</param>
    public PlaneClosing? this[string plane] => _planes.GetValueOrDefault(plane);

    /// <summary>The same with one plane as it is now.</summary>
    /// <param name="closing">The plane.</param>
    /// <exception cref="InvalidOperationException">More than <see cref="PlanesMax"/> planes.</exception>
    public Closings With(PlaneClosing closing)
    {
        ArgumentNullException.ThrowIfNull(closing);
        var planes = _planes.SetItem(closing.Plane, closing);
        return planes.Count <= PlanesMax ? new Closings(planes) : throw new InvalidOperationException($"a device has at most {PlanesMax} planes");
    }

    /// <inheritdoc/>
    public bool Equals(Closings? other) => other is not null && _planes.Values.SequenceEqual(other._planes.Values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Closings);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var plane in _planes.Values) hash.Add(plane);
        return hash.ToHashCode();
    }
}
