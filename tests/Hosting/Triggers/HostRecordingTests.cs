using System.Text.Json;

namespace Serverless.Hosting.Tests;

/// <summary>Every recorded request of the real host, sent over a socket, and what must be answered (custom-handler protocol).</summary>
public class HostRecordingTests
{
    [Fact]
    public async Task The_readiness_probe_is_answered_at_once_without_a_token()
    {
        await using var server = await EdgeServer.Start(_ => { });
        var answer = await server.Replay(Recording.Load("ping-1.txt"));
        Assert.Equal(200, answer.Status);
        Assert.Equal("{}", answer.Body);
    }

    [Fact]
    public async Task A_recorded_batch_reaches_its_handler_and_is_answered_with_a_json_object()
    {
        (string Function, Guid Id, int Count, long First) seen = default;
        await using var server = await EdgeServer.Start(app => app.EventHub("ehmanybin", (batch, invocation, _, _) =>
        {
            seen = (invocation.Function, invocation.Id, batch.Count, batch[0].SequenceNumber);
            return Task.CompletedTask;
        }));
        var answer = await server.Replay(Recording.Load("eventhub-standin/ehmanybin-1.txt"));

        Assert.Equal(("ehmanybin", Guid.Parse("7f36ef0c-c044-4c6b-a87c-26b67d0930fd"), 4, 41L), seen);
        AssertHandled(answer);
        Assert.Equal("{}", answer.Body);
    }

    [Theory]
    [InlineData("tick-1.txt")]
    [InlineData("tick-2.txt")]
    [InlineData("tick-3.txt")]
    public async Task A_recorded_timer_tick_reaches_its_handler(string name)
    {
        TimerTick? seen = null;
        await using var server = await EdgeServer.Start(app => app.Timer("tick", (tick, _, _, _) =>
        {
            seen = tick;
            return Task.CompletedTask;
        }));
        AssertHandled(await server.Replay(Recording.Load(name)));
        Assert.Equal(new TimerTick(false, null), seen);
    }

    [Fact]
    public async Task Notes_come_back_as_the_hosts_log_lines()
    {
        await using var server = await EdgeServer.Start(app => app.Timer("tick", (_, invocation, _, _) =>
        {
            invocation.Note("renewed \"3\" of 4");
            return Task.CompletedTask;
        }));
        var answer = await server.Replay(Recording.Load("tick-1.txt"));
        AssertHandled(answer);
        Assert.Equal("""{"Logs":["renewed \u00223\u0022 of 4"]}""", answer.Body);
    }

    [Fact]
    public async Task An_outage_answers_500_so_that_the_retry_policy_applies_and_the_next_call_is_served()
    {
        var calls = 0;
        await using var server = await EdgeServer.Start(app => app.EventHub("ehretry", (batch, _, _, _) =>
            ++calls < 3 ? throw new IOException("https://store.example/x?sig=secret is down") : Task.CompletedTask));
        for (var @try = 1; @try < 3; @try++)
        {
            var failed = await server.Replay(Recording.Load($"eventhub-standin/ehretry-{@try}.txt"));
            Assert.Equal(500, failed.Status);
            Assert.Equal("application/problem+json", failed.Headers["Content-Type"]);
            Assert.Equal("outage", failed.Code);
            Assert.DoesNotContain("store.example", failed.Body, StringComparison.Ordinal);
        }

        AssertHandled(await server.Replay(Recording.Load("eventhub-standin/ehretry-3.txt")));
        var logged = server.Logged(1012).ToArray();
        Assert.Equal(2, logged.Length);
        Assert.Equal("102cd318-3a4b-4825-b4e0-3aa050d50f7a", logged[0].GetProperty("invocation").GetString());
        Assert.Equal("ehretry", logged[0].GetProperty("function").GetString());
        Assert.DoesNotContain("secret", logged[0].GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bug_answers_500_and_is_logged_as_critical()
    {
        await using var server = await EdgeServer.Start(app => app.Timer("tick", (_, _, _, _) => throw new InvalidOperationException("impossible")));
        var answer = await server.Replay(Recording.Load("tick-1.txt"));
        Assert.Equal((500, "bug"), (answer.Status, answer.Code));
        Assert.Equal("critical", Assert.Single(server.Logged(1013)).GetProperty("level").GetString());
    }

    [Fact]
    public async Task A_faulted_event_does_not_fail_its_batch()
    {
        var faults = 0;
        await using var server = await EdgeServer.Start(app => app.EventHub("ehmanystr", (batch, _, _, _) =>
        {
            faults = batch.FaultCount;
            return Task.CompletedTask;
        }));
        AssertHandled(await server.Replay(Recording.Load("eventhub-standin/ehmanystr-1.txt")));
        Assert.Equal(4, faults);
        Assert.Equal("event-base64", Assert.Single(server.Logged(1014)).GetProperty("fields").GetProperty("Code").GetString());
    }

    [Theory] // forwarding switched off, or cardinality one: the app is deployed wrongly, and says so
    [InlineData("hello-1.txt", "envelope-type")]
    [InlineData("hello-2.txt", "envelope-type")]
    [InlineData("hello-3.txt", "envelope-type")]
    [InlineData("b64-1.txt", "envelope-type")]
    [InlineData("boom-1.txt", "envelope-type")]
    [InlineData("emptybody-1.txt", "envelope-type")]
    [InlineData("responses/chunked-inbound-no-body.txt", "envelope-type")]
    [InlineData("responses/with-appinsights-traceparent.txt", "envelope-type")]
    [InlineData("eventhub-standin/out-1.txt", "envelope-type")]
    [InlineData("eventhub-standin/spoof-1.txt", "envelope-type")]
    [InlineData("eventhub-standin/ehone-1.txt", "envelope-cardinality")]
    [InlineData("eventhub-standin/ehone-4.txt", "envelope-cardinality")]
    [InlineData("eventhub-standin/ehonebin-1.txt", "envelope-cardinality")]
    [InlineData("eventhub-standin/ehonestr-1.txt", "envelope-cardinality")]
    [InlineData("eventhub-standin/ehonestr-3.txt", "envelope-cardinality")]
    public async Task An_envelope_of_another_kind_is_refused_and_logged_as_the_hosts_bug(string name, string code)
    {
        var recording = Recording.Load(name);
        await using var server = await EdgeServer.Start(app => app.EventHub(recording.Target[1..], (_, _, _, _) => throw new InvalidOperationException("must not run")));
        var answer = await server.Replay(recording);
        Assert.Equal((500, code), (answer.Status, answer.Code));
        var logged = Assert.Single(server.Logged(1011));
        Assert.Equal("error", logged.GetProperty("level").GetString());
        Assert.Equal(code, logged.GetProperty("fields").GetProperty("Code").GetString());
    }

    [Fact]
    public async Task The_trace_goes_on_from_the_hosts_traceparent()
    {
        await using var server = await EdgeServer.Start(app => app.Timer("h_scalar", (_, _, _, _) => Task.CompletedTask));
        await server.Replay(Recording.Load("responses/with-appinsights-traceparent.txt"));
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", Assert.Single(server.Logged(1011)).GetProperty("trace").GetString());
    }

    [Fact]
    public async Task The_app_listens_on_loopback_only_whatever_the_hosts_own_settings_say()
    {
        // env.txt: the host's ASPNETCORE_URLS is inherited by the handler.
        await using var server = await EdgeServer.Start(
            _ => { }, "--urls=http://0.0.0.0:7171", "--ASPNETCORE_URLS=http://0.0.0.0:7171", "--http_ports=7172", "--preferHostingUrls=true", "--Kestrel:Endpoints:Web:Url=http://0.0.0.0:7173");
        Assert.Equal([$"http://127.0.0.1:{server.Port}"], server.Addresses);
    }

    [Fact]
    public void No_recording_is_left_without_a_test()
    {
        string[] answers = ["README.md", "env.txt", "eventhub-standin/eh-out.txt", "eventhub-standin/eh-results.txt", "eventhub-standin/param-types.txt"];
        var tests = string.Concat(Directory.EnumerateFiles(Path.Combine(Recording.Folder, "../../Hosting"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var untested = Directory.EnumerateFiles(Recording.Folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Recording.Folder, file).Replace('\\', '/'))
            .Except(answers)
            .Where(name => !tests.Contains(name, StringComparison.Ordinal) && !tests.Contains($"\"{Path.GetFileNameWithoutExtension(name)}\"", StringComparison.Ordinal))
            .ToArray();
        Assert.Empty(untested);
    }

    /// <summary>What the host takes for success: 200, application/json, and a body that is a JSON object. Empty would hang it.</summary>
    private static void AssertHandled(RawAnswer answer)
    {
        Assert.Equal(200, answer.Status);
        Assert.StartsWith("application/json", answer.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(answer.Body).RootElement.ValueKind);
    }
}
