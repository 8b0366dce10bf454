using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Azure.Core;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.FirmwareSigning.ReleaseCommand.Online;

/// <summary>The Firmware app could not be asked: an outage. Every call may be repeated as it was.</summary>
internal sealed class ApiOutageException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The HTTP interface of the Firmware app (<c>functions/Firmware/README.md</c>).</summary>
/// <param name="http">Follows no redirects.</param>
/// <param name="api">The app's origin.</param>
/// <param name="credential">Who we are.</param>
/// <param name="scope">Scope of the API's tokens.</param>
/// <param name="clock">For waits.</param>
internal sealed partial class ReleasesClient(HttpClient http, Uri api, TokenCredential credential, string scope, TimeProvider clock)
{
    // A role of 4.5 MB in base64, and the rest of the release.
    private const int AnswerBytesMax = 8 * 1024 * 1024;

    private static readonly TimeSpan TryTimeout = TimeSpan.FromMinutes(4); // the platform cuts an answer off after 230 s
    private static readonly TimeSpan[] Waits = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(9)];

    /// <summary>Proposes a release.</summary>
    public Task<Parsed<ReleaseBody>> Submit(SubmissionBody submission, CancellationToken cancel) =>
        Post("api/releases", submission, ReleaseApiJson.Default.SubmissionBody, ReleaseApiJson.Default.ReleaseBody, cancel);

    /// <summary>A release, with the text to sign.</summary>
    /// <returns>It, or <c>api-answer</c> (another release than asked for: what is signed must be what was named), or the service's fault.</returns>
    public async Task<Parsed<ReleaseBody>> Show(string id, CancellationToken cancel)
    {
        var answer = await Get($"api/releases/{Uri.EscapeDataString(id)}", ReleaseApiJson.Default.ReleaseBody, cancel).ConfigureAwait(false);
        return answer.TryGet(out var release, out _) && release.Id != id ? new Fault("api-answer", "id") : answer;
    }

    /// <summary>A page of releases.</summary>
    public Task<Parsed<ReleasesBody>> List(string? product, string? after, CancellationToken cancel)
    {
        List<string> query = [];
        if (product is not null) query.Add("product=" + Uri.EscapeDataString(product));
        if (after is not null) query.Add("after=" + Uri.EscapeDataString(after));
        return Get("api/releases" + (query.Count > 0 ? "?" + string.Join('&', query) : ""), ReleaseApiJson.Default.ReleasesBody, cancel);
    }

    /// <summary>Hands a signature in.</summary>
    public Task<Parsed<ReleaseBody>> Approve(string id, ApprovalBody approval, CancellationToken cancel) =>
        Post($"api/releases/{Uri.EscapeDataString(id)}/approvals", approval, ReleaseApiJson.Default.ApprovalBody, ReleaseApiJson.Default.ReleaseBody, cancel);

    /// <summary>Proposes to take a release back.</summary>
    public Task<Parsed<ReleaseBody>> Withdraw(string id, ReasonBody reason, CancellationToken cancel) =>
        Post($"api/releases/{Uri.EscapeDataString(id)}/withdrawal", reason, ReleaseApiJson.Default.ReasonBody, ReleaseApiJson.Default.ReleaseBody, cancel);

    /// <summary>Proposes the present role again with a later end.</summary>
    public Task<Parsed<ReleaseBody>> Renew(string product, ReasonBody reason, CancellationToken cancel) =>
        Post($"api/products/{Uri.EscapeDataString(product)}/renewal", reason, ReleaseApiJson.Default.ReasonBody, ReleaseApiJson.Default.ReleaseBody, cancel);

    /// <summary>The products.</summary>
    public Task<Parsed<ProductsBody>> Products(CancellationToken cancel) => Get("api/products", ReleaseApiJson.Default.ProductsBody, cancel);

    /// <summary>What is published.</summary>
    public Task<Parsed<MetadataBody>> Metadata(CancellationToken cancel) => Get("api/metadata", ReleaseApiJson.Default.MetadataBody, cancel);

    /// <summary>Publishes a ceremony's files.</summary>
    public Task<Parsed<MetadataPublishedBody>> Publish(MetadataChangeBody change, CancellationToken cancel) =>
        Post("api/metadata", change, ReleaseApiJson.Default.MetadataChangeBody, ReleaseApiJson.Default.MetadataPublishedBody, cancel);

    private Task<Parsed<T>> Get<T>(string path, JsonTypeInfo<T> answer, CancellationToken cancel)
        where T : class => Send(HttpMethod.Get, path, null, answer, cancel);

    private Task<Parsed<T>> Post<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> asked, JsonTypeInfo<T> answer, CancellationToken cancel)
        where T : class => Send(HttpMethod.Post, path, JsonSerializer.SerializeToUtf8Bytes(body, asked), answer, cancel);

    private async Task<Parsed<T>> Send<T>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> answer, CancellationToken cancel)
        where T : class
    {
        for (var attempt = 0; ; attempt++)
        {
            var last = attempt == Waits.Length;
            try
            {
                using var response = await Once(method, path, body, cancel).ConfigureAwait(false);
                var status = (int)response.StatusCode;
                if (status is not (429 or >= 500))
                {
                    var bytes = await ReadBounded(response, cancel).ConfigureAwait(false);
                    return status is >= 200 and < 300 ? Parse(bytes, answer) : Refusal(status, bytes);
                }
                if (last) throw new ApiOutageException($"{method} {path} answered {status}");
                await Wait(response.Headers.RetryAfter?.Delta ?? Waits[attempt], cancel).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException and not ApiOutageException || (failure is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                if (last) throw new ApiOutageException($"{method} {path} failed: {failure.GetType().Name}", failure);
                await Wait(Waits[attempt], cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task<HttpResponseMessage> Once(HttpMethod method, string path, byte[]? body, CancellationToken cancel)
    {
        var token = await credential.GetTokenAsync(new TokenRequestContext([scope]), cancel).ConfigureAwait(false);
        using var limit = new CancellationTokenSource(TryTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        using var request = new HttpRequestMessage(method, new Uri(api, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
    }

    // A minute at most: a server may not park us.
    private Task Wait(TimeSpan asked, CancellationToken cancel) => Task.Delay(asked > TimeSpan.FromMinutes(1) ? TimeSpan.FromMinutes(1) : asked, clock, cancel);

    private static async Task<byte[]> ReadBounded(HttpResponseMessage response, CancellationToken cancel)
    {
        using var whole = new MemoryStream();
        await using var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            if (whole.Length + read > AnswerBytesMax) throw new ApiOutageException("the answer is longer than any of the interface");
            whole.Write(buffer, 0, read);
        }
        return whole.ToArray();
    }

    /// <returns>The answer, or <c>api-answer</c>: not what the interface says.</returns>
    private static Parsed<T> Parse<T>(byte[] bytes, JsonTypeInfo<T> answer)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, answer) is { } value ? value : new Fault("api-answer", "body");
        }
        catch (JsonException)
        {
            return new Fault("api-answer", "body");
        }
    }

    /// <returns>The service's own fault, or <c>api-refused</c> with the status when it gives none.</returns>
    private static Fault Refusal(int status, byte[] bytes)
    {
        try
        {
            var problem = JsonSerializer.Deserialize(bytes, ProblemJson.Default.ProblemBody);
            if (problem is { Code: { } code, Where: var where } && FaultCode().IsMatch(code)) return new Fault(code, where ?? "");
        }
        catch (JsonException)
        {
            // A gateway's page.
        }
        return new Fault("api-refused", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"status {status} {(HttpStatusCode)status}"));
    }

    [GeneratedRegex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    private static partial Regex FaultCode();
}

/// <summary>What is read of an RFC 9457 problem.</summary>
/// <param name="Code">Fault code.</param>
/// <param name="Where">Field at fault.</param>
internal sealed record ProblemBody(string? Code = null, string? Where = null);

/// <summary>Problems as JSON; members we do not read are passed over.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 8)]
[JsonSerializable(typeof(ProblemBody))]
internal sealed partial class ProblemJson : JsonSerializerContext;
