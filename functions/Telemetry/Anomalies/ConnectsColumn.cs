using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Anomalies;

/// <summary>How often each device connects, in chunks so that growing copies nothing; devices that the hub tells nothing of cost nothing.</summary>
/// <remarks><code>struct { uint8 version = 1; reconnects; } section;</code></remarks>
internal sealed class ConnectsColumn : IStateColumn
{
    private const byte Version = 1;
    private const int ChunkBits = 8;
    private static readonly int Bytes = 1 + Unsafe.SizeOf<Reconnects>();
    private readonly List<Reconnects[]?> _chunks = [];

    /// <inheritdoc/>
    public byte Tag => 17;

    /// <summary>The state of a slot, to be changed in place; <c>default</c> for a device of which no connect was told.</summary>
    public ref Reconnects this[int slot]
    {
        get
        {
            while (slot >> ChunkBits >= _chunks.Count) _chunks.Add(null);
            return ref (_chunks[slot >> ChunkBits] ??= new Reconnects[1 << ChunkBits])[slot & ((1 << ChunkBits) - 1)];
        }
    }

    /// <inheritdoc/>
    public int BytesMax(int slot) => Has(slot) ? Bytes : 0;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        if (!Has(slot)) return 0;
        to[0] = Version;
        MemoryMarshal.Write(to[1..], this[slot]);
        return Bytes;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (section.Length != Bytes || section[0] != Version)
        {
            throw new InvalidDataException($"a device's connects are not of version {Version}; deploy the version that wrote them or a newer one");
        }

        this[slot] = MemoryMarshal.Read<Reconnects>(section[1..]);
    }

    /// <inheritdoc/>
    public void Clear(int slot)
    {
        if (Has(slot)) this[slot] = default;
    }

    private bool Has(int slot) => slot >> ChunkBits < _chunks.Count && _chunks[slot >> ChunkBits] is { } chunk && chunk[slot & ((1 << ChunkBits) - 1)].Recent > 0;
}
