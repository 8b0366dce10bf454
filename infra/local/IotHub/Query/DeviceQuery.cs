using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Query;

/// <summary>The supported subset of the hub's query language: <c>SELECT * FROM devices [WHERE condition]</c>, where a condition is made
/// of <c>path (= | != | &lt;&gt; | &lt; | &lt;= | &gt; | &gt;=) literal</c>, <c>path IN [literals]</c>, <c>path NIN [literals]</c>,
/// <c>is_defined(path)</c>, <c>AND</c>, <c>OR</c>, <c>NOT</c> and parentheses. A path is a member of the twin:
/// <c>deviceId</c>, <c>status</c>, <c>connectionState</c>, <c>tags.x</c>, <c>properties.reported.x</c>, …</summary>
/// <remarks>As on the service a comparison with something undefined, or of different types, is undefined, which matches nothing and
/// stays undefined under NOT.</remarks>
internal sealed class DeviceQuery
{
    private const int LengthMax = 8192;
    private const int DepthMax = 32;
    private readonly List<QueryToken> _tokens;
    private int _at;
    private Func<JsonObject, bool?> _condition = _ => true;

    private DeviceQuery(List<QueryToken> tokens) => _tokens = tokens;

    /// <summary>Reads a query.</summary>
    /// <returns>The query, or <c>query-syntax</c>.</returns>
    public static Parsed<DeviceQuery> Parse(string text)
    {
        if (text.Length > LengthMax) return new Fault("query-syntax", "query");
        if (!QueryTokens.Read(text).TryGet(out var tokens, out var fault)) return fault;
        var query = new DeviceQuery(tokens);
        return query.Read() ? query : new Fault("query-syntax", "query");
    }

    /// <summary>Whether a twin matches.</summary>
    public bool Matches(JsonObject twin) => _condition(twin) == true;

    private bool Read()
    {
        if (!(Word("SELECT") && Symbol("*") && Word("FROM") && Word("devices"))) return false;
        if (!Word("WHERE")) return Ended;
        if (Or(0) is not { } condition) return false;
        _condition = condition;
        return Ended;
    }

    private Func<JsonObject, bool?>? Or(int depth) => Chain(depth, "OR", And, (left, right) => left == true || right == true ? true : left is null || right is null ? null : false);

    private Func<JsonObject, bool?>? And(int depth) => Chain(depth, "AND", Unary, (left, right) => left == false || right == false ? false : left is null || right is null ? null : true);

    private Func<JsonObject, bool?>? Chain(int depth, string word, Func<int, Func<JsonObject, bool?>?> next, Func<bool?, bool?, bool?> join)
    {
        var parts = new List<Func<JsonObject, bool?>>();
        do
        {
            if (next(depth) is not { } part) return null;
            parts.Add(part);
        }
        while (Word(word));
        return twin => parts.Select(part => part(twin)).Aggregate(join);
    }

    private Func<JsonObject, bool?>? Unary(int depth)
    {
        if (depth > DepthMax) return null;
        if (Word("NOT")) return Unary(depth + 1) is { } negated ? twin => !negated(twin) : null;
        if (Symbol("(")) return Or(depth + 1) is { } inner && Symbol(")") ? inner : null;
        if (Word("is_defined")) return Symbol("(") && Path() is { } tested && Symbol(")") ? twin => Find(twin, tested) is not null : null;
        if (Path() is not { } path) return null;
        if (Word("IN")) return Literals() is { } any ? twin => Among(Find(twin, path), any) : null;
        if (Word("NIN")) return Literals() is { } none ? twin => !Among(Find(twin, path), none) : null;
        var operation = Take(QueryTokenKind.Symbol)?.Text;
        return operation is "=" or "!=" or "<>" or "<" or "<=" or ">" or ">=" && Literal() is { } literal
            ? twin => Compare(Find(twin, path), operation, literal)
            : null;
    }

    private List<JsonValue>? Literals()
    {
        if (!Symbol("[")) return null;
        var literals = new List<JsonValue>();
        do
        {
            if (Literal() is not { } literal) return null;
            literals.Add(literal);
        }
        while (Symbol(","));
        return Symbol("]") ? literals : null;
    }

    private JsonValue? Literal()
    {
        if (Take(QueryTokenKind.Text) is { } text) return JsonValue.Create(text.Text);
        if (Take(QueryTokenKind.Number) is { } number)
        {
            return double.TryParse(number.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? JsonValue.Create(value) : null;
        }

        return Word("true") ? JsonValue.Create(true) : Word("false") ? JsonValue.Create(false) : null;
    }

    private string[]? Path() => Take(QueryTokenKind.Name)?.Text.Split('.');

    private static JsonNode? Find(JsonNode? node, string[] path)
    {
        foreach (var step in path)
        {
            if (node is not JsonObject inner || !inner.TryGetPropertyValue(step, out node)) return null;
        }

        return node;
    }

    private static bool? Among(JsonNode? found, List<JsonValue> literals) =>
        found is null ? null : literals.Any(literal => Compare(found, "=", literal) == true);

    private static bool? Compare(JsonNode? found, string operation, JsonValue literal)
    {
        if (found is not JsonValue value) return null;
        int order;
        switch (value.GetValueKind(), literal.GetValueKind())
        {
            case (JsonValueKind.String, JsonValueKind.String):
                order = string.CompareOrdinal(value.GetValue<string>(), literal.GetValue<string>());
                break;
            case (JsonValueKind.Number, JsonValueKind.Number):
                order = double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture).CompareTo(literal.GetValue<double>());
                break;
            case (JsonValueKind.True or JsonValueKind.False, JsonValueKind.True or JsonValueKind.False) when operation is "=" or "!=" or "<>":
                order = value.GetValueKind() == literal.GetValueKind() ? 0 : 1;
                break;
            default:
                return null;
        }

        return operation switch
        {
            "=" => order == 0,
            "!=" or "<>" => order != 0,
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    private bool Ended => _tokens[_at].Kind == QueryTokenKind.End;

    private bool Word(string word)
    {
        if (_tokens[_at].Kind != QueryTokenKind.Name || !_tokens[_at].Text.Equals(word, StringComparison.OrdinalIgnoreCase)) return false;
        _at++;
        return true;
    }

    private bool Symbol(string symbol)
    {
        if (_tokens[_at].Kind != QueryTokenKind.Symbol || _tokens[_at].Text != symbol) return false;
        _at++;
        return true;
    }

    private QueryToken? Take(QueryTokenKind kind) => _tokens[_at].Kind == kind ? _tokens[_at++] : null;
}
