using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>Turns evidence into a tail probability: the share of past values with at least as much evidence, counted, not assumed.</summary>
/// <remarks>
/// A conformal p-value, (1 + those at or above) / (1 + all) (Vovk et al. 2005, "Algorithmic Learning in a Random World"): for
/// exchangeable values P(p ≤ a) ≤ a whatever the distribution. Evidence is counted in half-octave classes, so the p-value is
/// conservative by at most one class. 68 bytes; counts are halved together at 2^24, which keeps them exact in a float. Not safe for
/// concurrent use.
/// </remarks>
public struct Calibration
{
    private const int Classes = 16;
    private const float HalveAt = 1 << 24;

    [InlineArray(Classes)]
    private struct Floats { private float _first; }

    private Floats _above;
    private float _all;

    /// <summary>Probability, under what was learned, of at least this much evidence; in (0, 1]. 1 for no evidence.</summary>
    public readonly double Tail(double evidence)
    {
        if (evidence <= 0) return 1;
        double atOrAbove = 1;
        for (var i = ClassOf(evidence); i < Classes; i++) atOrAbove += _above[i];
        return atOrAbove / (1 + _all);
    }

    /// <summary>Counts one value's evidence, 0 or more.</summary>
    public void Learn(double evidence)
    {
        if (evidence > 0) _above[ClassOf(evidence)]++;
        if (++_all < HalveAt) return;
        _all /= 2;
        for (var i = 0; i < Classes; i++) _above[i] /= 2;
    }

    // Half octaves from 2^-5 to 2^2.5; what is beyond shares the last class.
    private static int ClassOf(double evidence) => Math.Clamp((int)Math.Floor(2 * (Math.Log2(evidence) + 5)), 0, Classes - 1);

    internal readonly void Write(ref StateWriter state)
    {
        for (var i = 0; i < Classes; i++) state.Single(_above[i]);
        state.Single(_all);
    }

    internal static Calibration Read(ref StateReader state)
    {
        var calibration = default(Calibration);
        for (var i = 0; i < Classes; i++) calibration._above[i] = state.Single();
        calibration._all = state.Single();
        return calibration;
    }
}
