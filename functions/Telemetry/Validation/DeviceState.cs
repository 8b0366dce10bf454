using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Validation;

/// <summary>What the rules remember of one device between events: 224 bytes, no references, never more.</summary>
/// <remarks><c>default</c> is a device never seen. Owned by whoever calls <see cref="Judge.Decide"/>; not thread-safe. Its own
/// device can push anything out of the bounded windows, and so harms only itself.</remarks>
[StructLayout(LayoutKind.Sequential)]
public partial struct DeviceState
{
    /// <summary>Size in memory, in bytes.</summary>
    public const int Bytes = 224;

    /// <summary>Size of <see cref="Write"/>, in bytes: a version and the state.</summary>
    public const int WireBytes = Bytes + 1;

    private const byte WireVersion = 1;

    internal ulong Highest;          // greatest sequence accepted since the last reset
    internal ulong Window;           // bit i: Highest - i was accepted
    internal long NextConforming;    // rate: when the bucket is full again, ticks
    internal long SentTicks;         // latest sentAt accepted, ticks
    internal Tracked Values;         // last values under step and rate rules
    internal TrackedAges Ages;       // milliseconds each of them is older than SentTicks
    internal IdLow IdsLow;           // the last eight message ids' hashes, low 32 bits …
    internal AlertSlots Alerts;      // when which fault or note was last reported
    internal uint Generation;        // hash of the generation id
    internal uint ProfileHash;       // the profile Values were recorded under
    internal uint LastSeen;          // seconds since 2020, of the last event judged
    internal IdHigh IdsHigh;         // … and their next 16 bits
    internal byte IdCursor;          // place of the next message id
    internal byte IdCount;           // places in use
    internal byte ValuesKnown;       // bit i: Values[i] has a value
    internal byte Seen;              // 1: an event was judged; 3: one was accepted

    /// <summary>Whether any event of this device was judged yet.</summary>
    public readonly bool IsSeen => Seen != 0;

    /// <summary>When its last event was enqueued, to the second; the epoch 2020-01-01 when none was.</summary>
    public readonly DateTimeOffset LastSeenAt => new(Epoch2020 + (LastSeen * TimeSpan.TicksPerSecond), TimeSpan.Zero);

    /// <summary>Greatest sequence number accepted since the device's last reset.</summary>
    public readonly long HighestSequence => (long)Highest;

    internal static long Epoch2020 { get; } = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    /// <summary>Writes the state for storage: a version byte and the fields, little-endian.</summary>
    /// <param name="into">At least <see cref="WireBytes"/> bytes.</param>
    public readonly void Write(Span<byte> into)
    {
        RequireLittleEndian();
        into[0] = WireVersion;
        MemoryMarshal.Write(into[1..], in this);
    }

    /// <summary>Reads what <see cref="Write"/> wrote. Not trusted: whatever the bytes say, judging stays within bounds; at worst a
    /// replay is missed or a device's next events are refused.</summary>
    /// <param name="from">Exactly <see cref="WireBytes"/> bytes.</param>
    /// <param name="state">The state, or <c>default</c>.</param>
    /// <returns>Whether the bytes are a state of this version.</returns>
    public static bool TryRead(ReadOnlySpan<byte> from, out DeviceState state)
    {
        RequireLittleEndian();
        state = default;
        if (from.Length != WireBytes || from[0] != WireVersion) return false;
        var read = MemoryMarshal.Read<DeviceState>(from[1..]);
        if (read.Highest > Envelope.SequenceMax || read.IdCursor >= IdPlaces || read.IdCount > IdPlaces || !Plausible(read.SentTicks) || !Plausible(read.NextConforming)) return false;
        for (var i = 0; i < Profile.TrackedMax; i++)
        {
            if (!double.IsFinite(read.Values[i])) return false;
        }

        state = read;
        return true;
    }

    private static bool Plausible(long ticks) => ticks >= 0 && ticks <= DateTime.MaxValue.Ticks;

    private static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Device states are stored little-endian.");
    }

    internal const int IdPlaces = 8;

    [InlineArray(Profile.TrackedMax)]
    internal struct Tracked
    {
        private double _first;
    }

    [InlineArray(Profile.TrackedMax)]
    internal struct TrackedAges
    {
        private uint _first;
    }

    [InlineArray(IdPlaces)]
    internal struct IdLow
    {
        private uint _first;
    }

    [InlineArray(IdPlaces)]
    internal struct IdHigh
    {
        private ushort _first;
    }
}
