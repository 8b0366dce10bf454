using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Serverless.Rest;

/// <summary>Takes the place of the SDK's retries: <see cref="ServiceCaller"/> knows what may be repeated, and its waits follow a
/// <see cref="TimeProvider"/>.</summary>
internal sealed class OneTry : HttpPipelinePolicy
{
    public static readonly OneTry Policy = new();

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => ProcessNext(message, pipeline);

    public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => ProcessNextAsync(message, pipeline);
}

/// <summary>Marks the point after which a request may have left this process: the token is there.</summary>
internal sealed class SentMark : HttpPipelinePolicy
{
    public static readonly SentMark Policy = new();

    /// <summary>Whether a message came this far.</summary>
    public static bool Of(HttpMessage message) => message.TryGetProperty(typeof(SentMark), out _);

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        message.SetProperty(typeof(SentMark), this);
        ProcessNext(message, pipeline);
    }

    public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        message.SetProperty(typeof(SentMark), this);
        return ProcessNextAsync(message, pipeline);
    }
}

/// <summary>The network, with an authority of our own where one is given.</summary>
internal static class Network
{
    public static HttpClientTransport To(X509Certificate2? trustRoot)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false, // the services are reached directly or through the platform's own routing; a proxy variable must not see tokens
            AutomaticDecompression = DecompressionMethods.None, // a small answer stays small
            MaxResponseHeadersLength = 64, // KiB
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // follows DNS
            ConnectTimeout = TimeSpan.FromSeconds(15),
        };
        if (trustRoot is not null)
        {
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck, // an authority that lives as long as its process publishes no list
                },
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(trustRoot);
        }

        // The time of a try is the pipeline's business.
        return new HttpClientTransport(new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan });
    }
}
