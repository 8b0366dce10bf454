namespace Serverless.Telemetry.Publishing;

/// <summary>What earlier attempts published for events that are not committed yet: message id to source sequence number.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class Unfinished
{
    private readonly Dictionary<string, long> _found = new(StringComparer.Ordinal);

    /// <summary>Whether nothing is left over.</summary>
    public bool IsEmpty => _found.Count == 0;

    /// <summary>Notes what was found.</summary>
    public void Add(string id, long sequence) => _found[id] = sequence;

    /// <summary>Whether this was published before.</summary>
    public bool Has(string? id) => id is not null && _found.ContainsKey(id);

    /// <summary>Events up to <paramref name="sequence"/> are committed: what they caused needs no more watching.</summary>
    public void Settle(long sequence)
    {
        if (_found.Count == 0) return;
        foreach (var (id, source) in _found)
        {
            if (source <= sequence) _found.Remove(id);
        }
    }
}
