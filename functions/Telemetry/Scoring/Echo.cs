using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>Notices a replay: whole readings that repeat, in order, what the device said a fixed number of messages before.</summary>
/// <remarks>
/// The last 64 readings are kept as 16-bit hashes of all their metrics. A run of matches at one lag is the length of the echo. Coarse
/// sensors echo themselves by chance, so the run has to exceed twice the longest run this device has shown and forgotten slowly.
/// A reading equal to the one before it counts for nothing: a constant device repeats itself at every lag. Fresh ids, times and
/// counters do not help a replay, they are not hashed. 146 bytes. Not safe for concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Echo
{
    private const int Depth = 64;
    private const int RunAtLeast = 6;
    private const float Forget = 0.9999f;

    [InlineArray(Depth)]
    private struct Ring { private ushort _first; }

    private Ring _ring;
    private float _longest;
    private ushort _last;
    private int _seen, _run, _lag;

    /// <summary>Messages back from which the newest readings are copied; 0 when they are not.</summary>
    public readonly int Lag => _run > 0 ? _lag : 0;

    /// <summary>How many readings in order matched at that lag.</summary>
    public readonly int Run => _run;

    /// <summary>Longest run that still passes for chance.</summary>
    public readonly double Allowed => RunAtLeast + (2 * _longest);

    /// <summary>Whether the newest readings are an echo beyond chance.</summary>
    public readonly bool Heard => _run > Allowed;

    /// <summary>Hashes a reading: equal values in equal order give equal hashes.</summary>
    public static ushort HashOf(ReadOnlySpan<double> values)
    {
        ulong hash = 0x9E3779B97F4A7C15;
        foreach (var value in values)
        {
            hash ^= BitConverter.DoubleToUInt64Bits(value + 0.0);
            hash = unchecked(hash * 0xFF51AFD7ED558CCD);
            hash ^= hash >> 32;
        }
        return (ushort)(hash >> 16 & 0xFFFF);
    }

    /// <summary>Learns a reading and updates the run.</summary>
    public void Learn(ushort hash)
    {
        var still = _seen > 0 && hash == _last;
        if (!still && _run > 0 && _ring[(_seen - _lag) & (Depth - 1)] == hash) _run++;
        else if (!still) Begin(hash);
        _longest *= Forget;
        _ring[_seen & (Depth - 1)] = hash;
        _last = hash;
        _seen = _seen == int.MaxValue ? Depth + (_seen & (Depth - 1)) + 1 : _seen + 1;
    }

    private void Begin(ushort hash)
    {
        // An ended run was chance, unless it was long enough to be called a replay: that must not raise the bar.
        if (_run > 0 && !Heard) _longest = Math.Max(_longest, _run);
        _run = 0;
        // The farthest match first: a real echo is found again after one miss, a chance match close by is not worth following.
        for (var lag = Math.Min(Depth, _seen); lag >= 2 && _run == 0; lag--)
        {
            if (_ring[(_seen - lag) & (Depth - 1)] == hash) (_run, _lag) = (1, lag);
        }
    }
}
