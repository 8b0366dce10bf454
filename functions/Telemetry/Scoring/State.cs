using System.Buffers.Binary;

namespace Serverless.Telemetry.Scoring;

/// <summary>Appends to a snapshot, little-endian. The caller sizes the span: too small is a bug and throws.</summary>
internal ref struct StateWriter(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;

    public int Length { get; private set; }

    public void Byte(byte value) => _bytes[Length++] = value;

    public void Single(float value) => BinaryPrimitives.WriteSingleLittleEndian(Next(4), value);

    public void Double(double value) => BinaryPrimitives.WriteDoubleLittleEndian(Next(8), value);

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Next(2), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Next(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Next(8), value);

    private Span<byte> Next(int size)
    {
        var room = _bytes.Slice(Length, size);
        Length += size;
        return room;
    }
}

/// <summary>Reads a snapshot whose version and length have been checked; reading past its end is a bug and throws.</summary>
internal ref struct StateReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Length { get; private set; }

    public byte Byte() => _bytes[Length++];

    public float Single() => BinaryPrimitives.ReadSingleLittleEndian(Next(4));

    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Next(8));

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Next(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Next(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Next(8));

    private ReadOnlySpan<byte> Next(int size)
    {
        var room = _bytes.Slice(Length, size);
        Length += size;
        return room;
    }
}
