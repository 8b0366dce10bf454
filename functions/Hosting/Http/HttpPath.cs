using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>One path, one spelling: the host and this server must not be able to disagree about where a request goes.</summary>
internal static class HttpPath
{
    private const string Prefix = "/api/";

    /// <summary>Checks a request target before anything routes by it.</summary>
    /// <param name="rawTarget">The target as sent: absolute form, asterisk and authority have no place behind the host.</param>
    /// <param name="path">The path as the server decoded and normalized it.</param>
    /// <returns><see langword="null"/>, or <c>path-unknown</c> (not below the route prefix) or <c>path-form</c> (dot segments, empty
    /// segments, or separators and dots in disguise).</returns>
    public static Fault? Check(string rawTarget, PathString path)
    {
        if (!rawTarget.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return new Fault("path-unknown", "path");
        var end = rawTarget.AsSpan().IndexOfAny('?', '#');
        var raw = end < 0 ? rawTarget : rawTarget.AsSpan(0, end);
        if (raw.Contains("//", StringComparison.Ordinal) || raw.Contains("/./", StringComparison.Ordinal) || raw.Contains("/../", StringComparison.Ordinal)
            || raw.EndsWith("/.", StringComparison.Ordinal) || raw.EndsWith("/..", StringComparison.Ordinal) || raw.Contains('\\') || HasDisguise(raw))
        {
            return new Fault("path-form", "path");
        }

        return path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) ? null : new Fault("path-form", "path");
    }

    /// <summary>Whether an escape hides what paths are made of: <c>. / \ %</c> or a control character.</summary>
    private static bool HasDisguise(ReadOnlySpan<char> raw)
    {
        for (var at = raw.IndexOf('%'); at >= 0;)
        {
            if (at + 2 >= raw.Length || !byte.TryParse(raw.Slice(at + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value)) return true;
            if (value is < 0x20 or 0x7f or (byte)'.' or (byte)'/' or (byte)'\\' or (byte)'%') return true;
            var next = raw[(at + 3)..].IndexOf('%');
            at = next < 0 ? -1 : at + 3 + next;
        }

        return false;
    }
}
