using System.Globalization;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.Processes;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>Keeps one handler process alive: starts, restarts after a crash, gives up after three. Thread-safe.</summary>
internal sealed class HandlerSupervisor : IAsyncDisposable
{
    private readonly AppFolder _app;
    private readonly FunctionsHostOptions _options;
    private readonly Uri _front;
    private readonly Guid _workerId = HostIdentity.NewId();
    private readonly Strikes _strikes;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<LocalCloudException> _gaveUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<HandlerProcess> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile HandlerProcess? _current;
    private volatile HandlerProcess? _killed; // by us, on a timeout: no strike
    private Task _life = Task.CompletedTask;

    public HandlerSupervisor(AppFolder app, FunctionsHostOptions options, Uri front)
    {
        _app = app;
        _options = options;
        _front = front;
        _strikes = new Strikes(options.Clock, options.HandlerDeathsMax);
    }

    /// <summary>Completes when the host must stop, with what to tell the person.</summary>
    public Task<LocalCloudException> GaveUp => _gaveUp.Task;

    /// <summary>The process that runs now, 0 if none.</summary>
    public int ProcessId => _current?.ProcessId ?? 0;

    /// <summary>Times a handler was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Starts the first process and returns when it answers.</summary>
    /// <exception cref="LocalCloudException">It cannot be started, or gave up.</exception>
    public async Task Start(CancellationToken cancel)
    {
        _life = Task.Run(Live, CancellationToken.None);
        var first = await Task.WhenAny(_ready.Task, GaveUp).WaitAsync(cancel).ConfigureAwait(false);
        if (first == GaveUp) throw await GaveUp.ConfigureAwait(false);
    }

    /// <summary>The process that is ready; waits while one is being started.</summary>
    /// <exception cref="OperationCanceledException">The host stopped meanwhile.</exception>
    public async Task<HandlerProcess> Ready(CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _stop.Token);
        return await Volatile.Read(ref _ready).Task.WaitAsync(either.Token).ConfigureAwait(false);
    }

    /// <summary>Kills a process that ran into functionTimeout; a new one follows. All its other calls in flight fail: a trap.</summary>
    public void Restart(HandlerProcess process)
    {
        if (_current != process) return;
        _killed = process;
        process.Kill();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _life.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Live()
    {
        try
        {
            for (var starts = 0; !_stop.IsCancellationRequested; starts++)
            {
                if (starts > 0) Restarts++;
                await OneLife(_stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped: the process is gone, see OneLife.
        }
        catch (LocalCloudException error)
        {
            _options.Log.HostStops(_options.Name, error.Message);
            _gaveUp.TrySetResult(error);
            await _stop.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task OneLife(CancellationToken cancel)
    {
        var began = _options.Clock.GetTimestamp();
        var port = HandlerProcess.FreePort(); // a new one each time: a port that another program took would kill every restart
        var environment = HandlerEnvironment.For(_app, _options, _front, port, _workerId);
        await using var process = HandlerProcess.Start($"handler of {_options.Name}", _app, environment, port, Say);
        _current = process;
        try
        {
            if (await process.WaitReady(_options.InitializationTimeout, cancel).ConfigureAwait(false))
            {
                _options.Log.HandlerReady(_options.Name, process.ProcessId, (long)_options.Clock.GetElapsedTime(began).TotalMilliseconds);
                _ready.TrySetResult(process);
            }
            else
            {
                process.Kill();
            }

            var code = await process.Exited.WaitAsync(cancel).ConfigureAwait(false);
            if (_killed == process) return;
            var mustStop = _strikes.Add();
            _options.Log.HandlerDied(_options.Name, process.ProcessId, code, _strikes.Count, _strikes.Max, (int)Strikes.Window.TotalMinutes);
            if (mustStop)
            {
                throw new LocalCloudException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"the handler of {_options.Name} ended {_strikes.Max} times within {Strikes.Window.TotalMinutes:0} minutes, last with code {code}. Its last lines:{Environment.NewLine}{process.Tail}"));
            }
        }
        finally
        {
            _current = null;
            if (_ready.Task.IsCompleted) Volatile.Write(ref _ready, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
    }

    private void Say(bool isError, string line)
    {
        if (isError) _options.Log.HandlerComplained(_options.Name, line);
        else _options.Log.HandlerSaid(_options.Name, line);
    }
}
