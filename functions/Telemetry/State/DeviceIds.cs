using System.Diagnostics.CodeAnalysis;

namespace Serverless.Telemetry.State;

/// <summary>The devices of one partition: each UTF-8 device id has a slot, a small dense number that columns index by.</summary>
/// <remarks>Open addressing over arrays: 13 to 21 bytes a device and the id itself, no object a device. Ids are compared whole; eight bits
/// of hash beside each slot only spare most comparisons with strangers. Slots are given in order of first sight and never taken
/// back. Not thread-safe: a partition has one reader at a time.</remarks>
internal sealed class DeviceIds
{
    /// <summary>Longest device id in bytes: IoT Hub allows 128 ASCII characters.</summary>
    public const int IdBytesMax = 128;

    private const int ChunkBits = 16;
    private const uint SlotMask = (1 << 24) - 1;
    private const int CountMax = 1 << 23; // eight times the devices of an IoT hub
    private readonly List<byte[]> _chunks = [new byte[1 << ChunkBits]];
    private int _chunkUsed;
    private uint[] _buckets = new uint[32]; // top 8 bits of the hash, slot + 1; 0 is empty; at most half full
    private int[] _starts = new int[16]; // chunk << 16 | offset of the length, which stands before the id

    /// <summary>Devices seen, which is also the next slot.</summary>
    public int Count { get; private set; }

    /// <summary>The id in a slot; valid as long as the table.</summary>
    public ReadOnlySpan<byte> Id(int slot)
    {
        var chunk = _chunks[_starts[slot] >> ChunkBits];
        var at = _starts[slot] & ((1 << ChunkBits) - 1);
        return chunk.AsSpan(at + 1, chunk[at]);
    }

    /// <summary>Finds a device.</summary>
    /// <param name="id">UTF-8 device id.</param>
    /// <param name="slot">Its slot, when found.</param>
    public bool TryFind(ReadOnlySpan<byte> id, out int slot)
    {
        slot = Slot(_buckets[Probe(id, Hash(id))]);
        return slot >= 0;
    }

    /// <summary>Finds a device or gives it the next slot.</summary>
    /// <param name="id">UTF-8 device id, 1 to <see cref="IdBytesMax"/> bytes.</param>
    public int FindOrAdd(ReadOnlySpan<byte> id)
    {
        if (id.Length is 0 or > IdBytesMax) ThrowLength();
        var hash = Hash(id);
        var bucket = Probe(id, hash);
        if (_buckets[bucket] != 0) return Slot(_buckets[bucket]);
        if (Count == _starts.Length)
        {
            Grow();
            bucket = Probe(id, hash);
        }

        var slot = Count++;
        _buckets[bucket] = Entry(slot, hash);
        _starts[slot] = Keep(id);
        return slot;
    }

    private static int Slot(uint entry) => (int)(entry & SlotMask) - 1;

    private static uint Entry(int slot, uint hash) => (hash & ~SlotMask) | ((uint)slot + 1);

    // Seeded by the process, so device ids cannot be chosen to collide; the order of slots does not depend on it.
    private static uint Hash(ReadOnlySpan<byte> id)
    {
        var hash = default(HashCode);
        hash.AddBytes(id);
        return unchecked((uint)hash.ToHashCode());
    }

    private int Probe(ReadOnlySpan<byte> id, uint hash)
    {
        var mask = _buckets.Length - 1;
        for (var bucket = (int)(hash & (uint)mask); ; bucket = (bucket + 1) & mask)
        {
            var entry = _buckets[bucket];
            if (entry == 0 || ((entry ^ hash) <= SlotMask && Id(Slot(entry)).SequenceEqual(id))) return bucket;
        }
    }

    private int Keep(ReadOnlySpan<byte> id)
    {
        if (_chunkUsed + 1 + id.Length > 1 << ChunkBits)
        {
            _chunks.Add(new byte[1 << ChunkBits]);
            _chunkUsed = 0;
        }

        var start = ((_chunks.Count - 1) << ChunkBits) | _chunkUsed;
        _chunks[^1][_chunkUsed] = (byte)id.Length;
        id.CopyTo(_chunks[^1].AsSpan(_chunkUsed + 1));
        _chunkUsed += 1 + id.Length;
        return start;
    }

    private void Grow()
    {
        // Ids are hashed anew: to keep the hashes would cost every device four bytes for good.
        var size = _starts.Length * 2;
        if (size > CountMax) ThrowCount();
        Array.Resize(ref _starts, size);
        _buckets = new uint[size * 2];
        var mask = (uint)_buckets.Length - 1;
        for (var slot = 0; slot < Count; slot++)
        {
            var hash = Hash(Id(slot));
            var bucket = hash & mask;
            while (_buckets[bucket] != 0) bucket = (bucket + 1) & mask;
            _buckets[bucket] = Entry(slot, hash);
        }
    }

    [DoesNotReturn]
    private static void ThrowLength() => throw new InvalidOperationException($"a device id has 1 to {IdBytesMax} bytes; the edge refuses others");

    [DoesNotReturn]
    private static void ThrowCount() => throw new InvalidOperationException($"a partition has at most {CountMax} devices, eight times what an IoT hub takes");
}
