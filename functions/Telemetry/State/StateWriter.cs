using System.Buffers.Binary;
using System.Text;

namespace Serverless.Telemetry.State;

/// <summary>Builds records in one growing buffer that is used again and again. Not thread-safe.</summary>
internal sealed class StateWriter
{
    private byte[] _bytes = new byte[4096];
    private int _recordStart = -1;

    /// <summary>Bytes written since the last <see cref="Reset"/>.</summary>
    public int Length { get; private set; }

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Bytes of the open record so far.</summary>
    public int RecordLength => Length - _recordStart;

    /// <summary>Forgets what was written; the buffer stays.</summary>
    public void Reset()
    {
        Length = 0;
        _recordStart = -1;
    }

    /// <summary>Opens a record.</summary>
    public void Begin(StateRecordKind kind)
    {
        if (_recordStart >= 0) throw new InvalidOperationException("the record before is still open");
        _recordStart = Length;
        Take(StateRecord.FrameBytes);
        Byte((byte)kind);
    }

    /// <summary>Closes the open record: fills in its length and checksum.</summary>
    public void End()
    {
        StateRecord.Seal(_bytes.AsSpan(_recordStart, RecordLength));
        _recordStart = -1;
    }

    /// <summary>The next <paramref name="count"/> bytes, to be filled by the caller.</summary>
    public Span<byte> Take(int count)
    {
        if (Length + count > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        var taken = _bytes.AsSpan(Length, count);
        Length += count;
        return taken;
    }

    /// <summary>Gives back the end of what was taken.</summary>
    public void Return(int count) => Length -= count;

    /// <summary>Writes over what was written earlier.</summary>
    public Span<byte> At(int offset, int count) => _bytes.AsSpan(offset, count);

    /// <summary>One byte.</summary>
    public void Byte(byte value) => Take(1)[0] = value;

    /// <summary>Two bytes, little-endian.</summary>
    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    /// <summary>Four bytes, little-endian.</summary>
    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);

    /// <summary>Eight bytes, little-endian.</summary>
    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    /// <summary>Four bytes of length and the bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>Text as UTF-8, with two bytes of length.</summary>
    public void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        UInt16(checked((ushort)count));
        Encoding.UTF8.GetBytes(value, Take(count));
    }
}
