using System.Net;
using System.Text;
using Azure.Core;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.ReleaseCommand.Commands;
using Serverless.FirmwareSigning.ReleaseCommand.Online;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>Answers that a broken or hostile service may give.</summary>
public class ApiTests
{
    [Theory]
    [InlineData(403, """{"status":403,"code":"approval-person-forbidden","where":"person","trace":"1"}""", "approval-person-forbidden")]
    [InlineData(404, """{"code":"release-unknown","where":"id"}""", "release-unknown")]
    [InlineData(404, "<html>not here</html>", "api-refused")]
    [InlineData(409, "{}", "api-refused")]
    [InlineData(400, "{\"code\":\"\\u001b[2J\"}", "api-refused")] // a code is one of ours or none
    [InlineData(302, "", "api-refused")] // nobody is followed elsewhere with our token
    [InlineData(200, "{}", "api-answer")]
    [InlineData(200, "<html>welcome</html>", "api-answer")]
    [InlineData(200, "null", "api-answer")]
    [InlineData(200, """{"roles":[],"roles":[]}""", "api-answer")]
    [InlineData(200, """{"roles":[],"unheard":1}""", "api-answer")]
    public async Task A_refusal_keeps_its_code_and_nonsense_has_one(int status, string body, string expected) =>
        Assert.Equal(expected, (await Client((_, _) => Answer(status, body)).Metadata(Bench.Cancel)).Fault?.Code);

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_busy_service_is_asked_four_times_and_then_it_is_an_outage(int status)
    {
        var asked = 0;
        await Assert.ThrowsAsync<ApiOutageException>(() => Client((_, _) => Answer(status, "", ref asked)).Metadata(Bench.Cancel));
        Assert.Equal(4, asked);
    }

    [Theory]
    [InlineData("gw100@1.0.0", null)]
    [InlineData("gw100@1.1.0", "api-answer")]
    [InlineData("gw100@1.0.0~withdrawal", "api-answer")]
    public async Task Another_release_than_asked_for_is_no_answer(string asked, string? code)
    {
        var body = new ReleaseBody(
            "gw100@1.0.0", ReleaseKind.Release, "gw100", "1.0.0", "two-person", ReleaseState.Proposed, null, null, "3f0c", "2026-03-01T00:00:00Z", null, null, null, null, null, null, null, null, null);
        var client = Client((_, _) => Answer(200, Encoding.UTF8.GetString(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(body, ReleaseApiJson.Default.ReleaseBody))));
        Assert.Equal(code, (await client.Show(asked, Bench.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Pages_without_end_are_not_followed()
    {
        var asked = 0;
        var client = Client((request, _) => request.RequestUri!.AbsolutePath switch
        {
            "/api/metadata" => Answer(200, """{"roles":[]}"""),
            "/api/products" => Answer(200, """{"products":[]}"""),
            _ => Answer(200, """{"releases":[],"next":"gw100@1.0.0"}""", ref asked),
        });
        Assert.Equal("api-answer", (await ReleaseCommands.Overview(client, null, Bench.Day0, Bench.Cancel)).Fault?.Code);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_lost_connection_is_tried_again_with_the_same_body()
    {
        var bodies = new List<string>();
        var client = Client((_, body) =>
        {
            bodies.Add(body);
            return bodies.Count < 3 ? throw new HttpRequestException("reset") : Answer(200, """{"timestampVersion":2,"snapshotVersion":3}""");
        });
        Assert.Equal(new MetadataPublishedBody(2, 3), (await client.Publish(new MetadataChangeBody(Root: "AA=="), Bench.Cancel)).TryGet(out var done, out _) ? done : null);
        Assert.Equal(3, bodies.Count);
        Assert.Single(bodies.Distinct());
    }

    [Fact]
    public async Task An_answer_is_read_up_to_8_MiB_and_no_further()
    {
        var full = """{"roles":[]}""".PadRight(8 * 1024 * 1024);
        Assert.Null((await Client((_, _) => Answer(200, full)).Metadata(Bench.Cancel)).Fault);
        await Assert.ThrowsAsync<ApiOutageException>(() => Client((_, _) => Answer(200, full + " ")).Metadata(Bench.Cancel));
    }

    [Fact]
    public async Task Ids_are_one_segment_of_the_path_and_the_token_is_the_apis_own()
    {
        var seen = new List<(string Url, string? Token)>();
        var client = Client((request, _) =>
        {
            seen.Add((request.RequestUri!.OriginalString, request.Headers.Authorization?.ToString()));
            return Answer(404, "");
        });
        await client.Show("gw100@1.0.0~withdrawal/../../admin", Bench.Cancel);
        Assert.Equal(("https://api.example/api/releases/gw100%401.0.0~withdrawal%2F..%2F..%2Fadmin", "Bearer for api://serverless/.default"), Assert.Single(seen));
    }

    private static ReleasesClient Client(Func<HttpRequestMessage, string, HttpResponseMessage> answer) =>
        new(new HttpClient(new Stub(answer)), new Uri("https://api.example/"), new Named(), "api://serverless/.default", new Hasty());

    private static HttpResponseMessage Answer(int status, string body) => new((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Answer(int status, string body, ref int asked)
    {
        asked++;
        return Answer(status, body);
    }

    private sealed class Stub(Func<HttpRequestMessage, string, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            answer(request, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken));
    }

    private sealed class Named : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new("for " + requestContext.Scopes.Single(), DateTimeOffset.MaxValue);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
    }

    // Waits between tries are over at once; the minutes that bound a try are not.
    private sealed class Hasty : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime <= TimeSpan.FromMinutes(1) && dueTime >= TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }
}
