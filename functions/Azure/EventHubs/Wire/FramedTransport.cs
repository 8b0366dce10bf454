using System.Buffers.Binary;
using Amqp;

namespace Serverless.EventHubs.Wire;

/// <summary>What happens to the payload of a transfer on its way to AMQPNetLite.</summary>
internal enum PayloadForm
{
    /// <summary>Unchanged: the listener's container takes the bytes itself.</summary>
    AsSent,

    /// <summary>Wrapped into one data section a frame, so that AMQPNetLite's client hands the message over as opaque bytes.
    /// It would otherwise decode what a stranger published, recursively and at several objects a field.</summary>
    Opaque,
}

/// <summary>AMQPNetLite's transport over a stream that is authenticated already; reads whole frames and checks each one.</summary>
/// <remarks>One reader and one writer at a time, which is how AMQPNetLite drives it. <see cref="Close"/> from any thread.</remarks>
internal sealed class FramedTransport(Stream stream, ReadOnlyMemory<byte> first, PayloadForm form, int frameBytesMax, int deliveryBytesMax) : IAsyncTransport
{
    /// <summary>Bytes that <see cref="PayloadForm.Opaque"/> adds to a frame: descriptor 00 53 75, constructor b0, length.</summary>
    public const int OpaqueBytes = 8;
    private readonly FrameGuard _guard = new(frameBytesMax, deliveryBytesMax);
    private readonly byte[] _prefix = form == PayloadForm.Opaque ? new byte[frameBytesMax + OpaqueBytes] : [];
    private readonly byte[] _read = new byte[Math.Max(32 * 1024, frameBytesMax)];
    private int _readAt;
    private int _readEnd;
    private bool _headerSeen = !first.IsEmpty;
    private ReadOnlyMemory<byte> _out = first; // what is served before the next frame: first the protocol header
    private ReadOnlyMemory<byte> _outNext;
    private byte[] _write = [];
    private bool _closed;

    /// <summary>Runs when AMQPNetLite binds its connection to this transport, before it reads or writes.</summary>
    public Action<Connection>? Bound { get; set; }

    /// <summary>Runs once when the transport closes.</summary>
    public Action? Closed { private get; set; }

    /// <inheritdoc/>
    public void SetConnection(Connection connection) => Bound?.Invoke(connection);

    /// <inheritdoc/>
    public async Task<int> ReceiveAsync(byte[] buffer, int offset, int count)
    {
        if (_out.IsEmpty && !await NextFrame().ConfigureAwait(false)) return 0;
        var length = Math.Min(count, _out.Length);
        _out[..length].CopyTo(buffer.AsMemory(offset));
        _out = _out[length..];
        if (_out.IsEmpty) (_out, _outNext) = (_outNext, default);
        return length;
    }

    /// <inheritdoc/>
    public async Task SendAsync(IList<ByteBuffer> bufferList, int listSize)
    {
        if (bufferList.Count == 1)
        {
            await stream.WriteAsync(bufferList[0].Buffer.AsMemory(bufferList[0].Offset, bufferList[0].Length)).ConfigureAwait(false);
            return;
        }

        if (_write.Length < listSize) _write = new byte[Math.Max(listSize, 16 * 1024)];
        var at = 0;
        for (var i = 0; i < bufferList.Count; i++)
        {
            var item = bufferList[i];
            Buffer.BlockCopy(item.Buffer, item.Offset, _write, at, item.Length);
            at += item.Length;
        }

        await stream.WriteAsync(_write.AsMemory(0, at)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Close()
    {
        stream.Dispose();
        if (!Interlocked.Exchange(ref _closed, true)) Closed?.Invoke();
    }

    /// <inheritdoc/>
    public void Send(ByteBuffer buffer) => throw new NotSupportedException("AMQPNetLite's pumps are asynchronous");

    /// <inheritdoc/>
    public int Receive(byte[] buffer, int offset, int count) => throw new NotSupportedException("AMQPNetLite's pumps are asynchronous");

    private async ValueTask<bool> NextFrame()
    {
        if (!_headerSeen) return await Header().ConfigureAwait(false);
        if (!await Fill(4).ConfigureAwait(false)) return false;
        var size = BinaryPrimitives.ReadUInt32BigEndian(_read.AsSpan(_readAt));
        if (size < 8 || size > frameBytesMax) throw new InvalidDataException("frame size");
        if (!await Fill((int)size).ConfigureAwait(false)) return false;
        Serve(_read.AsMemory(_readAt, (int)size));
        _readAt += (int)size;
        return true;
    }

    private async ValueTask<bool> Header()
    {
        if (!await Fill(8).ConfigureAwait(false)) return false;
        (_headerSeen, _out) = (true, _read.AsMemory(_readAt, 8));
        _readAt += 8;
        return true;
    }

    private void Serve(ReadOnlyMemory<byte> frame)
    {
        var payload = _guard.PayloadStart(frame.Span);
        if (form == PayloadForm.AsSent || payload == frame.Length)
        {
            _out = frame;
            return;
        }

        frame.Span[..payload].CopyTo(_prefix);
        BinaryPrimitives.WriteInt32BigEndian(_prefix, frame.Length + OpaqueBytes);
        ReadOnlySpan<byte> section = [0x00, 0x53, 0x75, 0xb0];
        section.CopyTo(_prefix.AsSpan(payload));
        BinaryPrimitives.WriteInt32BigEndian(_prefix.AsSpan(payload + 4), frame.Length - payload);
        _out = _prefix.AsMemory(0, payload + OpaqueBytes);
        _outNext = frame[payload..];
    }

    private async ValueTask<bool> Fill(int bytes)
    {
        if (_readEnd - _readAt >= bytes) return true;
        if (_read.Length - _readAt < bytes)
        {
            // What was served from this array has been copied out: frames are read one after the other.
            Buffer.BlockCopy(_read, _readAt, _read, 0, _readEnd - _readAt);
            (_readAt, _readEnd) = (0, _readEnd - _readAt);
        }

        while (_readEnd - _readAt < bytes)
        {
            var length = await stream.ReadAsync(_read.AsMemory(_readEnd)).ConfigureAwait(false);
            if (length == 0) return false;
            _readEnd += length;
        }

        return true;
    }
}
