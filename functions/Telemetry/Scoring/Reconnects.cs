using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>How often a device connects anew: two holders of one key throw each other off the hub, again and again.</summary>
/// <remarks>
/// IoT Hub grants an identity one live connection, and a new one ends the old. So a copied key shows here even while the thief sends nothing;
/// so do a radio at the end of its range and a device that restarts. Connects are counted with a memory of an hour, and the count is
/// news when it is beyond twice the greatest count the device has shown, and beyond six. Every connect has one disconnect before it, so
/// disconnects are counted with them. What is seen becomes habit hours later, or a fight for the connection would teach its own beginning. 80 bytes, which are the state. Deterministic; not safe for concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Reconnects
{
    /// <summary>Bytes of <see cref="Number"/>.</summary>
    public const int NumberBytes = 32;

    /// <summary>Time after which a connect weighs 1/e in the count, in milliseconds.</summary>
    public const long MemoryMs = 3_600_000;

    /// <summary>Time to learn a habit, in milliseconds; before that the answer is "not yet".</summary>
    public const long WarmUpMs = 86_400_000;

    private const long HabitAfterMs = 6 * 3_600_000;
    private const double ForgetMs = 30 * 86_400_000.0; // the greatest count, so that one bad night does not blind for ever

    private Number _newest;
    private long _firstMs, _lastMs, _burstMs, _peakSinceMs;
    private float _recent, _most, _peak;
    private uint _troubleUntilS;

    /// <summary>The sequence number of a connection event: as the hub wrote it, hexadecimal, to be compared byte by byte.</summary>
    [InlineArray(NumberBytes)]
    public struct Number { private byte _first; }

    /// <summary>Connects within about an hour, the newest one included: 0 to about 3,600 at one a second.</summary>
    public readonly double Recent => _recent;

    /// <summary>The greatest <see cref="Recent"/> that is habit.</summary>
    public readonly double Most => _most;

    /// <summary>Whether an event tells of something new. Hubs deliver at least once and not always in order.</summary>
    /// <param name="number">Of the event.</param>
    /// <param name="atMs">When the hub took it in, Unix milliseconds. An hour later a lower number is another hub's, not a late one.</param>
    public readonly bool IsNew(in Number number, long atMs) =>
        _firstMs == 0 || (double)atMs - _lastMs > MemoryMs || ((ReadOnlySpan<byte>)number).SequenceCompareTo(_newest) > 0;

    /// <summary>The count a connect makes, without learning it.</summary>
    /// <param name="atMs">When it came, Unix milliseconds.</param>
    public readonly double Score(long atMs) => 1 + (_recent * Math.Exp(-Math.Max(0, (double)atMs - _lastMs) / MemoryMs));

    /// <summary>The count up to which nothing is said.</summary>
    /// <param name="limits">When to speak up.</param>
    public readonly double LimitOf(DeviceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        // Two connects in an hour are no news, however many alerts one would read.
        return Math.Max(limits.ReconnectsAtLeast, limits.Reconnects * _most) * Math.Max(1, limits.Patience);
    }

    /// <summary>Judges a connect and learns it.</summary>
    /// <param name="number">Number of the event; one that <see cref="IsNew"/>.</param>
    /// <param name="atMs">When it came, Unix milliseconds.</param>
    /// <param name="limits">When to speak up.</param>
    /// <param name="finding">What is news, once a trouble.</param>
    public bool Observe(in Number number, long atMs, DeviceLimits limits, out Finding finding)
    {
        ArgumentNullException.ThrowIfNull(limits);
        finding = default;
        atMs = Math.Max(Math.Clamp(atMs, 1, 253_402_300_799_999), _lastMs);
        if (_firstMs == 0) _firstMs = atMs;
        var count = Score(atMs);
        if (count < 1.5) _burstMs = atMs;
        _most = (float)(_most * Math.Exp((_lastMs - atMs) / ForgetMs));
        if (atMs - _peakSinceMs > HabitAfterMs) (_most, _peak, _peakSinceMs) = (Math.Max(_most, _peak), 0, atMs);
        (_recent, _lastMs, _newest) = ((float)count, atMs, number);

        var limit = LimitOf(limits);
        var nowS = (uint)Math.Min(uint.MaxValue, atMs / 1000);
        if (atMs - _firstMs < WarmUpMs)
        {
            _most = Math.Max(_most, _recent);
            return false;
        }

        if (_recent <= limit)
        {
            // Trouble teaches by its beginning, which is nearly the limit: the same again is habit, twice as much is news.
            _peak = Math.Max(_peak, _recent);
            return false;
        }

        var told = nowS < _troubleUntilS;
        _troubleUntilS = (uint)Math.Min(uint.MaxValue, (atMs + limits.QuietMs) / 1000);
        if (told) return false;
        finding = new(FindingKind.Reconnects, -1, atMs, Math.Max(_burstMs, atMs - MemoryMs), _recent, limit, _recent, 0, _most);
        return true;
    }
}
