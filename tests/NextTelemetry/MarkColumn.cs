using Serverless.Telemetry.State;

namespace Serverless.NextTelemetry;

/// <summary>What the version after this one keeps of each device: a mark that it has judged it. Today's version does not know the section.</summary>
internal sealed class MarkColumn : IStateColumn
{
    private const byte Judged = 1;
    private const byte Highest = byte.MaxValue; // no subject of the pipeline will ever take the last tag there is

    /// <inheritdoc/>
    public byte Tag => Highest;

    /// <inheritdoc/>
    public int BytesMax(int slot) => 1;

    /// <inheritdoc/>
    public int Write(int slot, Span<byte> to)
    {
        to[0] = Judged; // only devices that changed are written
        return 1;
    }

    /// <inheritdoc/>
    public void Read(int slot, ReadOnlySpan<byte> section)
    {
        if (section is not [Judged]) throw new InvalidDataException("a mark is one byte, 1");
    }

    /// <inheritdoc/>
    public void Clear(int slot)
    {
    }
}
