using System.Globalization;
using System.Text.Json;
using Serverless.Local.Processes;

namespace Serverless.Local.FunctionsHost.App;

/// <summary>Reads members of a configuration object and remembers which ones nobody read, so that nothing is ignored in silence.</summary>
internal sealed class JsonReader
{
    private readonly JsonElement _element;
    private readonly string _path;
    private readonly List<string> _notices;
    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);

    public JsonReader(JsonElement element, string path, List<string> notices)
    {
        _element = element.ValueKind == JsonValueKind.Object ? element : throw new LocalCloudException($"{path} must be an object");
        _path = path;
        _notices = notices;
    }

    public static JsonDocument Load(string file)
    {
        try
        {
            return JsonDocument.Parse(
                File.ReadAllBytes(file), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException error)
        {
            throw new LocalCloudException($"{file} is not JSON: {error.Message}", error);
        }
    }

    public bool Has(string name) => Find(name) is not null;

    public string? Text(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { ValueKind: JsonValueKind.Null } => null,
        _ => throw Wrong(name, "a string"),
    };

    public int Number(string name, int fallback, int least) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) && number >= least => number,
        _ => throw Wrong(name, $"a whole number from {least.ToString(CultureInfo.InvariantCulture)} on"),
    };

    public bool Flag(string name, bool fallback) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(name, "true or false"),
    };

    public TimeSpan Duration(string name, TimeSpan fallback) => Text(name) is not { } text
        ? fallback
        : TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) ? span : throw Wrong(name, "a duration such as 00:05:00");

    public IReadOnlyList<string> Texts(string name) => Find(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(item => item.GetString() ?? throw Wrong(name, "an array of strings"))],
        _ => throw Wrong(name, "an array of strings"),
    };

    public JsonReader? Object(string name) => Find(name) is { } value ? new JsonReader(value, $"{_path}.{name}", _notices) : null;

    public IEnumerable<JsonReader> Objects(string name) => Find(name) is { ValueKind: JsonValueKind.Array } list
        ? list.EnumerateArray().Select((item, index) => new JsonReader(item, string.Create(CultureInfo.InvariantCulture, $"{_path}.{name}[{index}]"), _notices)).ToArray()
        : throw Wrong(name, "an array");

    /// <summary>Members that mean nothing on this machine (logging, scaling, the extension bundle) and are passed over knowingly.</summary>
    public JsonReader Skip(params string[] names)
    {
        foreach (var name in names) _read.Add(name);
        return this;
    }

    /// <summary>Reports every member that was not read.</summary>
    public void Done()
    {
        foreach (var member in _element.EnumerateObject().Where(member => !_read.Contains(member.Name)))
        {
            _notices.Add($"{_path}.{member.Name} is not known to the local host and has no effect here");
        }
    }

    public LocalCloudException Wrong(string name, string wanted) => new($"{_path}.{name} must be {wanted}");

    private JsonElement? Find(string name)
    {
        _read.Add(name);
        foreach (var member in _element.EnumerateObject())
        {
            if (string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase)) return member.Value;
        }

        return null;
    }
}
