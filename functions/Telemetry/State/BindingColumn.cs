using System.Buffers.Binary;

namespace Serverless.Telemetry.State;

/// <summary>Which profile each device has and whether it was ended, as its twin's tags last said. Two bytes a device and one bit.</summary>
/// <remarks><code>struct { uint16 profile; uint8 ended[0..1] = 1; } section;</code></remarks>
internal sealed class BindingColumn : IStateColumn
{
    private ushort[] _profiles = new ushort[16];
    private ulong[] _ended = []; // one bit a slot

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

    /// <summary>Whether the back end has ended the device.</summary>
    public bool HasEnded(int slot) => slot >> 6 < _ended.Length && (_ended[slot >> 6] >> (slot & 63) & 1) != 0;

    /// <summary>Notes that the device was ended, or is a living one.</summary>
    public void End(int slot, bool ended)
    {
        if (HasEnded(slot) == ended) return;
        if (slot >> 6 >= _ended.Length) Array.Resize(ref _ended, Math.Max((slot >> 6) + 1, _ended.Length * 2));
        _ended[slot >> 6] ^= 1UL << (slot & 63);
    }

    /// <inheritdoc/>
    public int BytesMax(int slot) => 3;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        var ended = HasEnded(slot);
        if (this[slot] == 0 && !ended) return 0;
        BinaryPrimitives.WriteUInt16LittleEndian(to, this[slot]);
        if (!ended) return 2;
        to[2] = 1;
        return 3;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (section.Length is not (2 or 3) || (section.Length == 3 && section[2] != 1))
        {
            throw new InvalidDataException($"a profile binding has 2 bytes, or 3 of which the last is 1, not {section.Length}; deploy the version that wrote it or a newer one");
        }

        this[slot] = BinaryPrimitives.ReadUInt16LittleEndian(section);
        End(slot, section.Length == 3);
    }

    /// <inheritdoc/>
    public void Clear(int slot)
    {
        this[slot] = 0;
        End(slot, ended: false);
    }
}
