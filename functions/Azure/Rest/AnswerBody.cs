using Azure;

namespace Serverless.Rest;

/// <summary>Reads answers of bounded size: the other end may be anyone who got hold of the name.</summary>
internal static class AnswerBody
{
    /// <summary>Reads the whole body.</summary>
    /// <param name="response">An answer that is not buffered.</param>
    /// <param name="bytesMax">Most bytes.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The body, maybe empty; or <see langword="null"/> when it is longer.</returns>
    public static async Task<ReadOnlyMemory<byte>?> Read(Response response, int bytesMax, CancellationToken cancel)
    {
        if (response.Headers.ContentLengthLong is { } announced && announced > bytesMax) return null;
        if (response.ContentStream is not { } stream) return ReadOnlyMemory<byte>.Empty;
        var body = new byte[(int)(response.Headers.ContentLengthLong ?? Math.Min(bytesMax, 8192)) + 1]; // the last byte finds the end
        var read = 0;
        while (true)
        {
            if (read == body.Length) Array.Resize(ref body, (int)Math.Min(bytesMax + 1L, body.Length * 2L));
            var got = await stream.ReadAsync(body.AsMemory(read), cancel).ConfigureAwait(false);
            if (got == 0) return body.AsMemory(0, read);
            read += got;
            if (read > bytesMax) return null;
        }
    }
}
