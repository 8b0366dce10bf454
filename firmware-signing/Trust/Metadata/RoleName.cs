using System.Buffers;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Names of roles. In our repositories <c>[a-z0-9-]</c> (FORMAT.md 4.3); a client takes others, and quotes them.</summary>
public static class RoleName
{
    /// <summary>Root.</summary>
    public const string Root = "root";

    /// <summary>Timestamp.</summary>
    public const string Timestamp = "timestamp";

    /// <summary>Snapshot.</summary>
    public const string Snapshot = "snapshot";

    /// <summary>The top-level targets role.</summary>
    public const string Targets = "targets";

    private static readonly SearchValues<char> OwnAlphabet = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>The four roles root names.</summary>
    public static IReadOnlyList<string> TopLevel { get; } = [Root, Timestamp, Snapshot, Targets];

    /// <summary>Whether a delegation may carry the name: not empty, not a top-level role's (its file would replace that role's).</summary>
    /// <param name="name">Hostile text.</param>
    public static bool MayBeDelegated(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= 128 && !TopLevel.Contains(name, StringComparer.Ordinal);
    }

    /// <summary>Whether we would publish the name.</summary>
    /// <param name="name">A release engineer's text.</param>
    public static bool IsOurs(string name) => MayBeDelegated(name) && !name.AsSpan().ContainsAnyExcept(OwnAlphabet);

    /// <summary>The name as one path segment of a URL and one file name: everything but unreserved characters is percent-encoded
    /// (RFC 3986 section 2.3), so <c>../x</c> neither climbs a directory nor names another role.</summary>
    /// <param name="name">A name that may be delegated, or a top-level role.</param>
    public static string Quote(string name) => Uri.EscapeDataString(name);
}
