using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>The mean of a metric by hour of the day: the seasonal expectation every human-driven series shares.</summary>
/// <remarks>
/// One bin an hour of 24-hour time, whatever the time zone: only the phase matters. A bin learns as an exact mean and then at 3 %,
/// with what exceeds six standard deviations clipped (Huber 1964), so one bad evening does not become the norm. 216 bytes.
/// Not safe for concurrent use.
/// </remarks>
public struct DayProfile
{
    private const int Bins = 24;
    private const double Rate = 0.03, Clip = 6;
    private const int SettledAfter = 20;

    [InlineArray(Bins)]
    private struct Floats { private float _first; }

    [InlineArray(Bins)]
    private struct Counts { private byte _first; }

    private Floats _mean, _variance;
    private Counts _count;

    /// <summary>The bin of an instant.</summary>
    /// <param name="atMs">Unix time in milliseconds, any sign.</param>
    public static int BinOf(long atMs)
    {
        const long Hour = 3_600_000;
        var bin = (int)(atMs / Hour % Bins);
        return bin < 0 ? bin + Bins : bin;
    }

    /// <summary>The expectation at this hour; 0 where the hour has not been seen.</summary>
    public readonly double At(int bin) => _mean[bin];

    /// <summary>Whether the hour has been seen at all.</summary>
    public readonly bool Knows(int bin) => _count[bin] > 0;

    /// <summary>Learns one value, already brought to the scale of a float.</summary>
    public void Learn(int bin, double value)
    {
        var seen = _count[bin];
        if (seen < byte.MaxValue) _count[bin] = (byte)(seen + 1);
        var rate = Math.Max(Rate, 1.0 / (seen + 1));
        var delta = value - _mean[bin];
        if (seen >= SettledAfter)
        {
            var limit = Clip * Math.Sqrt(_variance[bin]);
            delta = Math.Clamp(delta, -limit, limit);
        }
        _mean[bin] = (float)(_mean[bin] + (rate * delta));
        _variance[bin] = (float)Math.Min(float.MaxValue, (1 - rate) * (_variance[bin] + (rate * delta * delta)));
    }

    internal readonly void Write(ref StateWriter state)
    {
        for (var i = 0; i < Bins; i++)
        {
            state.Single(_mean[i]);
            state.Single(_variance[i]);
            state.Byte(_count[i]);
        }
    }

    internal static DayProfile Read(ref StateReader state)
    {
        var profile = default(DayProfile);
        for (var i = 0; i < Bins; i++)
        {
            profile._mean[i] = state.Single();
            profile._variance[i] = state.Single();
            profile._count[i] = state.Byte();
        }
        return profile;
    }
}
