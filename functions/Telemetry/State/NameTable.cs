namespace Serverless.Telemetry.State;

/// <summary>Words that a partition's state repeats a thousand times (profile names, fault codes), each as a number.</summary>
/// <remarks>Numbers are given in order and persisted, so they mean the same after a reload. Number 0 is the empty word.
/// Not thread-safe.</remarks>
internal sealed class NameTable
{
    /// <summary>Most words: fault codes are ours and profile names the operator's, so a partition never comes near it.</summary>
    public const int CountMax = ushort.MaxValue;

    /// <summary>Longest word in characters.</summary>
    public const int LengthMax = 256;

    private readonly List<string> _words = [""];
    private readonly Dictionary<string, ushort> _numbers = new(StringComparer.Ordinal) { [""] = 0 };

    /// <summary>Words known, the empty one included.</summary>
    public int Count => _words.Count;

    /// <summary>The word of a number.</summary>
    public string this[ushort number] => _words[number];

    /// <summary>The number of a word, given now if the word is new.</summary>
    /// <exception cref="InvalidOperationException">Too many words, or too long a one: the edge bounds both.</exception>
    public ushort Number(string word)
    {
        if (_numbers.TryGetValue(word, out var number)) return number;
        if (_words.Count >= CountMax || word.Length > LengthMax) throw new InvalidOperationException($"the name table holds {CountMax} words of {LengthMax} characters");
        number = (ushort)_words.Count;
        _words.Add(word);
        _numbers.Add(word, number);
        return number;
    }
}
