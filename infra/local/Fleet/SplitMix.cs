namespace Serverless.Local.Fleet;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014): a small, splittable source of repeatable randomness.</summary>
/// <remarks>Each device draws from its own stream, so a device sends the same bytes in a fleet of any size. Not thread-safe.</remarks>
/// <param name="seed">Any value.</param>
public sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;
    private double? _spare;

    /// <summary>The next 64 random bits.</summary>
    public ulong Next()
    {
        unchecked
        {
            var z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>Uniform in [0, 1), with 53 random bits.</summary>
    public double Uniform() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [<paramref name="from"/>, <paramref name="to"/>).</summary>
    /// <param name="from">Inclusive.</param>
    /// <param name="to">Exclusive.</param>
    public double Between(double from, double to) => from + (to - from) * Uniform();

    /// <summary>Standard normal (Marsaglia's polar method).</summary>
    public double Normal()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        double u, v, s;
        do
        {
            u = Between(-1, 1);
            v = Between(-1, 1);
            s = u * u + v * v;
        }
        while (s is >= 1 or 0);
        var scale = Math.Sqrt(-2 * Math.Log(s) / s);
        _spare = v * scale;
        return u * scale;
    }

    /// <summary>A stream of its own for the named part, independent of how much was drawn elsewhere.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="part">Number of the part, such as a device's index.</param>
    public static SplitMix Stream(int seed, int part) => new(new SplitMix(unchecked(((ulong)(uint)seed << 32) | (uint)part)).Next());
}
