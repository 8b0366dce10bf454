using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.FunctionsHost.Handler;
using Serverless.Local.FunctionsHost.Http;
using Serverless.Local.FunctionsHost.Timers;
using Serverless.Local.Processes;
using Serverless.Local.Tls;

namespace Serverless.Local.FunctionsHost;

/// <summary>The Azure Functions host for custom handlers, on this machine: runs one function app as published.</summary>
/// <remarks>Its requests to the handler have the shape of the real host's to the byte, its failures too: see README.md. Thread-safe.</remarks>
public sealed class FunctionsHost : IAsyncDisposable
{
    private readonly FunctionsHostOptions _options;
    private readonly AppFolder _app;
    private readonly HttpMessageHandler _transport;
    private readonly CancellationTokenSource _stop = new();
    private readonly HostMetrics _metrics = new();
    private readonly List<Task> _listeners = [];
    private readonly List<IEventHubSource> _sources = [];
    private readonly Dictionary<string, TimerListener> _timers = new(StringComparer.OrdinalIgnoreCase);
    private HttpFront? _front;
    private HandlerSupervisor? _supervisor;
    private KeyRing? _keys;
    private bool _disposed;

    private FunctionsHost(FunctionsHostOptions options, AppFolder app)
    {
        _options = options;
        _app = app;
        _transport = LocalTrust.Handler(options.Authority);
    }

    /// <summary>Where HTTP functions answer, below the route prefix.</summary>
    public Uri Address => _front!.Address;

    /// <summary>The handler's process id; 0 while none runs.</summary>
    public int HandlerProcessId => _supervisor!.ProcessId;

    /// <summary>How often the handler was started again.</summary>
    public int HandlerRestarts => _supervisor!.Restarts;

    /// <summary>Opens every function and the admin addresses. Secret.</summary>
    public string MasterKey => _keys!.MasterKey;

    /// <summary>Keys of functions with level <c>function</c>, by name. Secret.</summary>
    public IReadOnlyDictionary<string, string> FunctionKeys => _keys!.FunctionKeys;

    /// <summary>What host.json and function.json say that has no effect here.</summary>
    public IReadOnlyList<string> Notices => _app.Notices;

    /// <summary>Completes only if the host gave up by itself, with what to tell the person.</summary>
    public Task<LocalCloudException> Died => _supervisor!.GaveUp;

    /// <summary>What each function did so far.</summary>
    public IReadOnlyList<FunctionFigures> Figures => _metrics.Snapshot();

    /// <summary>Starts an app and returns when its handler answers.</summary>
    /// <param name="options">Which app, and around it.</param>
    /// <param name="cancel">Cancels the start; nothing is left behind.</param>
    /// <exception cref="LocalCloudException">The app is malformed, or its handler does not start.</exception>
    public static async Task<FunctionsHost> Start(FunctionsHostOptions options, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        var host = new FunctionsHost(options, AppFolder.Read(options.AppFolder, options.AppSettings));
        try
        {
            await host.StartAll(cancel).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops listeners, gives partitions up, kills the handler.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_listeners).ConfigureAwait(false);
        foreach (var source in _sources) await source.DisposeAsync().ConfigureAwait(false);
        if (_front is not null) await _front.DisposeAsync().ConfigureAwait(false);
        if (_supervisor is not null) await _supervisor.DisposeAsync().ConfigureAwait(false);
        _transport.Dispose();
        _stop.Dispose();
    }

    private async Task StartAll(CancellationToken cancel)
    {
        foreach (var notice in _app.Notices) _options.Log.Notice(_options.Name, notice);
        var functions = new TaskCompletionSource<HttpFunctions>(TaskCreationOptions.RunContinuationsAsynchronously);
        _front = await HttpFront.Start(_app, _options, functions.Task, cancel).ConfigureAwait(false);
        _supervisor = new HandlerSupervisor(_app, _options, _front.Address);
        var blobs = new BlobServiceClient(
            _options.BlobServiceUri, _options.Credential, new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(_transport, disposeHandler: false)) });
        var loading = KeyRing.Load(blobs.GetBlobContainerClient(KeyRing.Container), _options.Name, _app.Functions, cancel);
        await _supervisor.Start(cancel).ConfigureAwait(false);
        _keys = await loading.ConfigureAwait(false);
        var invoker = new Invoker(_options, _app, _supervisor, _metrics);
        functions.SetResult(new HttpFunctions(_app, invoker, _keys, _supervisor, RunNow));
        foreach (var function in _app.Functions.Where(function => !function.IsDisabled)) Listen(function, invoker, blobs);
        _listeners.Add(StopWhenHandlerGaveUp());
    }

    private void Listen(FunctionDefinition function, Invoker invoker, BlobServiceClient blobs)
    {
        switch (function.Trigger)
        {
            case TimerTrigger:
                var hosts = blobs.GetBlobContainerClient("azure-webjobs-hosts");
                var timer = new TimerListener(
                    _options, function, invoker, new ScheduleMonitor(hosts, _options.Name, function.Name), new TimerLock(hosts, _options.Name, function.Name, _options.Clock));
                _timers[function.Name] = timer;
                _listeners.Add(Task.Run(() => timer.Run(_stop.Token), CancellationToken.None));
                break;
            case EventHubTrigger trigger:
                var source = _options.EventHubs?.Invoke(trigger.Connection, trigger.Hub, trigger.ConsumerGroup)
                    ?? AmqpEventHubSource.Open(
                        _options.AppSettings, trigger.Connection, trigger.Hub, trigger.ConsumerGroup, _options.Credential, _options.Authority, _options.Clock);
                _sources.Add(source);
                var ledger = new PartitionLedger(
                    blobs.GetBlobContainerClient(PartitionLedger.Container), source.FullyQualifiedNamespace, trigger.Hub, trigger.ConsumerGroup, HostIdentity.NewId().ToString());
                var listener = new EventHubListener(
                    new PumpContext(_options, _app.Host.EventHubs, function, trigger, source, ledger, invoker, _metrics.Of(function.Name)));
                _listeners.Add(Task.Run(() => listener.Run(_stop.Token), CancellationToken.None));
                break;
        }
    }

    private bool RunNow(string function)
    {
        if (!_timers.TryGetValue(function, out var timer)) return false;
        _ = Task.Run(() => timer.RunNow(_stop.Token), CancellationToken.None); // its failure is logged and counted where it runs
        return true;
    }

    /// <summary>A dead handler takes no events: without this, every batch would fail and its checkpoint move on.</summary>
    private async Task StopWhenHandlerGaveUp()
    {
        await Task.WhenAny(_supervisor!.GaveUp, Task.Delay(Timeout.Infinite, _stop.Token)).ConfigureAwait(false);
        if (_supervisor.GaveUp.IsCompleted) await _stop.CancelAsync().ConfigureAwait(false);
    }
}
