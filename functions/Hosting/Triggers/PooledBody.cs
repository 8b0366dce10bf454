using System.Buffers;
using System.IO.Pipelines;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>A request body in one pooled array.</summary>
/// <remarks>Requests of the host carry no length, so the array grows by doubling: at worst twice the body for the moment of copying.</remarks>
internal sealed class PooledBody : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private int _length;

    private PooledBody()
    {
    }

    /// <summary>The body, until disposed.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    /// <summary>Reads to the end.</summary>
    /// <param name="reader">The request's reader.</param>
    /// <param name="bytesMax">Most bytes.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="EnvelopeException"><c>envelope-size</c>.</exception>
    public static async Task<PooledBody> Read(PipeReader reader, int bytesMax, CancellationToken cancel)
    {
        var body = new PooledBody();
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
                foreach (var piece in read.Buffer) body.Append(piece.Span, bytesMax);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return body;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var bytes = Interlocked.Exchange(ref _bytes, []);
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Append(ReadOnlySpan<byte> piece, int bytesMax)
    {
        if (piece.Length > bytesMax - _length) throw new EnvelopeException(new Fault("envelope-size", "envelope"));
        if (_length + piece.Length > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Math.Max(_bytes.Length * 2L, _length + piece.Length), Array.MaxLength));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        piece.CopyTo(_bytes.AsSpan(_length));
        _length += piece.Length;
    }
}
