using System.Text.Json;

namespace Serverless.Hosting;

/// <summary>One call of a trigger by the Functions host.</summary>
/// <remarks>Used by one handler at a time; not thread-safe.</remarks>
public sealed class Invocation
{
    private List<string>? _notes;

    internal Invocation(string function, Guid id)
    {
        Function = function;
        Id = id;
    }

    /// <summary>Function name, as its folder is called.</summary>
    public string Function { get; }

    /// <summary>The host's invocation id. A retry of a failed batch has the same id.</summary>
    public Guid Id { get; }

    /// <summary>Adds a line to the host's log of this invocation, which it writes when the invocation has ended. For the few words a
    /// person reads in the portal; everything else goes through the logger.</summary>
    /// <param name="line">Our own words, never a payload. At most 20 lines are kept.</param>
    public void Note(string line)
    {
        _notes ??= [];
        if (_notes.Count < 20) _notes.Add(line);
    }

    /// <summary>Puts the invocation onto a log line.</summary>
    internal void Describe(Utf8JsonWriter json)
    {
        json.WriteString("function", Function);
        json.WriteString("invocation", Id);
    }

    internal IReadOnlyList<string> Notes => _notes ?? (IReadOnlyList<string>)[];
}
