using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Serverless.Firmware;

/// <summary>What the app measures.</summary>
internal static class Meters
{
    /// <summary>Meter name; begins with the prefix that the edge exports.</summary>
    public const string Name = "Serverless.Firmware";

    private static readonly Meter Meter = new(Name);
    private static readonly ConcurrentDictionary<string, double> Seconds = new(StringComparer.Ordinal);

    static Meters() => Meter.CreateObservableGauge(
        "firmware.expiry", () => Seconds.Select(one => new Measurement<double>(one.Value, new KeyValuePair<string, object?>("role", one.Key))), "s", "Time until a role expires, as of the last look.");

    /// <summary>Notes how long a role still lives.</summary>
    public static void Expiry(string role, TimeSpan left) => Seconds[role] = left.TotalSeconds;
}
