using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>How long devices usually stay away and come back, over all devices of a partition: what a silence must exceed to be news.</summary>
/// <remarks>
/// A gap is harmless when it ends by itself. How often gaps of each length end so is counted, by the day of device time, and silence is
/// told after the shortest time that keeps within the budget: two intervals behind the first missing message where
/// devices are punctual, more where messages get lost or restarts take their time. A gap of more than <see cref="Longest"/> intervals
/// is a silence whatever was counted, so nobody can teach the fleet to be patient for ever. 28 bytes. Not safe for concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Punctuality
{
    /// <summary>Usual gaps after which silence is told at the latest: five messages may be lost or a restart may take as long.</summary>
    public const double Longest = 6.3;

    private const int Steps = 5;
    private const double Counted = 1.5, DaysKept = 4096;

    // A gap of k lost messages ends k + 1 intervals after the last one, give or take the jitter.
    private static ReadOnlySpan<double> Edges => [2.9, 3.4, 4.4, 5.4, Longest];

    [InlineArray(Steps)]
    private struct Counts { private float _first; }

    private Counts _longer;
    private double _days;

    /// <summary>Device time counted, in days.</summary>
    public readonly double Days => _days;

    /// <summary>Usual gaps without a message after which a device counts as silent.</summary>
    /// <param name="budget">False silences a device-day may have.</param>
    public readonly double SilentAfter(double budget)
    {
        var allowed = budget * _days;
        for (var i = 0; i < Steps; i++)
        {
            if (_longer[i] <= allowed) return Edges[i];
        }

        return Longest;
    }

    /// <summary>Learns a gap that ended.</summary>
    /// <param name="gaps">Its length in usual gaps of its device.</param>
    /// <param name="gapMs">A usual gap in milliseconds.</param>
    public void Learn(double gaps, double gapMs)
    {
        _days += Math.Min(gaps, Longest) * gapMs / 86_400_000;
        if (gaps < Counted) return;
        for (var i = 0; i < Steps && gaps > Edges[i]; i++)
        {
            // Beyond the longest it was told as a silence; whether it was one, nobody here can know.
            if (gaps <= Longest) _longer[i]++;
        }

        if (_days < DaysKept) return;
        _days /= 2;
        for (var i = 0; i < Steps; i++) _longer[i] /= 2;
    }
}
