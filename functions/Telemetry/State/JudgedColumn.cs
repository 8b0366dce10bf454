using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.State;

/// <summary>What the verdicts remember of each device, in chunks so that growing copies nothing.</summary>
internal sealed class JudgedColumn : IStateColumn
{
    private const int ChunkBits = 10;
    private readonly List<DeviceState[]> _chunks = [];

    /// <inheritdoc/>
    public byte Tag => 2;

    /// <summary>The state of a slot, to be changed in place; <c>default</c> for a device never seen.</summary>
    public ref DeviceState this[int slot]
    {
        get
        {
            while (slot >> ChunkBits >= _chunks.Count) _chunks.Add(new DeviceState[1 << ChunkBits]);
            return ref _chunks[slot >> ChunkBits][slot & ((1 << ChunkBits) - 1)];
        }
    }

    /// <inheritdoc/>
    public int BytesMax(int slot) => DeviceState.WireBytes;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        ref var state = ref this[slot];
        if (!state.IsSeen) return 0;
        state.Write(to);
        return DeviceState.WireBytes;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (!DeviceState.TryRead(section, out this[slot]))
        {
            throw new InvalidDataException("what the verdicts remember of a device is not of this version; deploy the version that wrote it or a newer one");
        }
    }

    /// <inheritdoc/>
    public void Clear(int slot) => this[slot] = default;
}
