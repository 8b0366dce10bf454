using System.Net;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.Rest.Tests;

/// <summary>A service that answers from a script, behind the client's whole pipeline but its sockets.</summary>
public sealed class FakeService : HttpMessageHandler
{
    private readonly Queue<Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>>> _script = new();

    public List<Sent> Requests { get; } = [];

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));

    /// <summary>What answers when the script is over.</summary>
    public Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>>? Otherwise { get; set; }

    public ServiceCallOptions Options => new() { Transport = new HttpClientTransport(new HttpClient(this) { Timeout = Timeout.InfiniteTimeSpan }) };

    public FakeService Answer(int status, string body = "", params (string Name, string Value)[] headers) => Then((_, _) => Task.FromResult(Response(status, body, headers)));

    public FakeService Fail(Exception failure) => Then((_, _) => Task.FromException<HttpResponseMessage>(failure));

    public FakeService Then(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer)
    {
        _script.Enqueue(answer);
        return this;
    }

    /// <summary>Runs a call while time goes by, half a second a step.</summary>
    public async Task<T> Drive<T>(Task<T> call)
    {
        for (var i = 0; i < 4000 && !call.IsCompleted; i++)
        {
            await Task.WhenAny(call, Task.Delay(1, TestContext.Current.CancellationToken));
            Clock.Advance(TimeSpan.FromMilliseconds(500));
        }

        return await call.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    public static HttpResponseMessage Response(int status, string body, params (string Name, string Value)[] headers)
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers) Assert.True(response.Headers.TryAddWithoutValidation(name, value), name);
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add(await Sent.Of(request));
        if (_script.TryDequeue(out var next)) return await next(request, cancellationToken);
        return Otherwise is { } otherwise ? await otherwise(request, cancellationToken) : throw new InvalidOperationException($"no answer for {request.Method} {request.RequestUri}");
    }
}

/// <summary>A request as it would have gone over the wire.</summary>
public sealed record Sent(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public static async Task<Sent> Of(HttpRequestMessage request)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var header in request.Headers) headers[header.Key] = string.Join(",", header.Value);
        foreach (var header in request.Content?.Headers ?? Enumerable.Empty<KeyValuePair<string, IEnumerable<string>>>()) headers[header.Key] = string.Join(",", header.Value);
        if (request.Content?.Headers.ContentLength is { } length) headers["Content-Length"] = length.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var uri = request.RequestUri!;
        return new Sent(
            request.Method.Method, uri.GetComponents(UriComponents.Path | UriComponents.KeepDelimiter, UriFormat.UriEscaped), uri.Query,
            headers, request.Content is null ? "" : await request.Content.ReadAsStringAsync());
    }
}

/// <summary>A credential that always has a token, and remembers what it was asked for.</summary>
public sealed class StaticCredential(Func<string>? token = null) : TokenCredential
{
    public string? Scope { get; private set; }

    /// <summary>What asking for a token throws, if anything.</summary>
    public Exception? Failure { get; set; }

    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        if (Failure is not null) throw Failure;
        Scope = Assert.Single(requestContext.Scopes);
        return new AccessToken(token?.Invoke() ?? "token-of-ours", TimeProvider.System.GetUtcNow().AddHours(1));
    }

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
}
