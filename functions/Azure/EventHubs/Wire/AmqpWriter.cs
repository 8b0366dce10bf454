using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Serverless.EventHubs.Wire;

/// <summary>Encodes AMQP values (OASIS AMQP 1.0 part 1, section 1.6) into one pooled buffer that grows.</summary>
/// <remarks>One thread at a time. <see cref="Dispose"/> gives the buffer back: nothing may hold <see cref="Written"/> after it.</remarks>
internal sealed class AmqpWriter(int capacity = 4096) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>The encoded bytes; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>The array behind <see cref="Written"/>; valid until the next write.</summary>
    public byte[] Buffer => _buffer;

    /// <summary>Forgets everything written after a point.</summary>
    /// <param name="length">How much to keep.</param>
    public void Rewind(int length) => Length = length;

    /// <inheritdoc/>
    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Starts a described section with a small descriptor, such as 0x72 for message annotations.</summary>
    /// <param name="descriptor">The descriptor code, below 256.</param>
    public void Descriptor(byte descriptor)
    {
        var room = Room(3);
        room[0] = 0x00;
        room[1] = 0x53;
        room[2] = descriptor;
    }

    /// <summary>Copies bytes that are encoded already.</summary>
    /// <param name="encoded">Any bytes.</param>
    public void Raw(ReadOnlySpan<byte> encoded) => encoded.CopyTo(Room(encoded.Length));

    /// <summary>Starts a list (0xd0) or map (0xd1) of unknown size.</summary>
    /// <param name="code">The constructor.</param>
    /// <returns>The mark for <see cref="End"/>.</returns>
    public int Begin(byte code)
    {
        Room(9)[0] = code;
        return Length;
    }

    /// <summary>Ends what <see cref="Begin"/> started.</summary>
    /// <param name="mark">Its mark.</param>
    /// <param name="count">Number of values since; a map's key and value count as two.</param>
    public void End(int mark, int count)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(mark - 8), (uint)(Length - mark + 4));
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(mark - 4), (uint)count);
    }

    /// <summary>Writes a binary.</summary>
    /// <param name="data">Its bytes.</param>
    public void Binary(ReadOnlySpan<byte> data) => Variable(0xa0, data);

    /// <summary>Writes the header of a binary whose bytes the caller appends with <see cref="Raw"/>.</summary>
    /// <param name="length">How many will follow.</param>
    public void BinaryHeader(int length) => VariableHeader(0xa0, length);

    /// <summary>Writes a string.</summary>
    /// <param name="text">The text; lone surrogates become U+FFFD.</param>
    public void Text(string text) => Utf8(0xa1, text);

    /// <summary>Writes a symbol.</summary>
    /// <param name="text">Its text; ASCII by the standard.</param>
    public void Symbol(string text) => Utf8(0xa3, text);

    /// <summary>Writes null.</summary>
    public void Null() => Room(1)[0] = 0x40;

    /// <summary>Writes a long.</summary>
    /// <param name="value">The value.</param>
    public void Long(long value) => BinaryPrimitives.WriteInt64BigEndian(Fixed(0x81, 8), value);

    /// <summary>Writes a timestamp.</summary>
    /// <param name="unixMs">Milliseconds since 1970-01-01T00:00Z.</param>
    public void Timestamp(long unixMs) => BinaryPrimitives.WriteInt64BigEndian(Fixed(0x83, 8), unixMs);

    /// <summary>Writes an int.</summary>
    /// <param name="value">The value.</param>
    public void Int(int value) => BinaryPrimitives.WriteInt32BigEndian(Fixed(0x71, 4), value);

    /// <summary>Writes any AMQP primitive.</summary>
    /// <param name="value">Null, text, a boolean, an integer, a float or double, an instant, a GUID or bytes.</param>
    /// <exception cref="ArgumentException">Another type: application properties hold primitives only (part 3, section 3.2.5).</exception>
    public void Value(object? value)
    {
        switch (value)
        {
            case null: Null(); break;
            case string text: Text(text); break;
            case Amqp.Types.Symbol symbol: Symbol(symbol.ToString()); break;
            case bool flag: Room(1)[0] = flag ? (byte)0x41 : (byte)0x42; break;
            case int number: Int(number); break;
            case long number: Long(number); break;
            case double number: BinaryPrimitives.WriteDoubleBigEndian(Fixed(0x82, 8), number); break;
            case float number: BinaryPrimitives.WriteSingleBigEndian(Fixed(0x72, 4), number); break;
            case uint number: BinaryPrimitives.WriteUInt32BigEndian(Fixed(0x70, 4), number); break;
            case ulong number: BinaryPrimitives.WriteUInt64BigEndian(Fixed(0x80, 8), number); break;
            case short number: BinaryPrimitives.WriteInt16BigEndian(Fixed(0x61, 2), number); break;
            case ushort number: BinaryPrimitives.WriteUInt16BigEndian(Fixed(0x60, 2), number); break;
            case byte number: Fixed(0x50, 1)[0] = number; break;
            case sbyte number: Fixed(0x51, 1)[0] = unchecked((byte)number); break;
            case DateTimeOffset instant: Timestamp(instant.ToUnixTimeMilliseconds()); break;
            case DateTime instant: Timestamp(new DateTimeOffset(instant.ToUniversalTime()).ToUnixTimeMilliseconds()); break;
            case Guid id: id.TryWriteBytes(Fixed(0x98, 16), bigEndian: true, out _); break;
            case byte[] bytes: Binary(bytes); break;
            case ReadOnlyMemory<byte> bytes: Binary(bytes.Span); break;
            default: throw new ArgumentException($"{value.GetType().Name} is no AMQP primitive", nameof(value));
        }
    }

    private Span<byte> Fixed(byte code, int width)
    {
        var room = Room(width + 1);
        room[0] = code;
        return room[1..];
    }

    private void Variable(byte narrow, ReadOnlySpan<byte> data)
    {
        VariableHeader(narrow, data.Length);
        Raw(data);
    }

    private void VariableHeader(byte narrow, int length)
    {
        if (length <= byte.MaxValue) Fixed(narrow, 1)[0] = (byte)length;
        else BinaryPrimitives.WriteUInt32BigEndian(Fixed((byte)(narrow + 0x10), 4), (uint)length);
    }

    private void Utf8(byte narrow, string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        VariableHeader(narrow, length);
        Encoding.UTF8.GetBytes(text, Room(length));
    }

    private Span<byte> Room(int bytes)
    {
        if (_buffer.Length - Length < bytes) Grow(bytes);
        var room = _buffer.AsSpan(Length, bytes);
        Length += bytes;
        return room;
    }

    private void Grow(int bytes)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, Length + bytes));
        Written.CopyTo(larger);
        var old = _buffer;
        _buffer = larger;
        ArrayPool<byte>.Shared.Return(old);
    }
}
