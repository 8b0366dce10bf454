using Azure.Core;

namespace Serverless.Rest.Tests;

public sealed class ServiceCallerTests : IDisposable
{
    private readonly FakeService _service = new();
    private readonly StaticCredential _credential = new();
    private readonly RateBudget _budget;
    private readonly List<IDisposable> _made = [];

    public ServiceCallerTests() => _budget = new RateBudget(1000, TimeSpan.FromMinutes(1), _service.Clock);

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task Transient_answers_are_tried_again(int status)
    {
        _service.Answer(status).Answer(status).Answer(200, "{}");
        var (reply, _) = await _service.Drive(Caller().Send(Call(Repeat.Harmless), "", Cancel));
        Assert.Equal((200, 3), (reply.Status, _service.Requests.Count));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(409)]
    [InlineData(412)]
    [InlineData(413)]
    [InlineData(415)]
    public async Task Refusals_are_not_tried_again(int status)
    {
        _service.Answer(status, """{"errorCode":404201,"trackingId":"track-1","message":"attacker's text"}""");
        var (reply, earlier) = await _service.Drive(Caller().Send(Call(Repeat.Guarded), "", Cancel));
        Assert.Equal((status, "404201", "track-1", false), (reply.Status, reply.ServiceCode, reply.TrackingId, earlier));
        Assert.Single(_service.Requests);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Mon, 23 Nov 2026 00:00:40 GMT", 40)]
    public async Task The_next_try_waits_as_long_as_the_service_asks(string header, int seconds)
    {
        _service.Answer(429, "", ("Retry-After", header)).Answer(200, "{}");
        var began = _service.Clock.GetUtcNow();
        await _service.Drive(Caller().Send(Call(Repeat.Read), "", Cancel));
        Assert.InRange((_service.Clock.GetUtcNow() - began).TotalSeconds, seconds, seconds + 2);
    }

    [Fact]
    public async Task A_throttled_service_is_left_alone_by_everybody_for_as_long_as_it_asked()
    {
        _service.Answer(429, "", ("Retry-After", "30")).Answer(200, "{}").Answer(200, "{}");
        var caller = Caller();
        var first = caller.Send(Call(Repeat.Read), "a", Cancel);
        await Task.WhenAny(first, Task.Delay(50, Cancel));
        var second = caller.Send(Call(Repeat.Read), "b", Cancel);
        Assert.Single(_service.Requests);
        Assert.Equal(0, _budget.Free);
        await _service.Drive(Task.WhenAll(first, second));
        Assert.Equal(3, _service.Requests.Count);
    }

    [Fact]
    public async Task A_wait_past_the_bound_is_an_outage_at_once_and_says_how_long()
    {
        _service.Answer(503, """{"errorCode":503001,"trackingId":"t 1"}""", ("Retry-After", "3600"));
        var outage = await Outage(Call(Repeat.Harmless));
        Assert.Equal(("unavailable", 503, "503001", "t 1", TimeSpan.FromHours(1), true), (outage.Reason, outage.Status, outage.ServiceCode, outage.TrackingId, outage.RetryAfter, outage.MayHaveLanded));
    }

    [Fact]
    public async Task Tries_end_at_the_bound()
    {
        _service.Otherwise = (_, _) => Task.FromResult(FakeService.Response(503, ""));
        var began = _service.Clock.GetUtcNow();
        var outage = await Outage(Call(Repeat.Read));
        Assert.Equal(("unavailable", false), (outage.Reason, outage.MayHaveLanded)); // a read never lands
        Assert.InRange((_service.Clock.GetUtcNow() - began).TotalSeconds, 30, 61);
        Assert.InRange(_service.Requests.Count, 6, 30);
    }

    // What is known of a write when the call fails: {answer or failure} and whether it may have landed.
    public static TheoryData<string, bool> Failures() => new()
    {
        { "429", false },
        { "401", false },
        { "403", false },
        { "500", true },
        { "503", true },
        { "connect", false },
        { "name", false },
        { "tls", false },
        { "reset", true },
        { "timeout", true },
        { "token", false },
        { "redirect", true },
        { "huge", true },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task An_outage_says_whether_the_write_may_have_landed(string failure, bool landed)
    {
        _service.Otherwise = (_, _) => failure switch
        {
            "connect" => throw new HttpRequestException(HttpRequestError.ConnectionError),
            "name" => throw new HttpRequestException(HttpRequestError.NameResolutionError),
            "tls" => throw new HttpRequestException(HttpRequestError.SecureConnectionError),
            "reset" => throw new HttpRequestException(HttpRequestError.ResponseEnded),
            "timeout" => throw new TaskCanceledException("the time of a try is over"),
            "redirect" => Task.FromResult(FakeService.Response(307, "", ("Location", "https://attacker.example/"))),
            "huge" => Task.FromResult(FakeService.Response(200, new string(' ', 1024 * 1024 + 1))),
            _ => Task.FromResult(FakeService.Response(int.Parse(failure, System.Globalization.CultureInfo.InvariantCulture), "")),
        };
        if (failure == "token") _credential.Failure = new IOException("no token to be had");

        var outage = await Outage(Call(Repeat.Harmless));

        Assert.Equal((failure, landed), (failure, outage.MayHaveLanded));
        Assert.DoesNotContain("attacker.example", _service.Requests.Select(request => request.Headers.GetValueOrDefault("Host")));
    }

    [Fact]
    public async Task One_try_without_an_answer_among_refused_ones_is_remembered()
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ResponseEnded));
        _service.Otherwise = (_, _) => Task.FromResult(FakeService.Response(429, ""));
        var outage = await Outage(Call(Repeat.Harmless));
        Assert.Equal(("throttled", true), (outage.Reason, outage.MayHaveLanded));
    }

    [Theory]
    [InlineData(409)]
    [InlineData(412)]
    public async Task A_guarded_write_that_is_refused_after_a_lost_answer_is_no_refusal(int status)
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ResponseEnded)).Answer(status);
        var outage = await Outage(Call(Repeat.Guarded));
        Assert.Equal(("outcome-unknown", true, status), (outage.Reason, outage.MayHaveLanded, outage.Status));
    }

    [Fact]
    public async Task A_refusal_after_a_try_that_never_left_is_a_refusal()
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ConnectionError)).Answer(409);
        var (reply, earlier) = await _service.Drive(Caller().Send(Call(Repeat.Guarded), "", Cancel));
        Assert.Equal((409, false), (reply.Status, earlier));
    }

    [Fact]
    public async Task What_must_not_happen_twice_is_repeated_only_when_it_cannot_have_arrived()
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ConnectionError)).Answer(429).Fail(new HttpRequestException(HttpRequestError.ResponseEnded));
        var outage = await Outage(Call(Repeat.Never));
        Assert.Equal(("unreachable", true, 3), (outage.Reason, outage.MayHaveLanded, _service.Requests.Count));
    }

    [Fact]
    public async Task Every_try_takes_a_place_of_the_share_and_a_spent_share_is_an_outage_that_landed_nowhere()
    {
        using var budget = new RateBudget(2, TimeSpan.FromHours(1), _service.Clock);
        _service.Answer(500).Answer(500);
        var outage = await Outage(Call(Repeat.Read, budget));
        Assert.Equal(("share-spent", 2), (outage.Reason, _service.Requests.Count));
        Assert.False((await Outage(Call(Repeat.Harmless, budget))).MayHaveLanded);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task An_answer_is_read_up_to_its_bound(int over)
    {
        var call = Call(Repeat.Read) with { AnswerBytesMax = 1000 };
        // Without a length, as a hostile peer would send it.
        _service.Then((_, _) => Task.FromResult(new HttpResponseMessage { Content = new StreamContent(new Endless(1000 + over)) }));
        if (over > 0) Assert.Equal("answer-too-large", (await Outage(call)).Reason);
        else Assert.Equal(1000, (await _service.Drive(Caller().Send(call, "", Cancel))).Reply.Body.Length);
    }

    [Fact]
    public async Task An_endless_error_page_costs_a_bound_and_no_more()
    {
        using var body = new Endless(long.MaxValue);
        _service.Then((_, _) => Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.BadRequest) { Content = new StreamContent(body) }));
        var (reply, _) = await _service.Drive(Caller().Send(Call(Repeat.Read), "", Cancel));
        Assert.Equal((400, ""), (reply.Status, reply.ServiceCode));
        Assert.InRange(body.Read_, 1, 2 * ServiceError.BytesMax);
    }

    [Theory]
    [InlineData("<html>502</html>")]
    [InlineData("[]")]
    [InlineData("{\"errorCode\":{},\"trackingId\":[1]}")]
    [InlineData("{\"errorCode\":\"<script>\",\"trackingId\":\"line\\nbreak\"}")]
    [InlineData("{\"errorCode\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}")]
    public async Task Codes_and_tracking_ids_are_taken_in_their_alphabet_or_not_at_all(string body)
    {
        _service.Answer(400, body);
        var (reply, _) = await _service.Drive(Caller().Send(Call(Repeat.Read), "", Cancel));
        Assert.Equal(("", ""), (reply.ServiceCode, reply.TrackingId));
    }

    [Fact]
    public async Task The_callers_own_cancellation_is_not_an_outage()
    {
        using var stop = new CancellationTokenSource();
        _service.Then(async (_, cancel) =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            throw new InvalidOperationException();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Caller().Send(Call(Repeat.Harmless), "", stop.Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("user@host")]
    [InlineData("host/path")]
    [InlineData("host?query")]
    public void A_host_is_a_host(string host) =>
        Assert.ThrowsAny<Exception>(() => new ServiceCaller(host, "scope", "1", _credential, _service.Clock, _service.Options));

    [Fact]
    public async Task A_token_is_asked_for_the_services_scope_and_goes_into_the_header_only()
    {
        _service.Answer(200, "{}");
        await _service.Drive(Caller().Send(Call(Repeat.Read), "", Cancel));
        Assert.Equal("scope/.default", _credential.Scope);
        var sent = Assert.Single(_service.Requests);
        Assert.Equal("Bearer token-of-ours", sent.Headers["Authorization"]);
        Assert.Equal("?api-version=2021-10-01", sent.Query);
    }

    public void Dispose()
    {
        foreach (var made in _made) made.Dispose();
        _budget.Dispose();
        _service.Dispose();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ServiceCaller Caller()
    {
        var caller = new ServiceCaller("service.example", "scope/.default", "2021-10-01", _credential, _service.Clock, _service.Options);
        _made.Add(caller);
        return caller;
    }

    private ServiceCall Call(Repeat repeat, RateBudget? budget = null) => new("thing-put", RequestMethod.Put, "things/1", budget ?? _budget, repeat);

    private Task<ServiceOutageException> Outage(ServiceCall call) => Assert.ThrowsAsync<ServiceOutageException>(() => _service.Drive(Caller().Send(call, "", Cancel)));

    private sealed class Endless(long length) : Stream
    {
        public long Read_ { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var got = (int)Math.Min(count, length - Read_);
            buffer.AsSpan(offset, got).Fill((byte)' ');
            Read_ += got;
            return got;
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
