namespace Serverless.Telemetry.Scoring;

public readonly ref partial struct DeviceScorer
{
    private const int PeersAtLeast = 8, LearnEvery = 2, CompareEvery = 64; // one in eight cannot move a quartile far
    private const double AlikeWithin = 0.01;               // of the middle: all devices saying exactly 5.00 does not make 5.01 strange

    /// <summary>Compares the device with its peers, and lets them learn from it.</summary>
    /// <param name="peers">What the devices of its model measure.</param>
    /// <param name="devices">How many there are.</param>
    /// <param name="atMs">When its message was sent, Unix milliseconds.</param>
    /// <param name="values">The message's values, as <see cref="Observe"/> judged them and had nothing to say.</param>
    /// <param name="finding">What sets the device apart, told once a device.</param>
    /// <returns>Whether something does.</returns>
    public bool Compare(ref PeerValues peers, int devices, long atMs, ReadOnlySpan<double> values, out Finding finding)
    {
        finding = default;
        // What two sources or a recording say belongs to nobody, so it teaches nobody.
        if (_head.Distrust > 0) return false;
        // Readings a few apart say the same of a device that is known; a sketch of many devices misses nothing.
        if (!Warm || _head.Learned % LearnEvery == 0)
        {
            for (var i = 0; i < _metrics.Length; i++)
            {
                // How long a counter has counted is nobody's habit.
                if (_metrics[i].Counts == 0) peers.Learn(i, values[i]);
            }
        }

        ref var told = ref _head.Quiet[(int)FindingKind.Stranger];
        // Looked at now and then: what sets a device apart does not pass.
        if (told != 0 || !Warm || devices < PeersAtLeast || _head.Learned % CompareEvery != 0) return false;
        for (var i = 0; i < _metrics.Length; i++)
        {
            if (_metrics[i].Counts != 0 || !peers.TryQuartiles(i, out var low, out var middle, out var high)) continue;
            var (least, greatest) = Range(i);
            var beyond = Math.Max(least - high, low - greatest);
            var width = high - low + (greatest - least) + (AlikeWithin * Math.Abs(middle));
            if (beyond <= _limits.Stranger * width) continue;
            told = uint.MaxValue;
            finding = new(FindingKind.Stranger, i, atMs, _head.FirstMs, beyond / width, _limits.Stranger, (least + greatest) / 2, low, high);
            return true;
        }

        return false;
    }
}
