using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Serverless.Hosting.Tests;

/// <summary>A function app on a free loopback port in this process, with its log lines at hand.</summary>
internal sealed class EdgeServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly MemoryStream _log;

    private EdgeServer(WebApplication app, MemoryStream log)
    {
        _app = app;
        _log = log;
        Addresses = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        Port = new Uri(Addresses.Single()).Port;
    }

    public int Port { get; }

    public IReadOnlyList<string> Addresses { get; }

    /// <summary>Log lines so far, each one JSON object.</summary>
    public IReadOnlyList<JsonElement> Log => Lines(_log);

    public static async Task<EdgeServer> Start(Action<FunctionApp> describe, params string[] args)
    {
        var log = new MemoryStream();
        var app = FunctionApp.Create(["--FUNCTIONS_CUSTOMHANDLER_PORT=0", .. args], "test");
        app.LogOutput = Stream.Synchronized(log);
        describe(app);
        return new EdgeServer(await app.Start(TestContext.Current.CancellationToken), log);
    }

    public static IReadOnlyList<JsonElement> Lines(MemoryStream log) =>
        [.. Encoding.UTF8.GetString(log.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public IEnumerable<JsonElement> Logged(int id) => Log.Where(line => line.GetProperty("id").GetInt32() == id);

    /// <summary>Sends a recorded request as the host would: same bytes, chunked, but for the port in Host.</summary>
    public Task<RawAnswer> Replay(Recording recording, string? target = null, Func<string, string, string?>? header = null)
    {
        var head = new StringBuilder($"{recording.Method} {target ?? recording.Target} HTTP/1.1\r\n");
        foreach (var (name, value) in recording.Headers)
        {
            var sent = name == "Host" ? $"127.0.0.1:{Port}" : value;
            sent = header is null ? sent : header(name, sent);
            if (sent is not null) head.Append(name).Append(": ").Append(sent).Append("\r\n");
        }

        var chunked = recording.Headers.Any(pair => pair.Name == "Transfer-Encoding");
        return RawHttp.Send(Port, head.Append("\r\n").ToString(), chunked ? RawHttp.Chunked(recording.Body) : recording.Body);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
