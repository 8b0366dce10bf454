using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Serverless.Benchmarks.ColdStart;

/// <summary>Starts a handler as the Functions host does and waits for its first answer.</summary>
internal static class FirstAnswer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // the host's own

    /// <summary>Time from before the process exists to the first byte answered to GET /. The process is killed afterwards.</summary>
    public static async Task<TimeSpan> Measure(string executable)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(executable) { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(executable)! };
        start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = port.ToString(CultureInfo.InvariantCulture);
        start.Environment["AZURE_CLIENT_ID"] = "00000000-0000-0000-0000-000000000001"; // nothing connects before the first event
        start.Environment["EventHubs__fullyQualifiedNamespace"] = "localhost:5671";
        start.Environment["Storage__blobServiceUri"] = "https://localhost/";
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        try
        {
            while (Stopwatch.GetElapsedTime(began) < Patience && !process.HasExited)
            {
                if (await Answers(port).ConfigureAwait(false)) return Stopwatch.GetElapsedTime(began);
                await Task.Delay(1).ConfigureAwait(false);
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync().ConfigureAwait(false);
        }

        throw new InvalidOperationException($"the handler did not start: {await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false)}");
    }

    private static async Task<bool> Answers(int port)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port).ConfigureAwait(false);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"u8.ToArray()).ConfigureAwait(false);
            return await socket.ReceiveAsync(new byte[256]).ConfigureAwait(false) > 0;
        }
        catch (SocketException)
        {
            return false; // not listening yet
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
