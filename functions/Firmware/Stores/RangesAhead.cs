using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.Firmware.Releases;

namespace Serverless.Firmware.Stores;

/// <summary>Reads a blob from its start in ranges, a few of them under way at a time: one connection alone does not fill the network.</summary>
/// <remarks>Every range is asked for under the tag of the blob that was looked at: a blob written over meanwhile ends the reading with the
/// service's exception (412). Memory: <see cref="Ahead"/> ranges, used again and again. Not thread-safe, for one reader.</remarks>
internal sealed class RangesAhead : Stream
{
    /// <summary>Bytes a range.</summary>
    internal const int RangeBytes = 4 * 1024 * 1024;

    /// <summary>Ranges held: the one being read, and those under way.</summary>
    internal const int Ahead = 4;

    private readonly BlobClient _blob;
    private readonly Image _image;
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<Task<ArraySegment<byte>>> _coming = new();
    private long _asked;
    private ArraySegment<byte> _present = [];
    private byte[]? _spent;

    private RangesAhead(BlobClient blob, Image image) => (_blob, _image) = (blob, image);

    /// <summary>Opens exactly the blob that was looked at.</summary>
    /// <returns>Its bytes; or <see langword="null"/>: it is gone or was written over.</returns>
    public static async Task<RangesAhead?> Open(BlobClient blob, Image image, CancellationToken cancel)
    {
        var stream = new RangesAhead(blob, image);
        if (image.Bytes == 0) return stream; // a range of nothing cannot be asked for
        try
        {
            stream.Ask(new byte[Math.Min(RangeBytes, image.Bytes)]);
            stream._present = await stream._coming.Dequeue().WaitAsync(cancel).ConfigureAwait(false);
            for (var i = 1; i < Ahead && stream._asked < image.Bytes; i++) stream.Ask(new byte[RangeBytes]);
            return stream;
        }
        catch (RequestFailedException other) when (other.Status is 404 or 412)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            return null;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => _image.Bytes;

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_present.Count == 0)
        {
            if (_present.Array is { Length: > 0 } read) _spent = read;
            _present = [];
            if (_spent is { } free && _asked < _image.Bytes)
            {
                _spent = null;
                Ask(free);
            }
            if (!_coming.TryDequeue(out var next)) return 0;
            _present = await next.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        var count = Math.Min(buffer.Length, _present.Count);
        _present.AsSpan(0, count).CopyTo(buffer.Span);
        _present = _present[count..];
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Only asynchronous reads are made.");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>Ends what is under way and waits for it: the buffers are its own.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var task in _coming) await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _coming.Clear();
        _stop.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void Ask(byte[] buffer)
    {
        var (from, count) = (_asked, (int)Math.Min(buffer.Length, _image.Bytes - _asked));
        _asked += count;
        _coming.Enqueue(Task.Run(() => Fetch(buffer, from, count), CancellationToken.None));
    }

    private async Task<ArraySegment<byte>> Fetch(byte[] buffer, long from, int count)
    {
        var options = new BlobDownloadOptions { Range = new HttpRange(from, count), Conditions = new BlobRequestConditions { IfMatch = new ETag(_image.Tag) } };
        var answer = await _blob.DownloadStreamingAsync(options, _stop.Token).ConfigureAwait(false);
        using var download = answer.Value;
        await download.Content.ReadExactlyAsync(buffer.AsMemory(0, count), _stop.Token).ConfigureAwait(false);
        return new ArraySegment<byte>(buffer, 0, count);
    }
}
