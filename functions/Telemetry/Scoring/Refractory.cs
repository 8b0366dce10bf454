namespace Serverless.Telemetry.Scoring;

/// <summary>One alarm an episode: after a peak, only evidence above a fading crest passes.</summary>
/// <remarks>
/// The crest starts at twice the peak and falls to nothing over 3 % of the series so far (20 values at least): the longer a device
/// is known, the longer one episode may keep it busy. Records of an exchangeable sequence come at a rate of 1/n, so the gap between
/// alarms has to grow with n too. 12 bytes.
/// </remarks>
public struct Refractory
{
    private const double Share = 0.03, AtLeast = 20, Rise = 2;

    private float _peak;
    private int _at;
    private bool _held;

    /// <summary>The evidence if it stands out above the crest of the last alarm, else 0.</summary>
    /// <param name="evidence">0 or more.</param>
    /// <param name="seen">Values before this one.</param>
    public readonly double Pass(double evidence, int seen)
    {
        if (evidence <= 0 || !_held) return evidence;
        var left = 1 - ((seen - _at) / Math.Max(AtLeast, Share * seen));
        return left > 0 && evidence <= _peak * left * (1 + ((Rise - 1) * left)) ? 0 : evidence;
    }

    /// <summary>Remembers an alarm that passed.</summary>
    public void Learn(double passed, int seen)
    {
        if (passed <= 0) return;
        (_peak, _at, _held) = ((float)passed, seen, true);
    }

    internal readonly void Write(ref StateWriter state)
    {
        state.Single(_peak);
        state.Int32(_at);
        state.Byte(_held ? (byte)1 : (byte)0);
    }

    internal static Refractory Read(ref StateReader state) => new() { _peak = state.Single(), _at = state.Int32(), _held = state.Byte() != 0 };
}
