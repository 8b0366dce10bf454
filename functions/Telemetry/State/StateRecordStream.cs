using System.Buffers.Binary;

namespace Serverless.Telemetry.State;

/// <summary>The records of one state file, read in order through one buffer.</summary>
/// <param name="source">The file's bytes from a record's start on.</param>
/// <param name="name">The file, for messages.</param>
internal sealed class StateRecordStream(Stream source, string name)
{
    private byte[] _buffer = new byte[256 * 1024];
    private int _start;
    private int _end;

    /// <summary>Kind of the record read last.</summary>
    public StateRecordKind Kind { get; private set; }

    /// <summary>Payload of the record read last; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Payload { get; private set; }

    /// <summary>Records read so far.</summary>
    public int Count { get; private set; }

    /// <summary>Reads the next record.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="InvalidDataException">The file is damaged or ends inside a record (a block lands whole or not at all, so
    /// no crash does this).</exception>
    public async ValueTask<bool> Next(CancellationToken cancel)
    {
        if (!await Fill(StateRecord.FrameBytes, cancel).ConfigureAwait(false)) return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start));
        if (length is 0 or > StateRecord.BytesMax) throw new InvalidDataException($"state file '{name}' is damaged: record {Count} has {length} bytes");
        if (!await Fill(StateRecord.FrameBytes + (int)length, cancel).ConfigureAwait(false)) throw Short();

        var body = _buffer.AsMemory(_start + StateRecord.FrameBytes, (int)length);
        if (StateRecord.Checksum(body.Span) != BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start + 4)))
        {
            throw new InvalidDataException($"state file '{name}' is damaged: record {Count} does not match its checksum");
        }

        Kind = (StateRecordKind)body.Span[0];
        Payload = body[1..];
        Count++;
        _start += StateRecord.FrameBytes + (int)length;
        return true;
    }

    private async ValueTask<bool> Fill(int needed, CancellationToken cancel)
    {
        if (_end - _start >= needed) return true;
        if (_start + needed > _buffer.Length)
        {
            var larger = needed > _buffer.Length ? new byte[Math.Max(needed, _buffer.Length * 2)] : _buffer;
            _buffer.AsSpan(_start, _end - _start).CopyTo(larger);
            (_buffer, _end, _start) = (larger, _end - _start, 0);
        }

        while (_end - _start < needed)
        {
            var read = await source.ReadAsync(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
            if (read == 0) return _end == _start ? false : throw Short();
            _end += read;
        }

        return true;
    }

    private InvalidDataException Short() => new($"state file '{name}' is damaged: it ends inside record {Count}");
}
