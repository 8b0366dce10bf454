using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>A function app as a custom handler of Azure Functions: a table of contents of its settings, services and functions.</summary>
/// <example><code>
/// var app = FunctionApp.Create(args, "telemetry");
/// app.Settings&lt;TelemetrySettings&gt;();
/// app.Settings&lt;ManagedIdentity&gt;();
/// app.Services.AddSingleton(services => new EventHubSender(services.GetRequiredService&lt;EventHubsSettings&gt;(), …));
/// app.EventHub("IngestTelemetry", (batch, invocation, services, cancel) => …);
/// return await app.Run();
/// </code></example>
/// <remarks>Not thread-safe; used once. Listens on 127.0.0.1 and the port the host chose, whatever other settings say, since the host's
/// own settings are inherited by this process.</remarks>
public sealed class FunctionApp
{
    private const int PortMax = 65_535;
    private const int RequestBytesMax = 1024 * 1024; // for HTTP functions that read without ReadBounded

    private readonly WebApplicationBuilder _builder;
    private readonly string _name;
    private readonly List<Action<IServiceProvider>> _settings = [];
    private readonly Dictionary<string, TriggerFunction> _triggers = new(StringComparer.Ordinal);
    private readonly List<Action<IEndpointRouteBuilder>> _routes = [];
    private Action<WebApplication> _http = NoHttp;

    private FunctionApp(WebApplicationBuilder builder, string name)
    {
        _builder = builder;
        _name = name;
    }

    /// <summary>The app's services. <see cref="TimeProvider"/> and loggers are there already.</summary>
    public IServiceCollection Services => _builder.Services;

    /// <summary>Environment variables (<c>Section__Name</c>), overridden by command-line arguments (<c>--Section:Name=value</c>).</summary>
    public IConfiguration Configuration => _builder.Configuration;

    /// <summary>Where log lines go; stdout when null.</summary>
    internal Stream? LogOutput { get; set; }

    /// <summary>Starts the description of an app.</summary>
    /// <param name="args">Command-line arguments: settings, for tests and local use.</param>
    /// <param name="name">The app's name in logs, traces and metrics.</param>
    public static FunctionApp Create(string[] args, string name)
    {
        // Empty on purpose: the slim builder would take listening addresses from settings and stack-trace pages from the environment.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = name, EnvironmentName = Environments.Production });
        builder.Configuration.AddEnvironmentVariables().AddCommandLine(args);
        builder.Configuration.AddInMemoryCollection([new("urls", ""), new("http_ports", ""), new("https_ports", ""), new("preferHostingUrls", "false")]);
        builder.Logging.AddFilter(null, LogLevel.Warning).AddFilter("Serverless", LogLevel.Information)
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.Critical); // a failed start is told once, by Run
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Meters>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        var app = new FunctionApp(builder, name);
        builder.Services.AddSingleton<ILoggerProvider>(services => new JsonLogs(app.LogOutput ?? Console.OpenStandardOutput(), services.GetRequiredService<TimeProvider>()));
        return app;
    }

    /// <summary>Declares settings: read and checked before the app starts, then a singleton <typeparamref name="T"/> and
    /// <see cref="IOptions{TOptions}"/>.</summary>
    /// <typeparam name="T">The settings record.</typeparam>
    public FunctionApp Settings<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>()
        where T : class, ISettings<T>
    {
        Services.TryAddSingleton(services => T.Read(new SettingsReader(services.GetRequiredService<IConfiguration>(), T.Section)));
        Services.TryAddSingleton(services => Options.Create(services.GetRequiredService<T>()));
        _settings.Add(services => services.GetRequiredService<T>());
        return this;
    }

    /// <summary>Maps an Event Hubs trigger, whose function.json says <c>cardinality: many</c> and <c>dataType: binary</c>.</summary>
    /// <param name="function">The function's folder name, case as it is.</param>
    /// <param name="handler">Handles a batch.</param>
    /// <param name="limits">Bounds of a batch; <see cref="EventBatchLimits.Default"/> when null.</param>
    public FunctionApp EventHub(string function, EventBatchHandler handler, EventBatchLimits? limits = null) =>
        Trigger(new EventHubFunction(function, handler, limits ?? EventBatchLimits.Default));

    /// <summary>Maps a timer trigger.</summary>
    /// <param name="function">The function's folder name, case as it is.</param>
    /// <param name="handler">Handles a tick.</param>
    public FunctionApp Timer(string function, TimerHandler handler) => Trigger(new TimerFunction(function, handler));

    /// <summary>Maps HTTP functions. Their routes begin with <c>api/</c>; every one needs a valid token unless it says otherwise, and
    /// roles by <see cref="Role.RequireRole"/>. Makes <see cref="EntraSettings"/> and <see cref="RateSettings"/> settings of the app.</summary>
    /// <param name="map">Maps routes.</param>
    public FunctionApp Http(Action<IEndpointRouteBuilder> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (_routes.Count == 0)
        {
            Settings<EntraSettings>();
            Settings<RateSettings>();
            Services.AddSingleton<CallerRates>();
            Services.AddRoutingCore();
            Bearer.Add(Services);
            ApiDocument.Add(Services, _name);
            _http = WithHttp; // only here, so that an app without HTTP functions is published without all of this
        }

        _routes.Add(map);
        return this;
    }

    /// <summary>Runs until the host or Ctrl-C stops the process.</summary>
    /// <param name="cancel">Stops it too.</param>
    /// <returns>The process's exit code: 0; or 1 after one log line that says which setting is wrong or why the port cannot be had.</returns>
    public async Task<int> Run(CancellationToken cancel = default)
    {
        try
        {
            await using var app = await Start(cancel).ConfigureAwait(false);
            await app.WaitForShutdownAsync(cancel).ConfigureAwait(false);
            return 0;
        }
        catch (SettingException refusal)
        {
            Complain(log => Log.SettingRefused(log, refusal.Message));
        }
        catch (OptionsValidationException refusal)
        {
            Complain(log => Log.SettingRefused(log, refusal.Message));
        }
        catch (IOException failure)
        {
            Complain(log => Log.StartFailed(log, _name, failure.Message));
        }

        return 1;
    }

    /// <summary>Checks settings, builds and starts.</summary>
    internal async Task<WebApplication> Start(CancellationToken cancel)
    {
        // 0 takes any free port, for tests; the host never sends it.
        var port = new SettingsReader(Configuration, "").Int32("FUNCTIONS_CUSTOMHANDLER_PORT", "TCP port, set by the Functions host", 0, PortMax);
        _builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Listen(options, port));
        Otlp.Add(_builder, _name);
        var app = _builder.Build();
        try
        {
            foreach (var check in _settings) check(app.Services);
            Pipeline(app);
            await app.StartAsync(cancel).ConfigureAwait(false);
            Log.Ready(app.Services.GetRequiredService<ILogger<FunctionApp>>(), _name, _triggers.Count, _routes.Count);
            return app;
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static void Listen(KestrelServerOptions options, int port)
    {
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = RequestBytesMax;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private void Pipeline(WebApplication app)
    {
        var services = app.Services;
        var edge = new TriggerEdge(
            _triggers.ToDictionary(trigger => "/" + trigger.Key, trigger => trigger.Value, StringComparer.Ordinal),
            services.GetRequiredService<ILogger<FunctionApp>>(),
            services.GetRequiredService<Meters>(),
            services.GetRequiredService<TimeProvider>());
        app.Use(edge.Invoke);
        app.Use(HttpEdge.Invoke);
        _http(app);
    }

    private void WithHttp(WebApplication app)
    {
        app.UseRouting();
        app.UseAuthentication();
        app.Use(app.Services.GetRequiredService<CallerRates>().Invoke);
        app.UseAuthorization();
        foreach (var map in _routes) map(app);
        ApiDocument.Map(app);
    }

    private static void NoHttp(WebApplication app) =>
        app.Use((HttpContext context, RequestDelegate _) => Answer.RefuseNow(context, new Fault("path-unknown", "path")));

    private FunctionApp Trigger(TriggerFunction function)
    {
        if (!_triggers.TryAdd(function.Name, function)) throw new InvalidOperationException($"function {function.Name} is mapped twice");
        return this;
    }

    /// <summary>Writes one log line when there is no host to ask for a logger.</summary>
    private void Complain(Action<ILogger> write)
    {
        using var logs = new JsonLogs(LogOutput ?? Console.OpenStandardOutput(), TimeProvider.System);
        write(logs.CreateLogger(typeof(FunctionApp).FullName!));
    }
}
