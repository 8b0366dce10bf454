using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Serverless.Hosting.Tests;

public class HttpEdgeTests
{
    private static readonly byte[] Body = Encoding.ASCII.GetBytes(new string('x', HttpServer.BytesMax));

    [Fact]
    public async Task A_request_the_host_forwards_arrives_as_the_client_sent_it()
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Edge.Replay(Recording.Load("forwarding/forwarded-http.txt"), header: (name, sent) => name == "Host" ? "127.0.0.1:7173" : sent);
        Assert.Equal((200, "9 1 7"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_body_of_the_greatest_size_is_read_and_one_byte_more_is_body_too_large()
    {
        await using var server = await HttpServer.Start();
        var token = server.Tenant.Token([Role.DeviceEnroll]);
        var last = await server.Post("/api/devices", token, $"Content-Length: {Body.Length}\r\n", Body);
        Assert.Equal((200, "64 bytes"), (last.Status, last.Body));
        var first = await server.Post("/api/devices", token, $"Content-Length: {Body.Length + 1}\r\n", [.. Body, 1]);
        Assert.Equal((413, "body-too-large"), (first.Status, first.Code));
        var lastChunked = await server.Post("/api/devices", token, "Transfer-Encoding: chunked\r\n", RawHttp.Chunked(Body, 10));
        Assert.Equal((200, "64 bytes"), (lastChunked.Status, lastChunked.Body));
        var chunked = await server.Post("/api/devices", token, "Transfer-Encoding: chunked\r\n", RawHttp.Chunked([.. Body, 1], 10));
        Assert.Equal((413, "body-too-large"), (chunked.Status, chunked.Code));
    }

    [Theory]
    [InlineData("/api/devices", true, 413)]
    [InlineData("/api/devices", false, 401)]
    [InlineData("/api/nothing", true, 404)]
    public async Task A_caller_that_is_refused_while_it_sends_is_not_cut_off(string path, bool known, int status)
    {
        var body = new byte[8 * 1024 * 1024]; // more than the sockets between the two hold
        await using var server = await HttpServer.Start();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Edge.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        var bearer = known ? $"Authorization: Bearer {server.Tenant.Token([Role.DeviceEnroll])}\r\n" : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: x\r\n{bearer}Content-Length: {body.Length}\r\n\r\n"), TestContext.Current.CancellationToken);
        Assert.Equal(status, (await RawHttp.Receive(stream)).Status);
        await stream.WriteAsync(body, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_body_lost_on_the_way_is_refused_instead_of_read_as_empty()
    {
        await using var server = await HttpServer.Start();
        var token = server.Tenant.Token([Role.DeviceEnroll]);
        var none = await server.Post("/api/devices", token, "", []);
        Assert.Equal((411, "body-length-missing"), (none.Status, none.Code));
        var empty = await server.Post("/api/devices", token, "Content-Length: 0\r\n", []);
        Assert.Equal((400, "body-missing"), (empty.Status, empty.Code));
        var chunked = await server.Post("/api/devices", token, "Transfer-Encoding: chunked\r\n", RawHttp.Chunked([]));
        Assert.Equal((400, "body-missing"), (chunked.Status, chunked.Code));
    }

    [Fact]
    public async Task A_body_that_dribbles_in_is_body_too_slow()
    {
        await using var server = await HttpServer.Start();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Edge.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /api/devices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.Tenant.Token([Role.DeviceEnroll])}\r\nContent-Length: 10\r\n\r\nab"), TestContext.Current.CancellationToken);
        var answer = await RawHttp.Receive(stream);
        Assert.Equal((408, "body-too-slow"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Headers_without_measure_are_refused_by_the_server()
    {
        await using var server = await HttpServer.Start();
        var huge = await server.Get("/api/fleet", null, $"X-Huge: {new string('a', 40_000)}\r\n");
        Assert.Equal(431, huge.Status);
        var many = await server.Get("/api/fleet", null, string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: 1\r\n")));
        Assert.Equal(431, many.Status);
    }

    [Fact]
    public async Task A_problem_says_code_where_and_trace_and_nothing_of_the_request()
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Get("/api/unread/%3Cscript%3E?x=<script>", server.Tenant.Token(), "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
        Assert.Equal(404, answer.Status);
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);
        var problem = JsonDocument.Parse(answer.Body).RootElement;
        Assert.Equal("""{"type":"about:blank","title":"Not Found","status":404,"code":"incident-unknown","where":"id","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}""", problem.GetRawText());
        Assert.DoesNotContain("Server", answer.Headers.Keys);
    }

    [Fact]
    public async Task An_outage_is_503_and_a_bug_500_without_a_word_of_the_exception()
    {
        await using var server = await HttpServer.Start();
        var outage = await server.Get("/api/outage", server.Tenant.Token());
        Assert.Equal((503, "outage", "5"), (outage.Status, outage.Code, outage.Headers["Retry-After"]));
        var bug = await server.Get("/api/bug", server.Tenant.Token());
        Assert.Equal((500, "bug"), (bug.Status, bug.Code));
        Assert.DoesNotContain("stack", outage.Body + bug.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", Assert.Single(server.Edge.Logged(1021)).GetRawText(), StringComparison.Ordinal);
        Assert.Single(server.Edge.Logged(1022));
    }

    [Fact]
    public async Task What_nobody_answers_is_a_problem_too()
    {
        await using var server = await HttpServer.Start();
        var token = server.Tenant.Token([Role.DeviceEnroll]);
        var unknown = await server.Get("/api/nothing", token);
        Assert.Equal((404, "path-unknown"), (unknown.Status, unknown.Code));
        var method = await server.Get("/api/devices", token);
        Assert.Equal((405, "method-unsupported", "POST"), (method.Status, method.Code, method.Headers["Allow"]));
        var outside = await server.Get("/metrics", token);
        Assert.Equal((404, "path-unknown"), (outside.Status, outside.Code));
    }

    [Theory]
    [InlineData("/api/unread/a%2fb")]
    [InlineData("/api/unread/a%5Cb")]
    [InlineData("/api/unread/%2e")]
    [InlineData("/api/unread/%01")]
    [InlineData("/api/unread/%2")]
    [InlineData("/api/unread/%25")]
    [InlineData("/api//fleet")]
    [InlineData("/api/./fleet")]
    [InlineData("/api/x/../fleet")]
    [InlineData("/api/fleet/..")]
    public async Task A_path_has_one_spelling(string path)
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Get(path, server.Tenant.Token([Role.FleetRead]));
        Assert.Equal((400, "path-form"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task One_callers_flood_is_429_with_Retry_After_and_costs_another_caller_nothing()
    {
        await using var server = await HttpServer.Start(null, "--Rates:RequestsPerMinute=6", "--Rates:Burst=3");
        var flood = server.Tenant.Token(caller: "33333333-3333-3333-3333-333333333333");
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await server.Get("/api/anyone", flood)).Status);
        var refused = await server.Get("/api/anyone", flood);
        Assert.Equal((429, "rate-limited"), (refused.Status, refused.Code));
        Assert.InRange(int.Parse(refused.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture), 1, 10);
        Assert.Equal(200, (await server.Get("/api/anyone", server.Tenant.Token())).Status);
    }

    [Fact]
    public async Task The_OpenAPI_document_is_served_to_everyone_and_lists_the_routes_with_their_roles()
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Get("/api/openapi.json", null, "Connection: close\r\n");
        Assert.Equal(200, answer.Status);
        var document = JsonDocument.Parse(answer.Body).RootElement;
        Assert.StartsWith("3.", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var enroll = document.GetProperty("paths").GetProperty("/api/devices").GetProperty("post");
        Assert.Contains(Role.DeviceEnroll, enroll.GetProperty("description").GetString(), StringComparison.Ordinal);
        Assert.Contains("403", enroll.GetProperty("responses").EnumerateObject().Select(answer => answer.Name));
        Assert.DoesNotContain("app.example.net", answer.Body, StringComparison.Ordinal); // the caller's Host
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("entra").GetProperty("scheme").GetString());
    }
}
