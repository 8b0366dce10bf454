using System.Net;
using System.Net.Sockets;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.Processes;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>One life of the handler process: started, polled until it answers, watched until it ends.</summary>
internal sealed class HandlerProcess : IAsyncDisposable
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(25); // as the real host

    private readonly ChildProcess _child;

    private HandlerProcess(ChildProcess child, int port)
    {
        _child = child;
        Client = new HandlerClient(port);
    }

    public HandlerClient Client { get; }

    public int ProcessId => _child.Id;

    public Task<int> Exited => _child.Exited;

    public string Tail => _child.Tail;

    /// <summary>A TCP port that is free now; another program may take it before the handler does, which then dies and is restarted.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public static HandlerProcess Start(string title, AppFolder app, IReadOnlyDictionary<string, string> environment, int port, Action<bool, string> onLine)
    {
        var folder = Path.GetFullPath(Path.Combine(app.Folder, app.Host.WorkingFolder));
        var beside = Path.Combine(folder, app.Host.ExecutablePath);
        if (OperatingSystem.IsWindows() && !File.Exists(beside) && File.Exists(beside + ".exe")) beside += ".exe";
        var file = File.Exists(beside) ? beside : Tool.Find(app.Host.ExecutablePath);
        if (file is null) throw new LocalCloudException($"{title}: host.json names the executable '{app.Host.ExecutablePath}', which is neither in {folder} nor on the PATH");
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & UnixFileMode.UserExecute) == 0)
        {
            throw new LocalCloudException($"{title}: {file} is not executable (chmod +x)");
        }

        var spec = new ChildSpec(title, file, app.Host.Arguments) { WorkingFolder = folder, Environment = environment, CleanEnvironment = true };
        return new HandlerProcess(ChildProcess.Start(spec, onLine), port);
    }

    /// <summary>Polls <c>GET /</c> until any answer at all.</summary>
    /// <returns>Whether it answered; not, if it ended or the time was up.</returns>
    public async Task<bool> WaitReady(TimeSpan timeout, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        while (!Exited.IsCompleted)
        {
            try
            {
                await Client.Ping(limit.Token).ConfigureAwait(false);
                return true;
            }
            catch (HttpRequestException)
            {
                await Task.WhenAny(Exited, Task.Delay(PollEvery, cancel)).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return false;
            }

            if (limit.IsCancellationRequested) return false;
        }

        return false;
    }

    public void Kill() => _child.Kill();

    public async ValueTask DisposeAsync()
    {
        await _child.DisposeAsync().ConfigureAwait(false); // no drain message: the real host kills, too
        Client.Dispose();
    }
}
