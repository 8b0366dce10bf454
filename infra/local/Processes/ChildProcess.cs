using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Serverless.Local.Processes;

/// <summary>A child process that never outlives us, not even when we are killed with SIGKILL.</summary>
/// <remarks><para>How: on Unix the child starts through a shell that first forks a watcher, then becomes the child by <c>exec</c>, so
/// that the process id and the exit code are the child's own. The watcher reads a pipe whose only writer is this process. A line means
/// the child is gone and the watcher may go too; end of file means that we are gone, and the watcher kills the child and deletes its
/// scratch folder. (<c>PR_SET_PDEATHSIG</c> is bound to the thread that forked, and thread-pool threads end.)</para>
/// <para>Ctrl-C in a terminal reaches the whole process group; the child ignores it, because its end is ours to decide.
/// On Windows there is no watcher: a killed parent leaves the child behind.</para>
/// <para>Thread-safe.</para></remarks>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int TailLinesMax = 20;

    private const string Watcher = """
        scratch=$1; shift
        exec 3<&0
        ( trap '' INT TERM HUP
          read -r _ <&3 || { kill -9 $$; if [ -n "$scratch" ]; then sleep 0.2; rm -rf -- "$scratch"; fi; }
        ) </dev/null >/dev/null 2>&1 &
        exec 3<&-
        trap '' INT
        exec "$@" </dev/null
        """;

    private const int Terminate = 15; // SIGTERM

    private readonly Process _process;
    private readonly Task _output;
    private readonly Queue<string> _tail = new();
    private readonly Action<bool, string>? _onLine;

    private ChildProcess(string title, Process process, Action<bool, string>? onLine)
    {
        Title = title;
        _process = process;
        _onLine = onLine;
        Id = process.Id;
        _output = Task.WhenAll(Pump(process.StandardOutput, false), Pump(process.StandardError, true));
        Exited = WaitForExit();
    }

    /// <summary>How messages name it.</summary>
    public string Title { get; }

    /// <summary>Process id.</summary>
    public int Id { get; }

    /// <summary>Completes with the exit code, after the last line was read.</summary>
    public Task<int> Exited { get; }

    /// <summary>The last lines it wrote, oldest first, joined.</summary>
    public string Tail
    {
        get
        {
            lock (_tail) return string.Join(Environment.NewLine, _tail.Select(line => "    " + line));
        }
    }

    /// <summary>Starts a child.</summary>
    /// <param name="spec">What to start.</param>
    /// <param name="onLine">Gets each line: whether it came from stderr, and the line. Called on pool threads, one line of a stream
    /// after the other.</param>
    /// <exception cref="LocalCloudException">The program cannot be started.</exception>
    public static ChildProcess Start(ChildSpec spec, Action<bool, string>? onLine = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = spec.WorkingFolder ?? Environment.CurrentDirectory,
        };
        if (OperatingSystem.IsWindows())
        {
            start.FileName = spec.File;
        }
        else
        {
            start.FileName = "/bin/sh";
            foreach (var argument in new[] { "-c", Watcher, "sh", spec.Scratch ?? "", spec.File }) start.ArgumentList.Add(argument);
        }

        foreach (var argument in spec.Arguments) start.ArgumentList.Add(argument);
        ChildEnvironment.Apply(spec, start.Environment);
        try
        {
            return new ChildProcess(spec.Title, Process.Start(start)!, onLine);
        }
        catch (Win32Exception error)
        {
            throw new LocalCloudException($"{spec.Title} cannot be started ({spec.File}): {error.Message}", error);
        }
    }

    /// <summary>Kills the child if it still runs, and waits until it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted) _process.Kill();
        await Exited.ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>Asks the child to end (SIGTERM) and waits for it; kills it when the time is up. On Windows it is killed at once.</summary>
    /// <param name="grace">How long it may take.</param>
    public async Task Stop(TimeSpan grace)
    {
        if (!OperatingSystem.IsWindows() && !Exited.IsCompleted) _ = Signal(Id, Terminate);
        else Kill();
        await Task.WhenAny(Exited, Task.Delay(grace)).ConfigureAwait(false);
        Kill();
        await Exited.ConfigureAwait(false);
    }

    /// <summary>Kills the child at once (SIGKILL), without waiting.</summary>
    public void Kill()
    {
        if (!Exited.IsCompleted) _process.Kill();
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);

    private async Task<int> WaitForExit()
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await _output.ConfigureAwait(false);
        try
        {
            // The pipe is the watcher's: a line tells it that the child is gone, so that it kills nobody who got the same id since.
            await _process.StandardInput.WriteLineAsync().ConfigureAwait(false);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // No watcher any more: somebody killed it too. Nothing is left to release.
        }

        return _process.ExitCode;
    }

    private async Task Pump(StreamReader reader, bool isError)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (_tail)
            {
                _tail.Enqueue(line);
                if (_tail.Count > TailLinesMax) _tail.Dequeue();
            }

            _onLine?.Invoke(isError, line);
        }
    }
}
