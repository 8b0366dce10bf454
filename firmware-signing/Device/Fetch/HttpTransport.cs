using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace Serverless.FirmwareSigning.Device.Fetch;

/// <summary><see cref="ITransport"/> over HTTP.</summary>
/// <remarks>No redirects (a mirror may not send devices elsewhere), no decompression (a few bytes could become gigabytes; lengths
/// and digests are of the bytes sent), no cookies.</remarks>
public sealed class HttpTransport : ITransport, IDisposable
{
    private readonly HttpClient _client;

    /// <summary>A transport with its own connections.</summary>
    /// <param name="userAgent">Product name sent with each request.</param>
    /// <param name="trustRoot">The one authority whose servers are spoken to; the machine's own trust without it. A second fence only: servers
    /// are not trusted, whoever vouches for them.</param>
    public HttpTransport(string userAgent, X509Certificate2? trustRoot = null)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            MaxResponseHeadersLength = 16, // KiB
            ConnectTimeout = TimeSpan.FromSeconds(15),
            MaxResponseDrainSize = 0, // an answer we turned down is cut off, not drained
        };
        if (trustRoot is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.Add(trustRoot);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        // The fetcher bounds time itself, by its own clock.
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue(userAgent, "1"));
    }

    /// <inheritdoc/>
    public async Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
        var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
        var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        return new TransportAnswer(
            (int)response.StatusCode,
            response.Content.Headers.ContentLength,
            response.Content.Headers.ContentRange?.From ?? 0,
            body);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _client.Dispose();
}
