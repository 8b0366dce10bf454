using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Serverless.Hosting.Tests;

/// <summary>Bad bodies on trigger routes: whatever comes, the process answers the next call.</summary>
public class TriggerBodyTests
{
    private static readonly Recording Batch = Recording.Load("eventhub-standin/ehmanybin-1.txt");

    [Fact]
    public async Task A_batch_over_the_byte_limit_is_413_and_the_next_one_is_read()
    {
        await using var server = await Server(new EventBatchLimits { WireBytesMax = Batch.Body.Length });
        var first = await server.Replay(Batch with { Body = [.. Batch.Body, (byte)' '] });
        Assert.Equal((413, "envelope-size"), (first.Status, first.Code));
        Assert.Equal("envelope-size", Assert.Single(server.Logged(1011)).GetProperty("fields").GetProperty("Code").GetString());
        Assert.Equal(200, (await server.Replay(Batch)).Status);
    }

    [Fact]
    public async Task A_hundred_megabytes_that_are_no_envelope_are_refused_and_the_next_batch_is_read()
    {
        var body = new byte[100 * 1024 * 1024];
        Array.Fill(body, (byte)'[');
        await using var server = await Server();
        var answer = await server.Replay(Batch with { Body = body });
        Assert.Equal((500, "envelope-syntax"), (answer.Status, answer.Code));
        Assert.Equal(200, (await server.Replay(Batch)).Status);
    }

    [Fact]
    public async Task A_body_that_is_cut_off_harms_nobody_else()
    {
        await using var server = await Server();
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, server.Port, TestContext.Current.CancellationToken);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Head(server.Port) + "ffff\r\n{\"Data\""), TestContext.Current.CancellationToken);
        }

        Assert.Equal(200, (await server.Replay(Batch)).Status);
        Assert.Empty(server.Logged(1013)); // not a bug
    }

    [Fact]
    public async Task Chunks_that_are_none_are_refused()
    {
        await using var server = await Server();
        var answer = await RawHttp.Send(server.Port, Head(server.Port), "zz\r\n{}\r\n0\r\n\r\n"u8.ToArray());
        Assert.Equal((400, "envelope-syntax"), (answer.Status, answer.Code));
        Assert.Equal(200, (await server.Replay(Batch)).Status);
    }

    [Fact]
    public async Task A_call_that_the_host_gives_up_is_cancelled()
    {
        var (entered, cancelled) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var server = await EdgeServer.Start(app => app.EventHub("ehmanybin", async (_, _, _, cancel) =>
        {
            entered.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, cancel);
            }
            finally
            {
                cancelled.SetResult();
            }
        }));
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, server.Port, TestContext.Current.CancellationToken);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Head(server.Port)).Concat(RawHttp.Chunked(Batch.Body)).ToArray(), TestContext.Current.CancellationToken);
            await entered.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private static string Head(int port) =>
        $"POST /ehmanybin HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Azure-Functions-InvocationId: 7f36ef0c-c044-4c6b-a87c-26b67d0930fd\r\nUser-Agent: Azure-Functions-Host/4.1037.0.0\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json; charset=utf-8\r\n\r\n";

    private static Task<EdgeServer> Server(EventBatchLimits? limits = null) =>
        EdgeServer.Start(app => app.EventHub("ehmanybin", (_, _, _, _) => Task.CompletedTask, limits));
}
