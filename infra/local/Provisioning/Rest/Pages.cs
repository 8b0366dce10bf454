using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>Queries: <c>*</c> or <c>SELECT * FROM {source}</c>, a page at a time. Anything else is refused, not guessed.</summary>
internal static partial class Pages
{
    private const int PageMax = 1000;
    private const int PageDefault = 100;

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
        if (Size(http) is not { } size) return new Fault("argument-invalid", "x-ms-max-item-count");
        if (!TryAfter(http, out var after)) return new Fault("argument-invalid", "x-ms-continuation");
        var rest = items.SkipWhile(item => after is not null && string.Compare(id(item), after, StringComparison.OrdinalIgnoreCase) <= 0).Take(size + 1).ToArray();
        var page = rest.Take(size).ToArray();
        var next = rest.Length > size ? Convert.ToBase64String(Encoding.UTF8.GetBytes(id(page[^1]))) : null;
        return new HubReply(new JsonArray([.. page.Select(document)]), Continuation: next, ItemType: type);
    }

    [GeneratedRegex(@"^\s*select\s+\*\s+from\s+(\w+)\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Select();

    private static int? Size(HttpContext http)
    {
        var text = http.Request.Headers["x-ms-max-item-count"].ToString();
        return text.Length == 0 ? PageDefault
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is >= 1 and <= PageMax ? size
            : null;
    }

    // The token is the last id of the page before: stable while entries come and go.
    private static bool TryAfter(HttpContext http, out string? after)
    {
        after = null;
        var token = http.Request.Headers["x-ms-continuation"].ToString();
        if (token.Length == 0) return true;
        var bytes = new byte[token.Length];
        if (!Convert.TryFromBase64String(token, bytes, out var written)) return false;
        after = Encoding.UTF8.GetString(bytes, 0, written);
        return true;
    }
}
