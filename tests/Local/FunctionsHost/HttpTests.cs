using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Serverless.Local.Tests.Storage;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.FunctionsHost;

public class HttpTests(StorageFixture storage)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_level_opens_to_its_keys_and_to_no_other()
    {
        await using var app = new ProbeApp()
            .Function("Open", ProbeApp.AnyHttp)
            .Function("Keyed", ProbeApp.AnyHttp.Replace("anonymous", "function", StringComparison.Ordinal))
            .Function("Other", ProbeApp.AnyHttp.Replace("anonymous", "function", StringComparison.Ordinal))
            .Function("Root", ProbeApp.AnyHttp.Replace("anonymous", "admin", StringComparison.Ordinal));
        foreach (var name in new[] { "Open", "Keyed", "Root" }) app.Mode(name, """output:{"statusCode":200,"body":"in"}""");
        await using var host = await app.Start(storage);
        Assert.Equal(200, await Get(host, "Open", null));
        Assert.Equal(401, await Get(host, "Keyed", null));
        Assert.Equal(401, await Get(host, "Keyed", "guess"));
        Assert.Equal(401, await Get(host, "Keyed", host.FunctionKeys["Other"]));
        Assert.Equal(200, await Get(host, "Keyed", host.FunctionKeys["Keyed"]));
        Assert.Equal(200, await Get(host, "Keyed", host.MasterKey));
        Assert.Equal(401, await Get(host, "Root", host.FunctionKeys["Keyed"]));
        Assert.Equal(200, await Get(host, "Root", host.MasterKey));
        Assert.Equal(200, await Get(host, "Keyed?code=" + Uri.EscapeDataString(host.FunctionKeys["Keyed"]), null));
        Assert.Equal(404, await Get(host, "Nobody", host.MasterKey));
        Assert.Empty(app.Requests("Nobody"));
        Assert.Equal(3 + 1, app.Requests("Keyed").Count + app.Requests("Open").Count); // what was refused never reached the handler
    }

    [Fact]
    public async Task Keys_stay_the_same_from_start_to_start()
    {
        await using var app = new ProbeApp().Function("Keyed", ProbeApp.AnyHttp.Replace("anonymous", "function", StringComparison.Ordinal));
        string key;
        string master;
        await using (var host = await app.Start(storage)) (key, master) = (host.FunctionKeys["Keyed"], host.MasterKey);
        await using var again = await app.Start(storage);
        Assert.Equal((key, master), (again.FunctionKeys["Keyed"], again.MasterKey));
    }

    [Fact]
    public async Task In_default_mode_the_handler_gets_the_recorded_request()
    {
        await using var app = new ProbeApp().Function("hello", ProbeApp.AnyHttp.Replace("\"authLevel\"", "\"route\":\"hello/{id?}\",\"authLevel\"", StringComparison.Ordinal));
        app.Mode("hello", """output:{"statusCode":201,"headers":{"x-a":"b"},"body":{"when":"x"}}""");
        await using var host = await app.Start(storage);
        var answer = await Raw(host.Address, """
            POST /api/hello/42?a=1&a=2&b=x HTTP/1.1
            Host: {host}
            User-Agent: curl/7.88.1
            Accept: */*
            Content-Type: application/json
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
            tracestate: x=y
            Content-Length: 15

            {"k":"v","n":1}
            """);
        var expected = Recording.Of("hello-1");
        Assert.Equal(Recording.Normal(expected.Body), Recording.Normal(WithoutConnection((await app.Wait("hello", 1))[0].Body)));
        Assert.StartsWith("HTTP/1.1 201", answer, StringComparison.Ordinal);
        Assert.Contains("x-a: b", answer, StringComparison.Ordinal);
        Assert.EndsWith("{\n  \"when\": \"x\"\n}", answer.Replace("\r", "", StringComparison.Ordinal).TrimEnd('0', '\n'), StringComparison.Ordinal);

        await Raw(host.Address, "GET /api/hello HTTP/1.1\nHost: {host}\nAccept: */*\n\n");
        Assert.Contains("\"Params\":{\"id\":null}", app.Requests("hello")[1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_forwarding_mode_the_handler_gets_the_recorded_request_and_its_answer_passes_unchanged()
    {
        await using var app = new ProbeApp().Forwarding().Function("fwd", ProbeApp.AnyHttp.Replace("\"authLevel\"", "\"route\":\"v1/fwd/{id}\",\"authLevel\"", StringComparison.Ordinal));
        app.Mode("9", "plain:418");
        await using var host = await app.Start(storage);
        var answer = await Raw(host.Address, """
            POST /api/v1/fwd/9?q=1 HTTP/1.1
            Host: {host}
            User-Agent: curl/7.88.1
            Accept: */*
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
            x-custom: y
            Content-Type: application/json
            Content-Length: 7

            {"a":1}
            """);
        Assert.StartsWith("HTTP/1.1 418", answer, StringComparison.Ordinal);
        Assert.Contains("x-from: probe", answer, StringComparison.Ordinal);
        Assert.Contains("as it is", answer, StringComparison.Ordinal);
        var expected = Recording.Of("forwarding/forwarded-http");
        var got = (await app.Wait("9", 1))[0];
        Assert.Equal(expected.Head.Split('\n')[0], got.Line);
        Assert.Equal(expected.Body, got.Body);
        var headers = expected.Head.Split('\n').Skip(1).Select(Recording.Normal).Order(StringComparer.Ordinal);
        Assert.Equal(headers, got.Headers.Select(item => Recording.Normal($"{item.Key}: {item.Value}")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_chunked_request_loses_its_body_in_default_mode_and_is_a_500_in_forwarding_mode()
    {
        const string Chunked = "POST /api/echo HTTP/1.1\nHost: {host}\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n";
        await using var plain = new ProbeApp().Function("echo", ProbeApp.AnyHttp);
        plain.Mode("echo", """output:{"statusCode":200,"body":""}""");
        await using (var host = await plain.Start(storage)) await Raw(host.Address, Chunked);
        Assert.False(plain.Requests("echo")[0].Json.GetProperty("Data").GetProperty("req").TryGetProperty("Body", out _));

        await using var forwarding = new ProbeApp().Forwarding().Function("echo", ProbeApp.AnyHttp);
        await using (var host = await forwarding.Start(storage)) Assert.StartsWith("HTTP/1.1 500", await Raw(host.Address, Chunked), StringComparison.Ordinal);
        Assert.Empty(forwarding.Requests("echo"));
    }

    [Theory]
    [InlineData("status:404", 500)]
    [InlineData("text", 500)]
    [InlineData("broken", 500)]
    [InlineData("crash", 500)]
    [InlineData("ok", 200)]
    [InlineData("output:\"text\"", 500)]
    [InlineData("""output:{"statusCode":"409","body":"x"}""", 409)]
    [InlineData("""output:{"statusCode":"many","body":"x"}""", 200)]
    [InlineData("""output:{"status":202,"body":"x"}""", 202)]
    [InlineData("""output:{"statusCode":200,"headers":{"a":["b"]},"body":"x"}""", 500)]
    public async Task An_answer_in_default_mode_counts_as_the_real_host_counts_it(string mode, int expected)
    {
        await using var app = new ProbeApp().Function("Any", ProbeApp.AnyHttp);
        app.Mode("Any", mode);
        await using var host = await app.Start(storage);
        Assert.Equal(expected, await Get(host, "Any", null));
    }

    [Fact]
    public async Task Methods_select_the_function_and_a_client_reaches_no_trigger_path()
    {
        await using var app = new ProbeApp().Forwarding()
            .Function("List", ProbeApp.AnyHttp.Replace("\"authLevel\"", "\"route\":\"things\",\"methods\":[\"get\"],\"authLevel\"", StringComparison.Ordinal))
            .Function("Add", ProbeApp.AnyHttp.Replace("\"authLevel\"", "\"route\":\"things\",\"methods\":[\"post\"],\"authLevel\"", StringComparison.Ordinal))
            .Function("Tick", """{"type":"timerTrigger","name":"timer","direction":"in","schedule":"0 0 0 1 1 *"}""");
        await using var host = await app.Start(storage);
        using var http = new HttpClient { BaseAddress = host.Address };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/api/things", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.PostAsync("/api/things", new StringContent("x"), Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.DeleteAsync("/api/things", Cancel)).StatusCode);
        foreach (var path in new[] { "/Tick", "/api/Tick", "/api/../Tick", "/api/%2e%2e/Tick", "/api/things/../../Tick", "//Tick" })
        {
            var answer = await Raw(host.Address, $"POST {path} HTTP/1.1\nHost: {{host}}\nContent-Length: 2\n\n{{}}");
            Assert.StartsWith("HTTP/1.1 404", answer, StringComparison.Ordinal);
        }

        Assert.Empty(app.Requests("Tick"));
        Assert.Equal(2, app.Requests("things").Count);
    }

    [Fact]
    public async Task The_admin_addresses_need_the_master_key()
    {
        await using var app = new ProbeApp().Function("Tick", """{"type":"timerTrigger","name":"timer","direction":"in","schedule":"0 0 0 1 1 *"}""");
        await using var host = await app.Start(storage);
        using var http = new HttpClient { BaseAddress = host.Address };
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/admin/host/status", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.PostAsync("/admin/functions/Tick", null, Cancel)).StatusCode);
        http.DefaultRequestHeaders.Add("x-functions-key", host.MasterKey);
        using var status = JsonDocument.Parse(await http.GetStringAsync("/admin/host/status", Cancel));
        Assert.Equal("Running", status.RootElement.GetProperty("state").GetString());
        Assert.Equal(HttpStatusCode.Accepted, (await http.PostAsync("/admin/functions/Tick", null, Cancel)).StatusCode);
        await app.Wait("Tick", 1);
    }

    [Fact]
    public async Task An_app_can_be_served_over_https()
    {
        using var certificate = storage.Authority.IssueServer();
        await using var app = new ProbeApp().Forwarding().Function("Open", ProbeApp.AnyHttp);
        await using var host = await app.Start(storage, change: options => options with { Certificate = certificate });
        Assert.Equal("https", host.Address.Scheme);
        using var http = new HttpClient(LocalTrust.Handler(storage.Authority)) { BaseAddress = host.Address };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/api/Open", Cancel)).StatusCode);
    }

    private static async Task<int> Get(Local.FunctionsHost.FunctionsHost host, string path, string? key)
    {
        using var http = new HttpClient { BaseAddress = host.Address };
        if (key is not null) http.DefaultRequestHeaders.Add("x-functions-key", key);
        using var answer = await http.GetAsync("/api/" + path, Cancel);
        return (int)answer.StatusCode;
    }

    /// <summary>curl kept the connection; the raw client of these tests says that it closes it.</summary>
    private static string WithoutConnection(string body) => body
        .Replace("\"Connection\":[\"close\"],", "", StringComparison.Ordinal)
        .Replace("\"Connection\":\"close\",", "", StringComparison.Ordinal);

    /// <summary>Sends a request as written and reads the whole answer.</summary>
    private static async Task<string> Raw(Uri address, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, address.Port, Cancel);
        var end = request.IndexOf("\n\n", StringComparison.Ordinal);
        var head = request[..end].Replace("{host}", address.Authority, StringComparison.Ordinal) + "\nConnection: close\n\n";
        var isChunked = head.Contains("chunked", StringComparison.Ordinal);
        var body = isChunked ? request[(end + 2)..].Replace("\n", "\r\n", StringComparison.Ordinal) : request[(end + 2)..].TrimEnd('\n');
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head.Replace("\n", "\r\n", StringComparison.Ordinal) + body), Cancel);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync(Cancel);
    }
}
