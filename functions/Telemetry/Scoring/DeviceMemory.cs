using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Serverless.Faults;

namespace Serverless.Telemetry.Scoring;

/// <summary>Where everything about a device stands: one stretch of bytes, in memory and in a snapshot alike.</summary>
/// <remarks>
/// The bytes are the state: no object a device, nothing to write or read but a copy, and what a crash or a move brings back is what was
/// there, bit for bit. <code>struct { head; metric[metrics]; relation; } device;</code> Little-endian, packed, no references.
/// </remarks>
public static class DeviceMemory
{
    /// <summary>Version of the layout and of what its figures mean. A reader refuses any other.</summary>
    public const byte Version = 3;

    /// <summary>Size of a device with this many metrics, in bytes: at most 512 a metric.</summary>
    /// <param name="metrics">1 to <see cref="Relation.MetricsMax"/>.</param>
    public static int BytesOf(int metrics) =>
        Unsafe.SizeOf<DeviceHead>() + (metrics * Unsafe.SizeOf<MetricState>()) + (metrics > 1 ? Relation.BytesOf(metrics) : 0);

    /// <summary>Makes the state of a device that nothing is known about.</summary>
    /// <param name="memory">Exactly <see cref="BytesOf"/> bytes.</param>
    /// <param name="metrics">How many metrics it sends, 1 to <see cref="Relation.MetricsMax"/>.</param>
    /// <param name="shape">The caller's mark of which metrics these are; kept, not read here.</param>
    public static void Begin(Span<byte> memory, int metrics, ulong shape)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(metrics, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(metrics, Relation.MetricsMax);
        if (memory.Length != BytesOf(metrics)) throw new InvalidOperationException($"a device of {metrics} metrics has {BytesOf(metrics)} bytes");
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Scores are stored little-endian.");
        memory.Clear();
        ref var head = ref Head(memory);
        (head.Version, head.Metrics, head.Shape) = (Version, (byte)metrics, shape);
    }

    /// <summary>The mark given to <see cref="Begin"/>.</summary>
    public static ulong ShapeOf(Span<byte> memory) => Head(memory).Shape;

    /// <summary>Whether bytes from a store are a device's state.</summary>
    /// <param name="memory">Trusted to be ours, not to be whole or of this version.</param>
    /// <returns><see langword="null"/>, or <c>device-state-version</c>, <c>device-state-metrics</c> or <c>device-state-length</c>: another
    /// version, a number of metrics no device has, or cut short. The caller treats each as an outage of the partition, never as a reset.</returns>
    public static Fault? Check(ReadOnlySpan<byte> memory) =>
        memory.Length < 2 ? new Fault("device-state-length", "device")
        : memory[0] != Version ? new Fault("device-state-version", "version")
        : memory[1] is < 1 or > Relation.MetricsMax ? new Fault("device-state-metrics", "metrics")
        : memory.Length != BytesOf(memory[1]) ? new Fault("device-state-length", "device")
        : null;

    internal static ref DeviceHead Head(Span<byte> memory) => ref MemoryMarshal.AsRef<DeviceHead>(memory);

    internal static Span<MetricState> Metrics(Span<byte> memory) =>
        MemoryMarshal.Cast<byte, MetricState>(memory.Slice(Unsafe.SizeOf<DeviceHead>(), memory[1] * Unsafe.SizeOf<MetricState>()));

    internal static Span<byte> RelationOf(Span<byte> memory) =>
        memory[(Unsafe.SizeOf<DeviceHead>() + (memory[1] * Unsafe.SizeOf<MetricState>()))..];
}

/// <summary>What is known of a device as a whole.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct DeviceHead
{
    public byte Version, Metrics;
    public ushort Distrust, Hold, Sized;
    public ulong Shape;
    public Cadence Cadence;
    public Echo Echo;
    public QuietTimes Quiet;
    public Records Size;
    public long FirstMs, DueMs;
    public int Learned, SameUntil;

    /// <summary>When each kind may speak again, in seconds since 1970; 0 is now.</summary>
    [InlineArray(Kinds)]
    internal struct QuietTimes
    {
        public const int Kinds = 11; // those a message can have: reconnects keep their own time
        private uint _first;
    }
}

/// <summary>What is known of one metric alone, and of what the others leave unexplained of it.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct MetricState
{
    public double Origin, Last;
    public float Fast, Slow, Long, Step, Tolerance;
    public Records Value, FastResidual, SlowResidual, LongResidual;
    public Stillness Stillness;
    public NoiseByLevel Noise;
    public long OutsideSince;
    public int Seen, Outside, Rises, Falls, Counts;
}
