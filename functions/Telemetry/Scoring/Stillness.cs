namespace Serverless.Telemetry.Scoring;

/// <summary>Notices a stuck metric: a run of equal readings longer than its own repetitions can explain.</summary>
/// <remarks>
/// Coarse sensors and idle machines repeat themselves, so a run is judged by two measures of the metric itself: the longest run it
/// has ended, and the geometric tail of its rate of repeats. Both must be exceeded. A metric that rarely moves cannot be stuck.
/// 24 bytes. Not safe for concurrent use.
/// </remarks>
public struct Stillness
{
    private const int WarmUp = 100;
    private const double LongestTimes = 2.2, LongestPlus = 8;
    private const double TailAtMost = -7; // log10: less than once in 10^7 readings
    private const double Lively = 0.9; // a metric that repeats itself more often than that is at rest, not stuck
    private const float Forget = 0.998f;

    private double _last;
    private float _repeats, _longest;
    private int _seen, _run;

    /// <summary>Readings in a row that equal the newest, itself not counted.</summary>
    public readonly int Run => _run;

    /// <summary>Longest run that still passes for the metric's own habit.</summary>
    public readonly double Allowed => (LongestTimes * _longest) + LongestPlus;

    /// <summary>log10 of the probability of a run as long as this one; 0 when there is none.</summary>
    public readonly double LogTail => _run == 0 ? 0 : _run * Math.Log10(Math.Clamp((_repeats + 1.0) / (_seen + 2.0), 1e-6, 1));

    /// <summary>Whether the metric is stuck.</summary>
    public readonly bool Stuck => _seen >= WarmUp && _run > Allowed && LogTail < TailAtMost && _repeats - _run < Lively * _seen;

    /// <summary>Learns a reading.</summary>
    public void Learn(double value)
    {
        if (_seen > 0 && value == _last)
        {
            if (_run < int.MaxValue) _run++;
            _repeats++;
        }
        else
        {
            // Also a run that was called stuck: an idle machine is allowed to idle longer the next time.
            // Forgotten by runs, not by readings: a pump that rests an hour twice a day keeps that habit at any pace of reporting.
            _longest = Math.Max(_run > 2 ? _longest * Forget : _longest, _run);
            _run = 0;
        }
        _last = value;
        if (++_seen < 1 << 22) return;
        _seen /= 2;
        _repeats /= 2;
    }
}
