
namespace Serverless.Telemetry.Validation;

/// <summary>The states of all devices of a partition, found by device id: 224 bytes of state and about 30 of finding it.</summary>
/// <remarks>Grows in slabs, so adding a device never copies the states of others. Device ids are compared whole: two ids that
/// collide under the hash cost a comparison, never each other's state. The hash is seeded by the caller, so nobody who names
/// devices can choose names that collide. Not thread-safe. Devices are never removed; a partition moves or its state is
/// reloaded instead.</remarks>
public sealed class DeviceTable
{
    /// <summary>Longest device id, in bytes (IoT Hub's own limit is 128 characters of ASCII).</summary>
    public const int IdBytesMax = 255;

    private const int SlabDevices = 1 << 10, NameSlabBytes = 1 << 16;
    private readonly List<DeviceState[]> _slabs = [];
    private readonly List<int[]> _nameAt = [];
    private readonly List<byte[]> _names = [];
    private readonly ulong _seed;
    private int[] _index = new int[1 << 10]; // device + 1; 0: free
    private int _nameEnd = NameSlabBytes;

    /// <summary>An empty table.</summary>
    /// <param name="seed">From a random source, new for each table in memory; it is not part of what is stored.</param>
    public DeviceTable(ulong seed) => _seed = seed;

    /// <summary>How many devices there are.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of memory in use by arrays, for telling the cost of a device.</summary>
    public long Bytes => (_slabs.Count * (long)SlabDevices * (DeviceState.Bytes + sizeof(int))) + (_names.Count * (long)NameSlabBytes) + (_index.Length * (long)sizeof(int));

    /// <summary>The state of a device; a new device begins with <c>default</c>. The reference stays good as the table grows.</summary>
    /// <param name="deviceId">The hub's stamp, 1 to 255 bytes.</param>
    public ref DeviceState Of(ReadOnlySpan<byte> deviceId)
    {
        ArgumentOutOfRangeException.ThrowIfZero(deviceId.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(deviceId.Length, IdBytesMax);
        var mask = _index.Length - 1;
        var place = (int)(Mix.Hash(deviceId, _seed) & (ulong)mask);
        while (_index[place] != 0)
        {
            var device = _index[place] - 1;
            if (deviceId.SequenceEqual(IdOf(device))) return ref this[device];
            place = (place + 1) & mask;
        }

        var added = Add(deviceId);
        _index[place] = added + 1;
        // Seven eighths full: linear probing then needs 4.5 looks for a device that is there (Knuth 6.4), and memory is the goal.
        if (Count > _index.Length / 8 * 7) Grow();
        return ref this[added];
    }

    /// <summary>The state of the device that came as number <paramref name="device"/>, 0 to <see cref="Count"/> - 1.</summary>
    /// <param name="device">Number of the device.</param>
    public ref DeviceState this[int device] => ref _slabs[device / SlabDevices][device % SlabDevices];

    /// <summary>The id of the device that came as number <paramref name="device"/>.</summary>
    /// <param name="device">Number of the device.</param>
    public ReadOnlySpan<byte> IdOf(int device)
    {
        var at = _nameAt[device / SlabDevices][device % SlabDevices];
        var name = _names[at / NameSlabBytes].AsSpan(at % NameSlabBytes);
        return name.Slice(1, name[0]);
    }

    private int Add(ReadOnlySpan<byte> deviceId)
    {
        if (Count % SlabDevices == 0)
        {
            _slabs.Add(new DeviceState[SlabDevices]);
            _nameAt.Add(new int[SlabDevices]);
        }

        if (NameSlabBytes - _nameEnd < deviceId.Length + 1)
        {
            _names.Add(new byte[NameSlabBytes]);
            _nameEnd = 0;
        }

        var name = _names[^1].AsSpan(_nameEnd);
        name[0] = (byte)deviceId.Length;
        deviceId.CopyTo(name[1..]);
        _nameAt[^1][Count % SlabDevices] = ((_names.Count - 1) * NameSlabBytes) + _nameEnd;
        _nameEnd += deviceId.Length + 1;
        return Count++;
    }

    private void Grow()
    {
        _index = new int[_index.Length * 2];
        var mask = _index.Length - 1;
        for (var device = 0; device < Count; device++)
        {
            var place = (int)(Mix.Hash(IdOf(device), _seed) & (ulong)mask);
            while (_index[place] != 0) place = (place + 1) & mask;
            _index[place] = device + 1;
        }
    }
}
