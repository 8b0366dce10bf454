using System.Buffers;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.Device.Fetch;

/// <summary>Reads from a hostile server with every dimension bounded: length, total time, and rate (FORMAT.md 6.3).</summary>
/// <param name="transport">The network.</param>
/// <param name="limits">Bounds in time.</param>
/// <param name="clock">Measures them.</param>
public sealed class BoundedFetch(ITransport transport, FetchLimits limits, TimeProvider clock)
{
    private const int ChunkBytes = 64 * 1024;

    /// <summary>Reads a whole metadata file.</summary>
    /// <param name="uri">Where.</param>
    /// <param name="bytesMax">Bound on its length.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The bytes, or <c>fetch-absent</c> (404 or 403: blob stores say 403 for what does not exist), <c>fetch-status</c> (any
    /// other answer below 500 that is not 200), <c>fetch-length</c> (endless data), <c>fetch-slow</c> (slow retrieval),
    /// <c>fetch-time</c>.</returns>
    /// <exception cref="HttpRequestException">Not reachable, or 5xx: an outage, to be retried later.</exception>
    public async Task<Parsed<byte[]>> ReadWhole(Uri uri, int bytesMax, CancellationToken cancel)
    {
        var received = new ArrayBufferWriter<byte>();
        var fault = await Pump(uri, 0, bytesMax, limits.Whole, chunk =>
        {
            received.Write(chunk.Span);
            return null;
        }, cancel).ConfigureAwait(false);
        return fault is null ? received.WrittenSpan.ToArray() : fault;
    }

    /// <summary>Reads a file of known length from an offset to its end, handing out chunks as they come.</summary>
    /// <param name="uri">Where.</param>
    /// <param name="from">Bytes already held; below <paramref name="length"/>.</param>
    /// <param name="length">The file's whole length, from trusted metadata.</param>
    /// <param name="sink">Takes each chunk; the memory is the fetcher's and valid until it returns. A fault ends the read.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>Nothing when exactly the missing bytes came; else the sink's fault, a fault of <see cref="ReadWhole"/>,
    /// <c>fetch-range</c> (the server began elsewhere than asked), or <c>fetch-short</c> (truncated: what came is good to
    /// resume from).</returns>
    /// <exception cref="HttpRequestException">Not reachable, or 5xx: an outage; chunks handed out before stay valid.</exception>
    /// <exception cref="IOException">The connection broke in the body: likewise.</exception>
    public async Task<Fault?> ReadRest(Uri uri, long from, long length, Func<ReadOnlyMemory<byte>, Fault?> sink, CancellationToken cancel)
    {
        var missing = length - from;
        var fault = await Pump(uri, from, missing, whole: null, chunk =>
        {
            missing -= chunk.Length;
            return sink(chunk);
        }, cancel).ConfigureAwait(false);
        return fault ?? (missing > 0 ? new Fault("fetch-short", "body") : null);
    }

    private async Task<Fault?> Pump(Uri uri, long from, long bytesMax, TimeSpan? whole, Func<ReadOnlyMemory<byte>, Fault?> sink, CancellationToken cancel)
    {
        using var total = whole is { } span ? new CancellationTokenSource(span, clock) : new CancellationTokenSource();
        using var outer = CancellationTokenSource.CreateLinkedTokenSource(cancel, total.Token);
        try
        {
            var (answer, late) = await Open(uri, from, outer.Token).ConfigureAwait(false);
            if (answer is null) return late;
            await using (answer.ConfigureAwait(false))
                return Refuses(answer, from, bytesMax) ?? await Drain(answer.Body, bytesMax, sink, outer.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (total.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return new Fault("fetch-time", "body");
        }
    }

    private async Task<(TransportAnswer? Answer, Fault? Late)> Open(Uri uri, long from, CancellationToken outer)
    {
        using var head = new CancellationTokenSource(limits.AnswerWithin, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(outer, head.Token);
        try
        {
            return (await transport.Open(uri, from, either.Token).ConfigureAwait(false), null);
        }
        catch (OperationCanceledException) when (head.IsCancellationRequested && !outer.IsCancellationRequested)
        {
            return (null, new Fault("fetch-slow", "head"));
        }
    }

    private static Fault? Refuses(TransportAnswer answer, long from, long bytesMax)
    {
        if (answer.Status >= 500) throw new HttpRequestException("The repository answers with a server error.", null, (System.Net.HttpStatusCode)answer.Status);
        if (answer.Status is 403 or 404) return new Fault("fetch-absent", "status");
        if (answer.Status != (from > 0 ? 206 : 200)) return new Fault("fetch-status", "status");
        if (answer.From != from) return new Fault("fetch-range", "content-range");
        // A server may lie about the length; this only saves reading when it does not.
        return answer.Length > bytesMax ? new Fault("fetch-length", "content-length") : null;
    }

    // A window ends when enough bytes came, and a new one begins; if its time ends first, the server is too slow. The rate is
    // judged by the clock alone, so a stalled read is cut off like a dripping one.
    private async Task<Fault?> Drain(Stream body, long bytesMax, Func<ReadOnlyMemory<byte>, Fault?> sink, CancellationToken outer)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            long received = 0;
            while (true)
            {
                using var window = new CancellationTokenSource(limits.Window, clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(outer, window.Token);
                try
                {
                    for (var inWindow = 0; inWindow < limits.WindowBytes;)
                    {
                        // One byte more than allowed is asked for only at the very end, to tell "exactly" from "endless".
                        var want = (int)Math.Min(ChunkBytes, bytesMax - received + 1);
                        var read = await body.ReadAsync(chunk.AsMemory(0, want), either.Token).ConfigureAwait(false);
                        if (read == 0) return null;
                        received += read;
                        inWindow += read;
                        if (received > bytesMax) return new Fault("fetch-length", "body");
                        if (sink(chunk.AsMemory(0, read)) is { } fault) return fault;
                    }
                }
                catch (OperationCanceledException) when (window.IsCancellationRequested && !outer.IsCancellationRequested)
                {
                    return new Fault("fetch-slow", "body");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
