using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Anomalies;

/// <summary>What the scorer remembers of each device, and of the partition as a whole.</summary>
/// <remarks>
/// Devices stand in chunks of bytes, exactly as they are stored: reading a partition back is copying, and the garbage collector has
/// nothing to look at. 4 bytes a device beside its state. Shared: <code>
/// struct { uint8 version = 3; int64 nowMs; punctuality; uint16 groups; struct { uint16 profile; peers; peerValues; } group[groups]; } shared;</code>
/// </remarks>
/// <param name="limits">When to speak up.</param>
internal sealed class ScoresColumn(DeviceLimits limits) : IStateColumn, ISharedState
{
    private const byte SharedVersion = 3;
    private const int ChunkBytes = 1 << 18, Unit = 8;
    private static readonly int GroupBytes = 2 + Unsafe.SizeOf<Peers>() + Unsafe.SizeOf<PeerValues>();
    private const int PlaceBits = 15; // of ChunkBytes / Unit
    private const int GroupsMax = 58; // profiles of a partition that are compared among themselves; devices of further ones are judged alone. 1,122 bytes each, of 64 KiB
    private readonly List<byte[]> _chunks = [];
    private readonly Dictionary<int, Stack<int>> _free = [];
    private readonly List<ushort> _profiles = []; // of the groups, in the order of their first device
    private readonly Peers[] _peers = new Peers[GroupsMax];
    private readonly PeerValues[] _values = new PeerValues[GroupsMax];
    private int[] _places = []; // 0: none; else chunk and unit, plus 1
    private int _used = ChunkBytes;
    private Punctuality _punctuality;

    /// <inheritdoc/>
    public byte Tag => 16;

    /// <summary>When to speak up.</summary>
    public DeviceLimits Limits { get; } = limits;

    /// <summary>The partition's time: the newest instant at which the hub took anything in, Unix milliseconds.</summary>
    public long NowMs { get; set; }

    /// <summary>How patient to be with silence.</summary>
    public ref Punctuality Punctuality => ref _punctuality;

    /// <summary>Slots that may have a state, which is one more than the highest that has.</summary>
    public int Slots => _places.Length;

    /// <summary>A device's state; empty when it has none.</summary>
    public Span<byte> this[int slot]
    {
        get
        {
            if (slot >= _places.Length || _places[slot] == 0) return [];
            var place = _places[slot] - 1;
            var memory = _chunks[place >> PlaceBits].AsSpan((place & ((1 << PlaceBits) - 1)) * Unit);
            return memory[..DeviceMemory.BytesOf(memory[1])];
        }
    }

    /// <summary>Begins a device anew.</summary>
    public Span<byte> Begin(int slot, int metrics, ulong shape)
    {
        var memory = Room(slot, DeviceMemory.BytesOf(metrics), (byte)metrics);
        DeviceMemory.Begin(memory, metrics, shape);
        return memory;
    }

    /// <summary>Whether a profile's devices are compared among themselves, beginning with this one if it is the first.</summary>
    /// <param name="profile">Number of the profile's name.</param>
    /// <param name="group">Number of the group, for <see cref="PeersOf"/>.</param>
    public bool TryGroup(ushort profile, out int group)
    {
        group = _profiles.IndexOf(profile);
        if (group >= 0) return true;
        if (_profiles.Count == GroupsMax) return false;
        group = _profiles.Count;
        _profiles.Add(profile);
        return true;
    }

    /// <summary>What the devices of a group have shown lately.</summary>
    public ref Peers PeersOf(int group) => ref _peers[group];

    /// <summary>What the devices of a group measure.</summary>
    public ref PeerValues ValuesOf(int group) => ref _values[group];

    /// <inheritdoc/>
    public int BytesMax(int slot) => this[slot].Length;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        var memory = this[slot];
        memory.CopyTo(to);
        return memory.Length;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (DeviceMemory.Check(section) is { } fault)
        {
            throw new InvalidDataException($"the scores of a device cannot be read ({fault.Code}); deploy the version that wrote them or a newer one");
        }

        section.CopyTo(Room(slot, section.Length, section[1]));
    }

    /// <inheritdoc/>
    public void Clear(int slot)
    {
        var memory = this[slot];
        if (memory.IsEmpty) return;
        if (!_free.TryGetValue(memory.Length, out var places)) _free.Add(memory.Length, places = []);
        places.Push(_places[slot]);
        _places[slot] = 0;
    }

    /// <inheritdoc/>
    public int SharedBytesMax => 1 + 8 + Unsafe.SizeOf<Punctuality>() + 2 + (_profiles.Count * GroupBytes);

    /// <inheritdoc/>
    public int WriteShared(Span<byte> to)
    {
        to[0] = SharedVersion;
        BinaryPrimitives.WriteInt64LittleEndian(to[1..], NowMs);
        var at = 9;
        MemoryMarshal.Write(to[at..], _punctuality);
        at += Unsafe.SizeOf<Punctuality>();
        BinaryPrimitives.WriteUInt16LittleEndian(to[at..], (ushort)_profiles.Count);
        at += 2;
        for (var group = 0; group < _profiles.Count; group++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(to[at..], _profiles[group]);
            MemoryMarshal.Write(to[(at + 2)..], _peers[group]);
            MemoryMarshal.Write(to[(at + 2 + Unsafe.SizeOf<Peers>())..], _values[group]);
            at += GroupBytes;
        }

        return at;
    }

    /// <inheritdoc/>
    public void ReadShared(ReadOnlySpan<byte> section)
    {
        const string Advice = "deploy the version that wrote it or a newer one";
        if (section.IsEmpty || section[0] != SharedVersion) throw new InvalidDataException($"what the scorer knows of the partition is not of version {SharedVersion}; {Advice}");
        var head = 9 + Unsafe.SizeOf<Punctuality>() + 2;
        var count = section.Length < head ? -1 : BinaryPrimitives.ReadUInt16LittleEndian(section[(head - 2)..]);
        if (count is < 0 or > GroupsMax || section.Length != head + (count * GroupBytes))
        {
            throw new InvalidDataException($"what the scorer knows of the partition has {section.Length} bytes, which no version {SharedVersion} writes; {Advice}");
        }

        NowMs = BinaryPrimitives.ReadInt64LittleEndian(section[1..]);
        _punctuality = MemoryMarshal.Read<Punctuality>(section[9..]);
        _profiles.Clear();
        for (var (group, at) = (0, head); group < count; group++, at += GroupBytes)
        {
            _profiles.Add(BinaryPrimitives.ReadUInt16LittleEndian(section[at..]));
            _peers[group] = MemoryMarshal.Read<Peers>(section[(at + 2)..]);
            _values[group] = MemoryMarshal.Read<PeerValues>(section[(at + 2 + Unsafe.SizeOf<Peers>())..]);
        }
    }

    private Span<byte> Room(int slot, int bytes, byte metrics)
    {
        if (slot >= _places.Length) Array.Resize(ref _places, Math.Max(slot + 1, Math.Max(16, _places.Length * 2)));
        if (_places[slot] != 0 && this[slot].Length != bytes) Clear(slot);
        if (_places[slot] == 0) _places[slot] = _free.TryGetValue(bytes, out var free) && free.TryPop(out var place) ? place : Place(bytes);
        var at = _places[slot] - 1;
        var memory = _chunks[at >> PlaceBits].AsSpan((at & ((1 << PlaceBits) - 1)) * Unit, bytes);
        memory[1] = metrics;
        return memory;
    }

    private int Place(int bytes)
    {
        if (_used + bytes > ChunkBytes)
        {
            _chunks.Add(GC.AllocateUninitializedArray<byte>(ChunkBytes));
            _used = 0;
        }

        var place = ((_chunks.Count - 1) << PlaceBits) | (_used / Unit);
        _used += (bytes + Unit - 1) / Unit * Unit;
        return place + 1;
    }
}
