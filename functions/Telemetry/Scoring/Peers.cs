using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Scoring;

/// <summary>What becomes of a device's finding once its peers were asked.</summary>
public enum PeerVerdict
{
    /// <summary>It is about this device: alert.</summary>
    Device,
    /// <summary>So many devices of the model show the same that it is about all of them: alert once, about the model.</summary>
    Fleet,
    /// <summary>Told already, as an alert about the model.</summary>
    Told,
}

/// <summary>What all devices of one model have shown lately, a metric and kind at a time: a shift of the whole fleet is one alert.</summary>
/// <remarks>
/// One leaking bucket for each metric (and one for the device as a whole) and each kind: a finding adds one drop, and the bucket loses
/// what a quiet fleet of this size would add, five times over, and at least <see cref="DropsAtLeast"/> drops in <see cref="WindowMs"/>. Over its brim the fleet speaks
/// and the devices keep still, until the bucket is half empty again. So at most a brim full of devices alert before the model does,
/// however large the fleet. 976 bytes a model. Deterministic; not safe for concurrent use.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Peers
{
    /// <summary>Time in which a bucket of the least rate runs dry, in milliseconds.</summary>
    public const long WindowMs = 30 * 60_000;

    /// <summary>Findings of one sort within the window that a model of few devices may have before they count as the fleet's.</summary>
    public const int DropsAtLeast = 5;

    private const int Kinds = 12, Places = Relation.MetricsMax + 1;
    private const double TimesUsual = 5;

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Bucket
    {
        public float Drops;
        public uint AtS;
        public byte Fleet;
    }

    [InlineArray(Kinds * Places)]
    private struct Buckets { private Bucket _first; }

    private Buckets _buckets;
    private int _devices;

    /// <summary>Devices of the model seen in this partition.</summary>
    public readonly int Devices => _devices;

    /// <summary>Counts a device seen for the first time.</summary>
    public void Join() => _devices++;

    /// <summary>Asks whether a finding is the device's own or the fleet's, and counts it.</summary>
    /// <param name="kind">What was found.</param>
    /// <param name="metric">Index of the metric, or below 0 for the device as a whole.</param>
    /// <param name="nowMs">The partition's time, Unix milliseconds.</param>
    /// <param name="alertsPerDeviceDay">The budget: what a quiet fleet would show.</param>
    /// <param name="showing">How many findings of this sort there are in the window.</param>
    public PeerVerdict Ask(FindingKind kind, int metric, long nowMs, double alertsPerDeviceDay, out int showing)
    {
        ref var bucket = ref _buckets[((int)kind * Places) + Math.Max(metric, -1) + 1];
        var now = (uint)Math.Clamp(nowMs / 1000, 0, uint.MaxValue);
        var usual = TimesUsual * alertsPerDeviceDay * _devices * WindowMs / 86_400_000;
        var brim = Math.Max(DropsAtLeast, usual);
        var passed = now > bucket.AtS ? now - bucket.AtS : 0;
        bucket.Drops = (float)Math.Max(0, bucket.Drops - (brim * passed * 1000 / WindowMs));
        bucket.AtS = Math.Max(bucket.AtS, now);
        if (bucket.Drops < brim / 2) bucket.Fleet = 0;
        // The bucket is not filled for ever: what began the fleet's trouble must be able to end.
        bucket.Drops = (float)Math.Min(bucket.Drops + 1, 2 * brim);
        showing = (int)Math.Ceiling(bucket.Drops);
        if (bucket.Fleet != 0) return PeerVerdict.Told;
        if (bucket.Drops <= brim) return PeerVerdict.Device;
        bucket.Fleet = 1;
        return PeerVerdict.Fleet;
    }
}
