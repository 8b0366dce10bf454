using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Reads request bodies of bounded size in bounded time.</summary>
public static class BoundedBody
{
    /// <summary>How long a body may take to arrive where the caller says nothing else: 30 s.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Reads the whole body.</summary>
    /// <remarks>The Functions host drops the body of a chunked request on its way here without a word, so that a body that is needed
    /// and not there is a refusal, never an empty document.</remarks>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">Most bytes, 1 to 100 MiB; refused by Content-Length before a byte is read, where there is one.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>1 to <paramref name="bytesMax"/> bytes, the caller's own; or <c>body-length-missing</c> (411),
    /// <c>body-missing</c> (400), <c>body-too-large</c> (413), <c>body-too-slow</c> (408).</returns>
    public static Task<Parsed<ReadOnlyMemory<byte>>> ReadBounded(this HttpRequest request, int bytesMax, CancellationToken cancel) =>
        ReadBounded(request, bytesMax, Patience, cancel);

    /// <inheritdoc cref="ReadBounded(HttpRequest, int, CancellationToken)"/>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">Most bytes, 1 to 100 MiB.</param>
    /// <param name="patience">How long the body may take.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<Parsed<ReadOnlyMemory<byte>>> ReadBounded(this HttpRequest request, int bytesMax, TimeSpan patience, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytesMax, 100 * 1024 * 1024); // the host itself takes no more
        var chunked = request.Headers.TransferEncoding.Count > 0;
        if (request.ContentLength is null && !chunked) return new Fault("body-length-missing", "Content-Length");
        if (request.ContentLength == 0) return new Fault("body-missing", "body");
        if (request.ContentLength > bytesMax) return new Fault("body-too-large", "body");
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = Framed(bytesMax);

        var clock = request.HttpContext.RequestServices.GetService<TimeProvider>() ?? TimeProvider.System;
        using var late = new CancellationTokenSource(patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        try
        {
            return await Read(request.BodyReader, (int?)request.ContentLength, bytesMax, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return new Fault("body-too-slow", "body");
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return new Fault("body-too-large", "body");
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            return new Fault("body-too-slow", "body"); // Kestrel's floor of 240 bytes a second
        }
    }

    /// <summary>What to tell the server for a body of this size: it counts the framing of chunks too. The exact limit is our own.</summary>
    internal static long Framed(int bytesMax) => 2L * bytesMax + 64 * 1024;

    private static async Task<Parsed<ReadOnlyMemory<byte>>> Read(PipeReader reader, int? length, int bytesMax, CancellationToken cancel)
    {
        var body = new byte[length ?? Math.Min(bytesMax, 4096)];
        var read = 0;
        while (true)
        {
            var got = await reader.ReadAsync(cancel).ConfigureAwait(false);
            foreach (var piece in got.Buffer)
            {
                if (piece.Length > bytesMax - read) return new Fault("body-too-large", "body");
                if (read + piece.Length > body.Length) Array.Resize(ref body, (int)Math.Min(bytesMax, Math.Max(body.Length * 2L, read + piece.Length)));
                piece.Span.CopyTo(body.AsSpan(read));
                read += piece.Length;
            }

            reader.AdvanceTo(got.Buffer.End);
            if (got.IsCompleted) return read == 0 ? new Fault("body-missing", "body") : (ReadOnlyMemory<byte>)body.AsMemory(0, read);
        }
    }
}
