using System.Net;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>HTTP to the handler, in the bytes of the real host. Thread-safe.</summary>
internal sealed class HandlerClient : IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly Uri _root;

    public HandlerClient(int port)
    {
        _root = new Uri($"http://127.0.0.1:{port}");
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseCookies = false,
            UseProxy = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null, // traceparent is sent only when the host has telemetry on; this one has none
            AutomaticDecompression = DecompressionMethods.None,
        });
    }

    /// <summary>The readiness probe.</summary>
    /// <exception cref="HttpRequestException">Nobody answers yet.</exception>
    public async Task Ping(CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _root);
        using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
    }

    /// <summary>Default mode: <c>POST /{function}</c>.</summary>
    /// <exception cref="HttpRequestException">The connection broke.</exception>
    public async Task<HandlerAnswer> Post(string function, Guid invocation, HostText body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_root, "/" + function)) { Content = new ChunkedContent(body.WrittenMemory) };
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-HostVersion", HostIdentity.Version);
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-InvocationId", invocation.ToString());
        request.Headers.TryAddWithoutValidation("User-Agent", HostIdentity.UserAgent);
        request.Headers.TransferEncodingChunked = true;
        using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        var bytes = await answer.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false);
        return HandlerAnswer.Read(answer.StatusCode, answer.ReasonPhrase, answer.Content.Headers.ContentType?.MediaType, bytes);
    }

    /// <summary>Forwarding mode: the caller's own request; the answer is the caller's too.</summary>
    /// <exception cref="HttpRequestException">The connection broke.</exception>
    public Task<HttpResponseMessage> Forward(HttpRequestMessage request, string rawTarget, CancellationToken cancel)
    {
        request.RequestUri = new Uri(
            _root.GetLeftPart(UriPartial.Authority) + rawTarget, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        return _http.SendAsync(request, cancel);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A body without length, which HTTP/1.1 sends in chunks, as the host does.</summary>
    private sealed class ChunkedContent : HttpContent
    {
        private readonly ReadOnlyMemory<byte> _bytes;

        public ChunkedContent(ReadOnlyMemory<byte> bytes)
        {
            _bytes = bytes;
            Headers.TryAddWithoutValidation("Content-Type", "application/json; charset=utf-8");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(_bytes).AsTask();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
            stream.WriteAsync(_bytes, cancellationToken).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
