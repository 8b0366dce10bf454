namespace Serverless.Telemetry.Validation;

/// <summary>What one event said: caller-owned and used again for every event, so that judging allocates nothing.</summary>
/// <remarks>Filled by <see cref="Judge.Decide"/>; meaningful only until the next call, and in full only when the event was
/// accepted. About 12 KiB, plus buffers that grow once to the largest compressed or escaped event met. Not thread-safe.</remarks>
public sealed partial class Readings
{
    /// <summary>Longest text value or name, in UTF-8 bytes after unescaping.</summary>
    public const int TextBytesMax = 4096;

    /// <summary>Longest message id, in UTF-8 bytes (the hub's own limit for message-id).</summary>
    public const int MessageIdBytesMax = 128;

    private readonly double[] _values = new double[3 * Profile.MetricsMax];
    private readonly Item[] _items = new Item[Profile.MetricsMax];

    /// <summary>Bit <c>i</c> is set when metric <c>i</c> of the profile is present.</summary>
    public ulong Present { get; internal set; }

    /// <summary>When the device says it sent the event. UTC, truncated to 100 ns.</summary>
    public DateTimeOffset SentAt => new(SentTicks, TimeSpan.Zero);

    /// <summary>The device's own sequence number, 0 to 2^53-1.</summary>
    public long Sequence { get; internal set; }

    internal long SentTicks { get; set; }

    /// <summary>Whether metric <paramref name="metric"/> is present.</summary>
    /// <param name="metric">Index in <see cref="Profile.Metrics"/>.</param>
    public bool Has(int metric) => (Present >> metric & 1) != 0;

    /// <summary>Value of a present number or integer; 1 or 0 for a boolean; the member's index for an enumeration; the length in
    /// bytes for a string; the first component of a vector.</summary>
    /// <param name="metric">Index in <see cref="Profile.Metrics"/>.</param>
    public double Value(int metric) => _values[3 * metric];

    /// <summary>The three components of a present vector.</summary>
    /// <param name="metric">Index in <see cref="Profile.Metrics"/>.</param>
    public ReadOnlySpan<double> Vector(int metric) => _values.AsSpan(3 * metric, 3);

    /// <summary>The text of the message id, unescaped UTF-8, 1 to 128 bytes.</summary>
    /// <param name="e">The event these readings are of.</param>
    public ReadOnlySpan<byte> MessageId(in TelemetryEvent e) => Text(MessageIdItem, Payload(e));

    /// <summary>The text of a present string or enumeration, unescaped UTF-8.</summary>
    /// <param name="e">The event these readings are of.</param>
    /// <param name="metric">Index in <see cref="Profile.Metrics"/>.</param>
    public ReadOnlySpan<byte> Text(in TelemetryEvent e, int metric) => Text(_items[metric], Payload(e));
}
