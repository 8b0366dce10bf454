using System.Reflection;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.Hosting.Tests;

public class LogTests
{
    [Fact]
    public void An_entry_is_one_line_of_JSON_with_its_id_and_fields()
    {
        using var output = new MemoryStream();
        using var logs = new JsonLogs(output, new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)));
        Log.BatchTaken(logs.CreateLogger("Serverless.Test"), "Ingest", 7, "telemetry", "3", 1, 2.5);
        Log.RequestRefused(logs.CreateLogger("Serverless.Test"), "POST api/x", "a\nb\u2028\"c", 400, "x", "y");
        var lines = EdgeServer.Lines(output);
        Assert.Equal(2, lines.Count);
        Assert.Equal(
            """{"at":"2026-01-02T03:04:05Z","level":"debug","id":1010,"event":"BatchTaken","category":"Serverless.Test","message":"Ingest took 7 events of telemetry/3, retry 1, in 2.5 ms","fields":{"Function":"Ingest","Events":7,"Hub":"telemetry","Partition":"3","Retry":1,"ElapsedMs":2.5}}""",
            lines[0].GetRawText());
        Assert.Equal("a\nb\u2028\"c", lines[1].GetProperty("fields").GetProperty("Caller").GetString()); // escaped: still one line
    }

    [Fact]
    public void Event_ids_are_unique_and_in_the_edges_own_range()
    {
        var ids = typeof(Log).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToArray();
        Assert.True(ids.Length > 10);
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(ids, id => Assert.InRange(id, 1000, 1099));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("GET https://x.example/api?code=secret failed", "GET https://x.example/api?… failed")]
    [InlineData("'https://a.example/?sig=1' and \"https://b.example/c?sig=2\".", "'https://a.example/?…' and \"https://b.example/c?…\".")]
    [InlineData("what? https://x.example/y is down?", "what? https://x.example/y is down?")]
    [InlineData("amqps://ns.example/hub?x=1", "amqps://ns.example/hub?…")]
    [InlineData("://", "://")]
    public void Queries_of_URLs_never_reach_a_log(string text, string expect) => Assert.Equal(expect, Redacted.Queries(text));

    [Fact]
    public void Exceptions_are_logged_with_their_stack_and_without_queries()
    {
        using var output = new MemoryStream();
        using var logs = new JsonLogs(output, TimeProvider.System);
        Log.InvocationFailed(logs.CreateLogger("Serverless.Test"), new IOException("https://x.example/?sig=secret"), "Ingest");
        var text = Encoding.UTF8.GetString(output.ToArray());
        Assert.Contains("System.IO.IOException", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }
}
