using Serverless.Faults;

namespace Serverless.Local.IotHub.Query;

/// <summary>A word of a query.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; of a string the text inside the quotes.</param>
internal sealed record QueryToken(QueryTokenKind Kind, string Text);

/// <summary>Kinds of words.</summary>
internal enum QueryTokenKind
{
    Name,
    Text,
    Number,
    Symbol,
    End,
}

/// <summary>Splits a query into words.</summary>
internal static class QueryTokens
{
    /// <returns>The words with an end mark, or <c>query-syntax</c>.</returns>
    public static Parsed<List<QueryToken>> Read(string query)
    {
        var tokens = new List<QueryToken>();
        var at = 0;
        while (at < query.Length)
        {
            var character = query[at];
            if (char.IsWhiteSpace(character))
            {
                at++;
                continue;
            }

            var token = character is '\'' or '"' ? Quoted(query, at)
                : char.IsAsciiDigit(character) || (character == '-' && at + 1 < query.Length && char.IsAsciiDigit(query[at + 1])) ? Run(query, at, QueryTokenKind.Number)
                : IsName(character) ? Run(query, at, QueryTokenKind.Name)
                : Symbol(query, at);
            if (token is null) return new Fault("query-syntax", "query");
            tokens.Add(token);
            at += token.Kind == QueryTokenKind.Text ? token.Text.Length + 2 : token.Text.Length;
        }

        tokens.Add(new QueryToken(QueryTokenKind.End, ""));
        return tokens;
    }

    private static QueryToken? Quoted(string query, int at)
    {
        var end = query.IndexOf(query[at], at + 1);
        return end < 0 ? null : new QueryToken(QueryTokenKind.Text, query[(at + 1)..end]);
    }

    private static QueryToken Run(string query, int at, QueryTokenKind kind)
    {
        var end = at + 1;
        while (end < query.Length && (IsName(query[end]) || (kind == QueryTokenKind.Number && query[end] == '+'))) end++;
        return new QueryToken(kind, query[at..end]);
    }

    private static QueryToken? Symbol(string query, int at)
    {
        foreach (var symbol in new[] { "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", "*" })
        {
            if (string.CompareOrdinal(query, at, symbol, 0, symbol.Length) == 0) return new QueryToken(QueryTokenKind.Symbol, symbol);
        }

        return null;
    }

    private static bool IsName(char character) => char.IsLetterOrDigit(character) || character is '_' or '.' or '-' or '$';
}
