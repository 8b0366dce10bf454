using System.Globalization;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>What every role's metadata begins with (TUF 1.0.34 section 4.3).</summary>
/// <param name="Version">1 to 2^53-1; grows with every publication.</param>
/// <param name="Expires">The first instant at which the metadata no longer counts, UTC, whole seconds.</param>
public sealed record Header(long Version, DateTimeOffset Expires)
{
    /// <summary>The only spelling of an instant (FORMAT.md 2.4).</summary>
    public const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>What we write; we read every 1.0.x.</summary>
    public const string SpecVersion = "1.0.34";

    /// <summary>Reads the common members of <paramref name="fields"/>, leaving faults there: <c>metadata-type</c>,
    /// <c>spec-version</c>, <c>expires-format</c>, <c>field-missing</c>, <c>field-type</c>, <c>field-range</c> (also version 0).</summary>
    /// <param name="fields">The signed object.</param>
    /// <param name="type">The <c>_type</c> expected: without this check one role's key could sign for another.</param>
    public static Header Read(Fields fields, string type)
    {
        ArgumentNullException.ThrowIfNull(fields);
        if (fields.Text("_type", 32) != type) fields.Refuse("metadata-type", "_type");
        if (!IsSpoken(fields.Text("spec_version", 16))) fields.Refuse("spec-version", "spec_version");
        var version = fields.Integer("version", 1);
        if (!TryInstant(fields.Text("expires", 64), out var expires)) fields.Refuse("expires-format", "expires");
        return new Header(version, expires);
    }

    /// <summary>Whether the metadata no longer counts.</summary>
    /// <param name="now">The session's one reading of the clock.</param>
    public bool IsExpired(DateTimeOffset now) => now >= Expires;

    /// <summary>Writes an instant.</summary>
    /// <param name="instant">UTC; fractions of a second are cut off.</param>
    public static string Write(DateTimeOffset instant) => instant.UtcDateTime.ToString(InstantFormat, CultureInfo.InvariantCulture);

    /// <summary>Reads an instant in its one spelling.</summary>
    /// <param name="text">Hostile text.</param>
    /// <param name="instant">UTC.</param>
    public static bool TryInstant(string text, out DateTimeOffset instant) =>
        DateTimeOffset.TryParseExact(text, InstantFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out instant);

    // Semantic versioning: 1.0 or 1.0.patch. Another minor may add rules we do not know.
    private static bool IsSpoken(string version) =>
        version == "1.0" || (version.StartsWith("1.0.", StringComparison.Ordinal) && version.AsSpan(4) is { Length: > 0 } patch && !patch.ContainsAnyExceptInRange('0', '9'));
}
