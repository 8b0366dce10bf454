using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>How large a residual usually is at a given level of its metric: a running pump is noisier than a stopped one.</summary>
/// <remarks>
/// Mean absolute residuals in eight classes of the expected value within the metric's own range. A class is never trusted to be
/// quieter than a tenth of the whole, nor before it has been seen 30 times. 56 bytes. Not safe for concurrent use.
/// </remarks>
public struct NoiseByLevel
{
    private const int Classes = 8;
    private const double Rate = 1 / 1000.0, QuietestShare = 0.1, ClipTimes = 8;
    private const int Known = 30;

    [InlineArray(Classes)]
    private struct Floats { private float _first; }

    [InlineArray(Classes)]
    private struct Counts { private ushort _first; }

    private Floats _mean;
    private Counts _seen;
    private float _all;
    private int _count;

    /// <summary>Usual size of a residual, above 0 once anything was learned.</summary>
    /// <param name="position">Where the expected value lies in the metric's range: 0 lowest, 1 highest; clipped.</param>
    public readonly double At(double position)
    {
        var i = ClassOf(position);
        return _seen[i] < Known ? Math.Max(_all, _mean[i]) : Math.Max(_mean[i], QuietestShare * _all);
    }

    /// <summary>Learns one residual.</summary>
    public void Learn(double position, double residual)
    {
        var i = ClassOf(position);
        var size = Math.Min(Math.Abs(residual), 1e30);
        if (_seen[i] >= Known) size = Math.Min(size, ClipTimes * At(position));
        _mean[i] = (float)Average.After(_mean[i], size, Rate, _seen[i]);
        _all = (float)Average.After(_all, size, Rate, _count);
        if (_seen[i] < ushort.MaxValue) _seen[i]++;
        if (_count < int.MaxValue) _count++;
    }

    private static int ClassOf(double position) => double.IsNaN(position) ? 0 : (int)Math.Clamp(position * Classes, 0, Classes - 1);
}
