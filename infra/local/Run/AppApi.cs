using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.Run;

/// <summary>A function app's HTTP interface as a person with a token uses it.</summary>
/// <param name="cloud">The cloud; the app runs there.</param>
/// <param name="app">Its name.</param>
/// <param name="caller">Whose token.</param>
internal sealed class AppApi(LocalCloud cloud, string app, Principal caller) : IDisposable
{
    private readonly HttpClient _http = new(LocalTrust.Handler(cloud.Authority)) { BaseAddress = cloud.Apps[app].Address, Timeout = TimeSpan.FromMinutes(2) };

    /// <summary>Asks.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">Path below <c>api/</c>.</param>
    /// <param name="body">JSON to send, or nothing.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<ApiAnswer> Send(HttpMethod method, string path, JsonObject? body, CancellationToken cancel) =>
        Send(method, path, body?.ToJsonString(), "application/json", cancel);

    /// <summary>Asks, with a body of any type.</summary>
    public async Task<ApiAnswer> Send(HttpMethod method, string path, string? body, string type, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, "api/" + path);
        // With its length: the host drops a body that comes in chunks.
        if (body is not null) request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", cloud.Tokens.Issue(caller, Audiences.Api).Token);
        using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        return new ApiAnswer((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false));
    }

    /// <summary>Fires a timer function now, as the portal's button does.</summary>
    /// <param name="function">The function.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task Fire(string function, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"admin/functions/{function}") { Content = new ByteArrayContent("{}"u8.ToArray()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } } };
        request.Headers.Add("x-functions-key", cloud.Apps[app].MasterKey);
        using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();
}

/// <summary>What an app answered.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">The body.</param>
internal sealed record ApiAnswer(int Status, string Text)
{
    /// <summary>The body as JSON; <see langword="null"/> if there is none.</summary>
    public JsonNode? Body => Text.StartsWith('{') ? JsonNode.Parse(Text) : null;

    /// <summary>The fault code of a refusal, or empty.</summary>
    public string Fault => (string?)Body?["code"] ?? "";

    /// <summary>The body of an answer that must be good.</summary>
    /// <exception cref="InvalidOperationException">It is not; the message carries status and fault code.</exception>
    public JsonNode Accepted() => Status is >= 200 and < 300 ? Body! : throw new InvalidOperationException($"an app answered {Status} {Fault}");
}
