using System.Security.Cryptography;
using System.Text;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Which target names a delegation covers (TUF 1.0.34 section 4.5).</summary>
public static class PathPattern
{
    /// <summary>Longest pattern or target name taken, characters.</summary>
    public const int CharsMax = 1024;

    /// <summary>Whether we understand the pattern: <c>[</c> starts a set in some clients and is a letter in others, so a pattern
    /// with one would cover different names on different devices.</summary>
    /// <param name="pattern">Hostile text.</param>
    public static bool IsPlain(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return pattern.Length is > 0 and <= CharsMax && !pattern.Contains('[', StringComparison.Ordinal) && !pattern.Contains('\\', StringComparison.Ordinal);
    }

    /// <summary>Whether a name matches: <c>*</c> is any run, <c>?</c> any one character, neither crosses <c>/</c>.</summary>
    /// <param name="pattern">A plain pattern.</param>
    /// <param name="name">A target name.</param>
    /// <remarks>Linear in pattern × name, never exponential: only the last star is ever retried, which suffices because a later
    /// star can take over whatever an earlier one gave up, within one segment.</remarks>
    public static bool Covers(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        while (true)
        {
            var (patternEnd, nameEnd) = (pattern.IndexOf('/'), name.IndexOf('/'));
            if (patternEnd < 0 != nameEnd < 0) return false;
            if (patternEnd < 0) return SegmentCovers(pattern, name);
            if (!SegmentCovers(pattern[..patternEnd], name[..nameEnd])) return false;
            pattern = pattern[(patternEnd + 1)..];
            name = name[(nameEnd + 1)..];
        }
    }

    /// <summary>Whether the SHA-256 of a name begins with one of the prefixes.</summary>
    /// <param name="prefixes">Lower-case hex.</param>
    /// <param name="name">A target name.</param>
    public static bool HashCovers(IEnumerable<string> prefixes, string name)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        return prefixes.Any(prefix => digest.StartsWith(prefix, StringComparison.Ordinal));
    }

    private static bool SegmentCovers(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        var (p, t, star, retry) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, retry) = (p++, t);
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == text[t]))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                (p, t) = (star + 1, ++retry);
            }
            else
            {
                return false;
            }
        }
        return pattern[p..].TrimStart('*').IsEmpty;
    }
}
