using Serverless.Faults;

namespace Serverless.Telemetry.Scoring;

public sealed partial class DeviceScorer
{
    private const byte Version = 1;
    private const int MetricBytes = (6 * 8) + (3 * 16) + Stillness.Bytes + NoiseByLevel.Bytes + (4 * 4) + 8 + 1;
    private const int QuietKinds = 10;

    /// <summary>Size of a snapshot of a device with this many metrics, in bytes: at most 512 a metric.</summary>
    public static int SnapshotBytes(int metrics) =>
        2 + Cadence.Bytes + Echo.Bytes + (QuietKinds * 8) + 8 + (3 * 4) + (metrics * MetricBytes) + (metrics > 1 ? Relation.BytesOf(metrics) : 0);

    /// <summary>Writes a snapshot; a scorer read from it goes on with identical findings.</summary>
    /// <param name="bytes">At least <see cref="SnapshotBytes"/> long.</param>
    /// <returns>The bytes written.</returns>
    public int Write(Span<byte> bytes)
    {
        var state = new StateWriter(bytes);
        state.Byte(Version);
        state.Byte((byte)_metrics.Length);
        _cadence.Write(ref state);
        _echo.Write(ref state);
        for (var i = 0; i < QuietKinds; i++) state.Int64(_quietUntil[i]);
        state.Int64(_firstMs);
        state.Int32(_learned);
        state.Int32(_distrust);
        state.Int32(_hold);
        foreach (ref var metric in _metrics.AsSpan()) metric.Write(ref state);
        _relation?.Write(ref state);
        return state.Length;
    }

    /// <summary>Reads a snapshot.</summary>
    /// <param name="bytes">What <see cref="Write"/> wrote. Trusted to be ours, not to be whole or of this version.</param>
    /// <param name="limits">When to speak up; not part of the state.</param>
    /// <returns>The scorer, or <c>device-state-version</c>, <c>device-state-metrics</c> or <c>device-state-length</c>: another
    /// version, a number of metrics no device has, or cut short. The caller treats each as an outage of the partition, never as a reset.</returns>
    public static Parsed<DeviceScorer> Read(ReadOnlySpan<byte> bytes, DeviceLimits limits)
    {
        if (bytes.Length < 2) return new Fault("device-state-length", "device");
        if (bytes[0] != Version) return new Fault("device-state-version", "version");
        var metrics = bytes[1];
        if (metrics is < 1 or > Relation.MetricsMax) return new Fault("device-state-metrics", "metrics");
        if (bytes.Length < SnapshotBytes(metrics)) return new Fault("device-state-length", "device");
        var state = new StateReader(bytes[2..]);
        var scorer = new DeviceScorer(metrics, limits) { _cadence = Cadence.Read(ref state), _echo = Echo.Read(ref state) };
        for (var i = 0; i < QuietKinds; i++) scorer._quietUntil[i] = state.Int64();
        scorer._firstMs = state.Int64();
        scorer._learned = state.Int32();
        scorer._distrust = state.Int32();
        scorer._hold = state.Int32();
        foreach (ref var metric in scorer._metrics.AsSpan()) metric = MetricState.Read(ref state);
        if (metrics > 1) scorer._relation = Relation.Read(ref state, metrics);
        return scorer;
    }

    private partial struct MetricState
    {
        public readonly void Write(ref StateWriter state)
        {
            state.Double(Origin);
            state.Double(Fast);
            state.Double(Slow);
            state.Double(Last);
            state.Double(Step);
            state.Double(Tolerance);
            Value.Write(ref state);
            FastResidual.Write(ref state);
            SlowResidual.Write(ref state);
            Stillness.Write(ref state);
            Noise.Write(ref state);
            state.Int32(Seen);
            state.Int32(Outside);
            state.Int32(Rises);
            state.Int32(Falls);
            state.Int64(OutsideSince);
            state.Byte(Counts ? (byte)1 : (byte)0);
        }

        public static MetricState Read(ref StateReader state) => new()
        {
            Origin = state.Double(),
            Fast = state.Double(),
            Slow = state.Double(),
            Last = state.Double(),
            Step = state.Double(),
            Tolerance = state.Double(),
            Value = Records.Read(ref state),
            FastResidual = Records.Read(ref state),
            SlowResidual = Records.Read(ref state),
            Stillness = Scoring.Stillness.Read(ref state),
            Noise = NoiseByLevel.Read(ref state),
            Seen = state.Int32(),
            Outside = state.Int32(),
            Rises = state.Int32(),
            Falls = state.Int32(),
            OutsideSince = state.Int64(),
            Counts = state.Byte() != 0,
        };
    }
}
