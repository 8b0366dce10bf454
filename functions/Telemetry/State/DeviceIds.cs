using System.Diagnostics.CodeAnalysis;

namespace Serverless.Telemetry.State;

/// <summary>The devices of one partition: each UTF-8 device id has a slot, a small dense number that columns index by.</summary>
/// <remarks>Open addressing over arrays: about 25 bytes a device and the id itself, no object a device. Slots are given in order
/// of first sight and never taken back. Not thread-safe: a partition has one reader at a time.</remarks>
internal sealed class DeviceIds
{
    /// <summary>Longest device id in bytes: IoT Hub allows 128 ASCII characters.</summary>
    public const int IdBytesMax = 128;

    private const int ChunkBits = 16;
    private readonly List<byte[]> _chunks = [new byte[1 << ChunkBits]];
    private int _chunkUsed;
    private int[] _buckets = new int[32]; // slot + 1; 0 is empty; at most half full
    private int[] _hashes = new int[16];
    private int[] _starts = new int[16]; // chunk << 16 | offset
    private byte[] _lengths = new byte[16];

    /// <summary>Devices seen, which is also the next slot.</summary>
    public int Count { get; private set; }

    /// <summary>The id in a slot; valid as long as the table.</summary>
    public ReadOnlySpan<byte> Id(int slot) => _chunks[_starts[slot] >> ChunkBits].AsSpan(_starts[slot] & ((1 << ChunkBits) - 1), _lengths[slot]);

    /// <summary>Finds a device.</summary>
    /// <param name="id">UTF-8 device id.</param>
    /// <param name="slot">Its slot, when found.</param>
    public bool TryFind(ReadOnlySpan<byte> id, out int slot)
    {
        slot = _buckets[Probe(id, Hash(id))] - 1;
        return slot >= 0;
    }

    /// <summary>Finds a device or gives it the next slot.</summary>
    /// <param name="id">UTF-8 device id, 1 to <see cref="IdBytesMax"/> bytes.</param>
    public int FindOrAdd(ReadOnlySpan<byte> id)
    {
        if (id.Length is 0 or > IdBytesMax) ThrowLength();
        var hash = Hash(id);
        var bucket = Probe(id, hash);
        if (_buckets[bucket] != 0) return _buckets[bucket] - 1;
        if (Count == _hashes.Length)
        {
            Grow();
            bucket = Probe(id, hash);
        }

        var slot = Count++;
        _buckets[bucket] = slot + 1;
        _hashes[slot] = hash;
        _lengths[slot] = (byte)id.Length;
        _starts[slot] = Keep(id);
        return slot;
    }

    // Seeded by the process, so device ids cannot be chosen to collide; the order of slots does not depend on it.
    private static int Hash(ReadOnlySpan<byte> id)
    {
        var hash = default(HashCode);
        hash.AddBytes(id);
        return hash.ToHashCode();
    }

    private int Probe(ReadOnlySpan<byte> id, int hash)
    {
        var mask = _buckets.Length - 1;
        for (var bucket = hash & mask; ; bucket = (bucket + 1) & mask)
        {
            var slot = _buckets[bucket] - 1;
            if (slot < 0 || (_hashes[slot] == hash && Id(slot).SequenceEqual(id))) return bucket;
        }
    }

    private int Keep(ReadOnlySpan<byte> id)
    {
        if (_chunkUsed + id.Length > 1 << ChunkBits)
        {
            _chunks.Add(new byte[1 << ChunkBits]);
            _chunkUsed = 0;
        }

        var start = ((_chunks.Count - 1) << ChunkBits) | _chunkUsed;
        id.CopyTo(_chunks[^1].AsSpan(_chunkUsed));
        _chunkUsed += id.Length;
        return start;
    }

    private void Grow()
    {
        var size = _hashes.Length * 2;
        Array.Resize(ref _hashes, size);
        Array.Resize(ref _starts, size);
        Array.Resize(ref _lengths, size);
        _buckets = new int[size * 2];
        var mask = _buckets.Length - 1;
        for (var slot = 0; slot < Count; slot++)
        {
            var bucket = _hashes[slot] & mask;
            while (_buckets[bucket] != 0) bucket = (bucket + 1) & mask;
            _buckets[bucket] = slot + 1;
        }
    }

    [DoesNotReturn]
    private static void ThrowLength() => throw new InvalidOperationException($"a device id has 1 to {IdBytesMax} bytes; the edge refuses others");
}
