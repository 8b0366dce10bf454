using System.Globalization;

namespace Serverless.Local.IotHub;

/// <summary>Instants as the hub writes them.</summary>
internal static class HubTime
{
    /// <summary>UTC with seven decimals and <c>Z</c>; <c>0001-01-01T00:00:00Z</c> for "never".</summary>
    public static string Text(DateTimeOffset? instant) => instant is { } known
        ? known.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture)
        : "0001-01-01T00:00:00Z";
}
