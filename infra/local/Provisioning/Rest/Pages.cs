using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>Queries: <c>*</c> or <c>SELECT * FROM {source}</c>, a page at a time. Anything else is refused, not guessed.</summary>
internal static partial class Pages
{
    /// <summary>Reads the query of a request.</summary>
    /// <returns>Null, or <c>argument-invalid</c>, <c>query-syntax</c>.</returns>
    public static async Task<Fault?> Check(HttpContext http, string source)
    {
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("query", out var text) || text is null) return new Fault("argument-invalid", "query");
        return text.Trim() == "*" || (Select().Match(text) is { Success: true } match && string.Equals(match.Groups[1].Value, source, StringComparison.OrdinalIgnoreCase))
            ? null
            : new Fault("query-syntax", "query");
    }

    /// <summary>One page.</summary>
    /// <param name="http">Says its size and where the page before ended.</param>
    /// <param name="items">All, by id.</param>
    /// <param name="id">Of an item.</param>
    /// <param name="document">Of an item.</param>
    /// <param name="type">The header <c>x-ms-item-type</c>.</param>
    /// <returns>The page, or <c>argument-invalid</c>.</returns>
    public static Parsed<HubReply> Of<T>(HttpContext http, IReadOnlyList<T> items, Func<T, string> id, Func<T, JsonObject> document, string type)
    {
        if (!PageRequest.Read(http).TryGet(out var asked, out var refused)) return refused;
        var rest = items.SkipWhile(item => asked.After is { } after && string.Compare(id(item), after, StringComparison.OrdinalIgnoreCase) <= 0).Take(asked.Size + 1).ToArray();
        var page = rest.Take(asked.Size).ToArray();
        var next = rest.Length > asked.Size ? PageRequest.Token(id(page[^1])) : null;
        return new HubReply(new JsonArray([.. page.Select(document)]), Continuation: next, ItemType: type);
    }

    [GeneratedRegex(@"^\s*select\s+\*\s+from\s+(\w+)\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Select();
}
