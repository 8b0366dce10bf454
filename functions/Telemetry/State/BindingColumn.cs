using System.Buffers.Binary;

namespace Serverless.Telemetry.State;

/// <summary>Which profile each device has, as its twin's tags last said. Two bytes a device.</summary>
internal sealed class BindingColumn : IStateColumn
{
    private ushort[] _profiles = new ushort[16];

    /// <inheritdoc/>
    public byte Tag => 1;

    /// <summary>Number of the profile's name in the name table; 0 when the device has none.</summary>
    public ushort this[int slot]
    {
        get => slot < _profiles.Length ? _profiles[slot] : (ushort)0;
        set
        {
            if (slot >= _profiles.Length) Array.Resize(ref _profiles, Math.Max(slot + 1, _profiles.Length * 2));
            _profiles[slot] = value;
        }
    }

    /// <inheritdoc/>
    public int BytesMax(int slot) => 2;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        if (this[slot] == 0) return 0;
        BinaryPrimitives.WriteUInt16LittleEndian(to, this[slot]);
        return 2;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (section.Length != 2) throw new InvalidDataException($"a profile binding has 2 bytes, not {section.Length}");
        this[slot] = BinaryPrimitives.ReadUInt16LittleEndian(section);
    }

    /// <inheritdoc/>
    public void Clear(int slot) => this[slot] = 0;
}
