using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>What the arrival of a message says about its sender.</summary>
public enum ArrivalFinding
{
    /// <summary>As expected, or one of the harmless irregularities: a small gap, a restart.</summary>
    None,
    /// <summary>Far more messages than the device's own pace.</summary>
    Flood,
    /// <summary>Two sources count under one identity.</summary>
    Clone,
}

/// <summary>The pace and the counter of a device: floods, clones, and when its silence is due.</summary>
/// <remarks>
/// A healthy counter goes up; it restarts at its beginning only after the pause a restart takes. Two sources under one identity
/// cannot keep that: a copied counter repeats numbers, a fresh one starts over without a pause or lets the old one jump back in.
/// The pace is a mean of the gaps, each clipped, so neither a flood nor a silence moves it. 52 bytes. Not safe for concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Cadence
{
    private const int WarmUp = 20;
    private const double Rate = 0.02;
    private const double TooFast = 0.35, NoPause = 0.9;
    private const int FastRun = 5;

    private double _gapMs;
    private long _lastMs, _heardMs, _sequence, _before;
    private int _seen, _fast, _restarted;

    /// <summary>Usual time between messages in milliseconds; 0 before the second message.</summary>
    public readonly double GapMs => _gapMs;

    /// <summary>Time of the newest message in Unix milliseconds.</summary>
    public readonly long LastMs => _lastMs;

    /// <summary>When the hub last took a message of the device in, Unix milliseconds.</summary>
    public readonly long HeardMs => _heardMs;

    /// <summary>Whether the pace is known.</summary>
    public readonly bool Warm => _seen >= WarmUp;

    /// <summary>How fast the newest messages came, in multiples of the usual pace.</summary>
    public readonly double Speed(long atMs) => _gapMs / Math.Max(1, (double)atMs - _lastMs);

    /// <summary>Judges an arrival without learning it.</summary>
    /// <param name="atMs">When the message was sent, Unix milliseconds.</param>
    /// <param name="sequence">The device's own counter.</param>
    public readonly ArrivalFinding Score(long atMs, long sequence)
    {
        if (!Warm) return ArrivalFinding.None;
        var gap = ((double)atMs - _lastMs) / _gapMs;
        // A restart begins a new count at its beginning and takes longer than one gap; a repeat or a step back is a second source.
        var back = sequence <= _sequence && !(sequence <= 1 && gap > NoPause);
        // The old count goes on although the device has just started over: the one that started over is not the device.
        var both = _restarted > 0 && sequence > _before && (double)sequence - _sequence > 2 + (2 * Math.Max(1, gap));
        if (back || both) return ArrivalFinding.Clone;
        return gap < TooFast && _fast + 1 >= FastRun ? ArrivalFinding.Flood : ArrivalFinding.None;
    }

    /// <summary>Notes that the device was heard.</summary>
    /// <returns>The time since it was heard before, in usual gaps; 0 while the pace is not known.</returns>
    public double Hear(long heardMs)
    {
        var gap = Warm && _heardMs > 0 ? Math.Max(0, (double)heardMs - _heardMs) / Math.Max(1, _gapMs) : 0;
        _heardMs = Math.Max(_heardMs, heardMs);
        return gap;
    }

    /// <summary>Learns an arrival.</summary>
    public void Learn(long atMs, long sequence)
    {
        if (_seen > 0)
        {
            var gap = Math.Max(0, (double)atMs - _lastMs);
            _fast = Warm && gap < TooFast * _gapMs ? Math.Min(_fast, FastRun) + 1 : 0;
            _gapMs = GapAfter(gap);
            if (sequence <= 1 && sequence <= _sequence) (_before, _restarted) = (_sequence, 50);
            else if (_restarted > 0) _restarted--;
        }
        _lastMs = Math.Max(_lastMs, atMs);
        _sequence = sequence;
        if (_seen < int.MaxValue) _seen++;
    }

    // Before the pace is known a mean of all gaps has to do; afterwards a gap that is far off tells little about the pace.
    private readonly double GapAfter(double gap) =>
        !Warm ? Average.After(_gapMs, _seen > 2 ? Math.Min(gap, 3 * _gapMs) : gap, Rate, _seen - 1)
        : gap > 0.7 * _gapMs && gap < 1.5 * _gapMs ? Average.After(_gapMs, gap, Rate, _seen)
        : _fast == 0 ? Average.After(_gapMs, Math.Clamp(gap, 0.9 * _gapMs, 1.1 * _gapMs), Rate / 4, _seen)
        : _gapMs;
}
