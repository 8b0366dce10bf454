using System.Text;

namespace Serverless.Hosting;

/// <summary>Keeps secrets out of logs that libraries' messages would carry there.</summary>
internal static class Redacted
{
    /// <summary>Cuts the query off every URL in a text: function keys (<c>?code=</c>) and SAS signatures stand there.</summary>
    /// <param name="text">Any text.</param>
    public static string Queries(string text)
    {
        var url = text.IndexOf("://", StringComparison.Ordinal);
        if (url < 0) return text;
        var clean = new StringBuilder(text.Length);
        var at = 0;
        for (; url >= 0; url = at < text.Length ? text.IndexOf("://", at, StringComparison.Ordinal) : -1)
        {
            var end = url;
            while (end < text.Length && !char.IsWhiteSpace(text[end]) && text[end] is not ('"' or '\'' or '<' or '>')) end++;
            var query = text.IndexOf('?', url, end - url);
            clean.Append(text, at, (query < 0 ? end : query) - at);
            if (query >= 0) clean.Append("?…");
            at = end;
        }

        return clean.Append(text, at, text.Length - at).ToString();
    }
}
