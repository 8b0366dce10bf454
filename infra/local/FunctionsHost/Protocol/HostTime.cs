using System.Globalization;
using System.Text.RegularExpressions;

namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>How the host writes times: no trailing zeros in fractions; <c>Z</c>, an offset or nothing, by where the time came from.</summary>
internal static partial class HostTime
{
    /// <summary>UTC with Z, such as <c>sys.UtcNow</c>.</summary>
    public static string Utc(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>UTC without any sign of it, such as <c>EnqueuedTimeUtc</c>.</summary>
    public static string Bare(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);

    /// <summary>Whole seconds, without any sign of UTC: what is left of a time that went through <c>ToString()</c>.</summary>
    public static string BareSeconds(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>With offset, such as <c>x-opt-enqueued-time</c>.</summary>
    public static string WithOffset(DateTimeOffset instant) => instant.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);

    /// <summary>By its kind: Z for UTC, nothing for unspecified.</summary>
    public static string Of(DateTime instant) => instant.Kind == DateTimeKind.Utc
        ? Utc(new DateTimeOffset(instant))
        : instant.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);

    /// <summary>What a string becomes that the host's JSON reader takes for a date and prints again (trap: it is rewritten).</summary>
    /// <returns>The rewritten text, or <see langword="null"/> if the string is no date to it.</returns>
    public static string? Reprinted(string text) =>
        LooksLikeDate().IsMatch(text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant)
            ? instant.UtcDateTime.ToString(CultureInfo.InvariantCulture)
            : null;

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$")]
    private static partial Regex LooksLikeDate();
}
