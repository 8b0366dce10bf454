using System.Security.Cryptography;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Serverless.Rest;

/// <summary>Sends requests to one service: token, our share of its quota, tries and their waits, bounds, and what a failure means.</summary>
/// <remarks>Thread-safe. Redirects are not followed: a token goes to the host it was asked for.</remarks>
internal sealed class ServiceCaller : IDisposable
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(10);
    private readonly HttpPipeline _pipeline;
    private readonly IDisposable? _transport;
    private readonly Uri _endpoint;
    private readonly string _apiVersion;
    private readonly ServiceCallOptions _options;
    private readonly TimeProvider _clock;

    /// <summary>Prepares; connects to nothing yet.</summary>
    /// <param name="host"><c>name.azure-devices.net</c>, or <c>host:port</c>.</param>
    /// <param name="scope">The token's scope.</param>
    /// <param name="apiVersion">The query's api-version.</param>
    /// <param name="credential">Who we are.</param>
    /// <param name="clock">Waits, and what a Retry-After date is counted from.</param>
    /// <param name="options">Times and trust.</param>
    public ServiceCaller(string host, string scope, string apiVersion, TokenCredential credential, TimeProvider clock, ServiceCallOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        _endpoint = new Uri($"https://{options.Address ?? host}/", UriKind.Absolute);
        if (_endpoint.PathAndQuery != "/" || _endpoint.UserInfo.Length > 0) throw new ArgumentException("a host name, with a port if need be", nameof(host));
        (Host, _apiVersion, _clock, _options) = (host, apiVersion, clock, options);
        var pipeline = new PipelineOptions { RetryPolicy = OneTry.Policy, Transport = options.Transport ?? Network.To(options.TrustRoot) };
        // Bodies and query values stay out of the SDK's own event source whatever listens.
        pipeline.Diagnostics.IsLoggingContentEnabled = false;
        if (options.Transport is null) _transport = pipeline.Transport as IDisposable;
        _pipeline = HttpPipelineBuilder.Build(pipeline, new BearerTokenAuthenticationPolicy(credential, scope), SentMark.Policy);
    }

    /// <summary>The service's host name.</summary>
    public string Host { get; }

    /// <summary>Sends, again where that helps and is safe.</summary>
    /// <param name="call">The request.</param>
    /// <param name="work">The piece of work it belongs to, for fair turns.</param>
    /// <param name="cancel">Cancels; a write may have landed.</param>
    /// <returns>An answer below 400, or a refusal from 400 on that no retry changes. When an earlier try may have landed, a guarded
    /// call's 409 or 412 is an outage instead, since it may be our own doing; see <paramref name="call"/>.</returns>
    /// <exception cref="ServiceOutageException">It did not work inside the bound.</exception>
    public async Task<(ServiceReply Reply, bool EarlierMayHaveLanded)> Send(ServiceCall call, string work, CancellationToken cancel)
    {
        var began = _clock.GetTimestamp();
        var landed = false;
        for (var tries = 0; ; tries++)
        {
            var attempt = await Try(call, work, cancel).ConfigureAwait(false);
            if (attempt.Reply is { } reply)
            {
                if (landed && call.Repeat == Repeat.Guarded && reply.Status is 409 or 412)
                {
                    throw new ServiceOutageException(Host, call.Operation, "outcome-unknown", mayHaveLanded: true)
                    {
                        Status = reply.Status,
                        ServiceCode = reply.ServiceCode,
                        TrackingId = reply.TrackingId,
                    };
                }

                return (reply, landed);
            }

            var failure = attempt.Failure!;
            landed |= failure.Ambiguous && call.Repeat != Repeat.Read;
            var wait = Wait(tries, failure.RetryAfter);
            var again = failure.Transient && !(failure.Ambiguous && call.Repeat == Repeat.Never) && _clock.GetElapsedTime(began) + wait <= _options.RetryBound;
            if (!again) throw Outage(call, failure, landed);
            await Task.Delay(wait, _clock, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>An answer that is not what the contract says.</summary>
    /// <param name="call">The request it answered.</param>
    /// <param name="reply">The answer.</param>
    /// <param name="inner">What was wrong with it.</param>
    public ServiceOutageException Malformed(ServiceCall call, ServiceReply reply, Exception? inner = null) =>
        new(Host, call.Operation, "answer-malformed", call.Repeat != Repeat.Read, inner) { Status = reply.Status };

    /// <inheritdoc/>
    public void Dispose() => _transport?.Dispose();

    private async Task<Attempt> Try(ServiceCall call, string work, CancellationToken cancel)
    {
        using var place = await call.Budget.Take(work, _options.ShareWait, cancel).ConfigureAwait(false);
        if (place is null) return new Attempt(null, new Failure("share-spent", Ambiguous: false, Transient: false, call.Budget.Window));
        using var message = _pipeline.CreateMessage();
        Write(message, call);
        try
        {
            await _pipeline.SendAsync(message, cancel).ConfigureAwait(false);
            return await Judge(call, message.Response, cancel).ConfigureAwait(false);
        }
        catch (Exception failed) when (IsOutage(failed, cancel))
        {
            var reason = !SentMark.Of(message) ? "no-token" : failed is OperationCanceledException ? "timeout" : "unreachable";
            return new Attempt(null, new Failure(reason, Arrived(message, failed), Transient: true, TimeSpan.Zero, failed));
        }
    }

    private void Write(HttpMessage message, ServiceCall call)
    {
        message.BufferResponse = false; // the pipeline would buffer an answer of any size
        message.NetworkTimeout = _options.TryTimeout + call.Extra;
        var request = message.Request;
        request.Method = call.Method;
        request.Uri.Reset(_endpoint);
        request.Uri.AppendPath(call.Path, escape: false);
        request.Uri.AppendQuery("api-version", _apiVersion, escapeValue: false);
        request.Headers.SetValue("Accept", "application/json");
        if (call.IfMatch is not null) request.Headers.SetValue("If-Match", call.IfMatch);
        foreach (var (name, value) in call.Headers) request.Headers.SetValue(name, value);
        if (call.Body.IsEmpty && !call.EmptyBody) return;
        request.Content = RequestContent.Create(call.Body);
        if (!call.Body.IsEmpty) request.Headers.SetValue("Content-Type", "application/json; charset=utf-8");
    }

    private async Task<Attempt> Judge(ServiceCall call, Response response, CancellationToken cancel)
    {
        var status = response.Status;
        var body = await AnswerBody.Read(response, status < 300 ? call.AnswerBytesMax : ServiceError.BytesMax, cancel).ConfigureAwait(false);
        if (status is >= 200 and < 300)
        {
            return body is { } whole
                ? new Attempt(new ServiceReply(status, whole, Unquoted(response.Headers.ETag), Header(response, "x-ms-continuation"), "", ""), null)
                : new Attempt(null, new Failure("answer-too-large", Ambiguous: true, Transient: false, TimeSpan.Zero) { Status = status });
        }

        var (code, tracking) = ServiceError.Read(response, body ?? default);
        var wait = RetryAfter(response);
        if (status == 429) call.Budget.Pause(wait);
        var failure = status switch
        {
            429 => new Failure("throttled", Ambiguous: false, Transient: true, wait),
            408 or >= 500 when !call.AnswerStatuses.Contains(status) => new Failure("unavailable", Ambiguous: true, Transient: true, wait),
            401 or 403 => new Failure("unauthorized", Ambiguous: false, Transient: false, wait),
            < 400 => new Failure("answer-malformed", Ambiguous: true, Transient: false, wait),
            _ => null,
        };
        return failure is null
            ? new Attempt(new ServiceReply(status, default, null, null, code, tracking), null)
            : new Attempt(null, failure with { Status = status, ServiceCode = code, TrackingId = tracking });
    }

    private TimeSpan Wait(int tries, TimeSpan asked)
    {
        var wait = TimeSpan.FromTicks(Math.Min(WaitMax.Ticks, _options.RetryWait.Ticks << Math.Min(tries, 10)));
        wait *= 0.5 + (RandomNumberGenerator.GetInt32(500) / 1000.0);
        return wait < asked ? asked : wait;
    }

    private TimeSpan RetryAfter(Response response)
    {
        if (Header(response, "Retry-After") is not { } text) return TimeSpan.Zero;
        if (int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var seconds)) return TimeSpan.FromSeconds(seconds);
        if (!DateTimeOffset.TryParseExact(text, "r", System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.None, out var date)) return TimeSpan.Zero;
        var wait = date - _clock.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private ServiceOutageException Outage(ServiceCall call, Failure failure, bool landed) => new(Host, call.Operation, failure.Reason, landed, failure.Cause)
    {
        Status = failure.Status,
        ServiceCode = failure.ServiceCode,
        TrackingId = failure.TrackingId,
        RetryAfter = failure.RetryAfter,
    };

    // Wrong use of the pipeline is a bug of ours and passes through; so does the caller's own cancellation.
    private static bool IsOutage(Exception failed, CancellationToken cancel) => failed switch
    {
        OperationCanceledException => !cancel.IsCancellationRequested,
        ArgumentException or InvalidOperationException or NotSupportedException => false,
        _ => true,
    };

    // Nothing arrives without a token, or without a connection.
    private static bool Arrived(HttpMessage message, Exception failed)
    {
        if (!SentMark.Of(message)) return false;
        for (var cause = failed; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }) return false;
        }

        return true;
    }

    private static string? Unquoted(ETag? etag) => etag?.ToString("G") is { Length: > 0 } text ? text : null;

    private static string? Header(Response response, string name) => response.Headers.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    private readonly record struct Attempt(ServiceReply? Reply, Failure? Failure);

    private sealed record Failure(string Reason, bool Ambiguous, bool Transient, TimeSpan RetryAfter, Exception? Cause = null)
    {
        public int Status { get; init; }

        public string ServiceCode { get; init; } = "";

        public string TrackingId { get; init; } = "";
    }

    private sealed class PipelineOptions : ClientOptions;
}
