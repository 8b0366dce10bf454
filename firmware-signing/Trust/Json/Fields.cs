using Serverless.Faults;

namespace Serverless.FirmwareSigning.Trust.Json;

/// <summary>Reads an object's members, remembering the first fault, so that a parser reads as the shape it expects.</summary>
/// <remarks>Faults: <c>field-missing</c>, <c>field-type</c>, <c>field-range</c>. After a fault every getter answers a harmless
/// default; the parser must look at <see cref="Fault"/> before it builds anything. Unknown members are not refused: the format
/// grows, and signatures cover them (TUF 1.0.34 section 4).</remarks>
/// <param name="source">The object.</param>
/// <param name="path">Its path in our schema; map keys are written <c>*</c>, for they are the sender's text.</param>
public sealed class Fields(JsonObject source, string path)
{
    /// <summary>The first fault, or <see langword="null"/>.</summary>
    public Fault? Fault { get; private set; }

    /// <summary>Whether the member is there.</summary>
    /// <param name="name">Member.</param>
    public bool Has(string name) => source.Find(name) is not null;

    /// <summary>A text.</summary>
    /// <param name="name">Member.</param>
    /// <param name="lengthMax">Characters allowed; at least one is needed.</param>
    public string Text(string name, int lengthMax = 4096)
    {
        var text = Get<JsonText>(name)?.Text;
        if (text is null) return "";
        if (text.Length is 0 || text.Length > lengthMax) Refuse("field-range", name);
        return text;
    }

    /// <summary>An integer.</summary>
    /// <param name="name">Member.</param>
    /// <param name="min">Smallest allowed.</param>
    /// <param name="max">Largest allowed.</param>
    public long Integer(string name, long min, long max = JsonInteger.Max)
    {
        if (Get<JsonInteger>(name) is not { } integer) return min;
        if (integer.Number < min || integer.Number > max) Refuse("field-range", name);
        return integer.Number;
    }

    /// <summary>A truth value.</summary>
    /// <param name="name">Member.</param>
    public bool Boolean(string name) => Get<JsonBoolean>(name)?.Value ?? false;

    /// <summary>An object.</summary>
    /// <param name="name">Member.</param>
    public JsonObject Object(string name) => Get<JsonObject>(name) ?? JsonObject.Empty;

    /// <summary>A list.</summary>
    /// <param name="name">Member.</param>
    /// <param name="countMax">Items allowed.</param>
    public IReadOnlyList<JsonValue> List(string name, int countMax)
    {
        var items = Get<JsonArray>(name)?.Items ?? [];
        if (items.Count > countMax) Refuse("field-range", name);
        return Fault is null ? items : [];
    }

    /// <summary>A list of texts.</summary>
    /// <param name="name">Member.</param>
    /// <param name="countMax">Items allowed.</param>
    public IReadOnlyList<string> Texts(string name, int countMax)
    {
        var items = List(name, countMax);
        var texts = new string[items.Count];
        for (var i = 0; i < texts.Length; i++)
        {
            if (items[i] is JsonText text) texts[i] = text.Text;
            else Refuse("field-type", name);
        }
        return Fault is null ? texts : [];
    }

    /// <summary>Records a fault of the caller's own at one member, unless an earlier one stands.</summary>
    /// <param name="code">Fault code.</param>
    /// <param name="name">Member.</param>
    public void Refuse(string code, string name) => Fault ??= At(code, name);

    /// <summary>Takes over a fault found deeper, unless an earlier one stands.</summary>
    /// <param name="fault">The fault, or nothing.</param>
    public void Refuse(Fault? fault) => Fault ??= fault;

    /// <summary>The path of a member.</summary>
    /// <param name="name">Member.</param>
    public string PathOf(string name) => $"{path}.{name}";

    private Fault At(string code, string name) => new(code, PathOf(name));

    private T? Get<T>(string name)
        where T : JsonValue
    {
        var value = source.Find(name);
        if (value is T typed) return typed;
        Fault ??= value is null ? new Fault("field-missing", PathOf(name)) : new Fault("field-type", PathOf(name));
        return null;
    }
}
