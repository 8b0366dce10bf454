using System.Text;

namespace Serverless.Hosting.Tests;

/// <summary>Attacks on trigger routes: only the host itself may start a trigger, whatever path a client makes it forward.</summary>
public class TriggerDoorTests
{
    private const string Function = "ehmanybin";
    private static readonly Recording Batch = Recording.Load("eventhub-standin/ehmanybin-1.txt");

    public static TheoryData<string> PathTricks() =>
    [
        "/api/ehmanybin", "/api/../ehmanybin", "/api/%2e%2e/ehmanybin", "/api/%2E%2E/ehmanybin", "/api/.%2e/ehmanybin", "/api/x/../../ehmanybin",
        "/api/%2e%2e%2fehmanybin", "/api/..%2fehmanybin", "/api/..%5cehmanybin", "/api/..\\ehmanybin", "/api/%252e%252e/ehmanybin",
        "/api//ehmanybin", "//ehmanybin", "/./ehmanybin", "/ehmanybin/", "/ehmanybin/.", "/ehmanybin?x=1", "/ehmanybin?", "/ehmanybin#x",
        "/%65hmanybin", "/ehmanybi%6e", "/EHMANYBIN", "/Ehmanybin", "/api/../API/../ehmanybin", "http://127.0.0.1/ehmanybin", "http://127.0.0.1/api/../ehmanybin",
        "/api/..;/ehmanybin", "/api/%00/../ehmanybin", "/api/.../../ehmanybin", "/..%2f..%2fehmanybin", "/api%2f..%2fehmanybin", "*",
    ];

    [Theory]
    [MemberData(nameof(PathTricks))]
    public async Task No_spelling_but_the_hosts_own_reaches_a_trigger(string target)
    {
        var reached = false;
        await using var server = await Server(() => reached = true);
        var answer = await server.Replay(Batch, target);
        Assert.False(reached);
        Assert.InRange(answer.Status, 400, 499);
        Assert.DoesNotContain("ehmanybin", answer.Body, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("User-Agent", "curl/7.88.1 Azure-Functions-Host/4.1037.0.0")] // how the host marks what it forwards
    [InlineData("User-Agent", "curl/7.88.1")]
    [InlineData("User-Agent", null)]
    [InlineData("Host", "app.example.net")] // forwarding keeps the client's Host
    [InlineData("Host", "127.0.0.1:1")]
    [InlineData("Content-Type", "text/plain")]
    [InlineData("Content-Type", null)]
    [InlineData("X-Azure-Functions-InvocationId", null)]
    [InlineData("X-Azure-Functions-InvocationId", "1")]
    public async Task A_request_that_is_not_shaped_like_the_hosts_is_turned_away(string header, string? value)
    {
        var reached = false;
        await using var server = await Server(() => reached = true);
        var answer = await server.Replay(Batch, header: (name, sent) => name == header ? value : sent);
        Assert.False(reached);
        Assert.Equal((404, "path-unknown"), (answer.Status, answer.Code));
        Assert.StartsWith("host-", Assert.Single(server.Logged(1015)).GetProperty("fields").GetProperty("Code").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Forwarded-For: 203.0.113.9", "host-forwarded")]
    [InlineData("Forwarded: for=203.0.113.9", "host-forwarded")]
    [InlineData("Authorization: Bearer x", "host-forwarded")]
    [InlineData("X-Original-URL: https://app.example.net/api/x", "host-forwarded")]
    [InlineData("X-Azure-Functions-InvocationId: 7f36ef0c-c044-4c6b-a87c-26b67d0930fd", "host-invocation-id")] // a second one
    public async Task Headers_the_host_never_sends_to_a_trigger_give_a_forwarded_request_away(string extra, string code)
    {
        var reached = false;
        await using var server = await Server(() => reached = true);
        var answer = await server.Replay(Batch, header: (name, sent) => name == "User-Agent" ? $"{sent}\r\n{extra}" : sent);
        Assert.False(reached);
        Assert.Equal(404, answer.Status);
        Assert.Equal(code, Assert.Single(server.Logged(1015)).GetProperty("fields").GetProperty("Code").GetString());
    }

    [Theory]
    [InlineData("GET", "host-method")]
    [InlineData("PUT", "host-method")]
    [InlineData("OPTIONS", "host-method")]
    public async Task A_trigger_takes_POST_only(string method, string code)
    {
        var reached = false;
        await using var server = await Server(() => reached = true);
        Assert.Equal(404, (await server.Replay(Batch with { Method = method })).Status);
        Assert.False(reached);
        Assert.Equal(code, Assert.Single(server.Logged(1015)).GetProperty("fields").GetProperty("Code").GetString());
    }

    [Fact]
    public async Task The_media_type_of_the_host_is_JSON()
    {
        await using var server = await Server(() => { });
        await server.Replay(Batch, header: (name, sent) => name == "Content-Type" ? "application/xml" : sent);
        Assert.Equal("host-media-type", Assert.Single(server.Logged(1015)).GetProperty("fields").GetProperty("Code").GetString());
    }

    [Fact]
    public async Task A_refusal_of_the_server_itself_shows_no_server_header_and_no_stack()
    {
        await using var server = await Server(() => { });
        var answer = await RawHttp.Send(server.Port, "GET /<script>alert(1)</script> HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", Encoding.ASCII.GetBytes(""));
        Assert.InRange(answer.Status, 400, 404);
        Assert.DoesNotContain("Server", answer.Headers.Keys);
        Assert.DoesNotContain("script", answer.Body, StringComparison.Ordinal);
    }

    private static Task<EdgeServer> Server(Action reached) => EdgeServer.Start(app => app.EventHub(Function, (_, _, _, _) =>
    {
        reached();
        return Task.CompletedTask;
    }));
}
