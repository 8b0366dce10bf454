using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Serverless.Local.FunctionsHost.Handler;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>The bytes on the socket, head included, against the recordings.</summary>
public partial class WireTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_readiness_probe_is_the_recorded_one()
    {
        var wire = await Sent(async client => await client.Ping(Cancel));
        Assert.Equal(Recording.Normal(Recording.Of("ping-1").Head), Recording.Normal(wire.Head));
    }

    [Fact]
    public async Task A_trigger_request_has_the_recorded_head_and_a_chunked_body()
    {
        var body = new HostText().Raw("{}"u8);
        var wire = await Sent(async client => await client.Post("tick", Guid.Parse("a23e41f8-71d2-4089-b7fc-c89fb701cef6"), body, Cancel));
        Assert.Equal(Recording.Normal(Recording.Of("tick-1").Head), Recording.Normal(wire.Head));
        Assert.Equal("2\r\n{}\r\n0\r\n\r\n", wire.Body);
    }

    private static async Task<(string Head, string Body)> Sent(Func<HandlerClient, Task> send)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new HandlerClient(((IPEndPoint)listener.LocalEndpoint).Port);
        var sending = send(client);
        using var peer = await listener.AcceptTcpClientAsync(Cancel);
        var text = new StringBuilder();
        var buffer = new byte[8192];
        while (!Whole().IsMatch(text.ToString())) text.Append(Encoding.UTF8.GetString(buffer, 0, await peer.GetStream().ReadAsync(buffer, Cancel)));
        await peer.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"u8.ToArray(), Cancel);
        await sending;
        var end = text.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return (text.ToString()[..end].Replace("\r\n", "\n", StringComparison.Ordinal), text.ToString()[(end + 4)..]);
    }

    [GeneratedRegex(@"^(GET [\s\S]*\r\n\r\n|POST [\s\S]*\r\n0\r\n\r\n)$")]
    private static partial Regex Whole();
}
