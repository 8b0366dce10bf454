using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Serverless.Local.FunctionsHost;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.Identity;
using Serverless.Local.Tests.Storage;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>A function app around tests/HostProbe, in a folder of its own, and what the probe wrote down.</summary>
internal sealed class ProbeApp : IAsyncDisposable
{
    public const string AnyHttp = """{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous"},{"type":"http","name":"res","direction":"out"}""";
    public const string Batch = """{"type":"eventHubTrigger","name":"events","direction":"in","eventHubName":"telemetry","consumerGroup":"functions","connection":"EventHubs","cardinality":"many","dataType":"binary"}""";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("serverless-probe-");
    private static int _count;

    public ProbeApp(string hostJson = "")
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"probe{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        Directory.CreateDirectory(AppFolder);
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(AppFolder, "host.json"), $$"""
            {
              "version": "2.0", // a comment, as people write them
              "customHandler": { "description": { "defaultExecutablePath": "%PROBE%" }, "enableForwardingHttpRequest": false },
              "functionTimeout": "00:00:20",
              {{hostJson}}
            }
            """);
    }

    public string Name { get; }

    public string AppFolder => Path.Combine(_root.FullName, "app");

    /// <summary>The probe's folder.</summary>
    public string Folder => Path.Combine(_root.FullName, "probe");

    public List<string> Log { get; } = [];

    public static string Executable =>
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../HostProbe", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "host-probe"));

    public ProbeApp Forwarding()
    {
        var file = Path.Combine(AppFolder, "host.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"enableForwardingHttpRequest\": false", "\"enableForwardingHttpRequest\": true", StringComparison.Ordinal));
        return this;
    }

    public ProbeApp Function(string name, string bindings, string more = "")
    {
        Directory.CreateDirectory(Path.Combine(AppFolder, name));
        File.WriteAllText(Path.Combine(AppFolder, name, "function.json"), $$"""{"bindings":[{{bindings}}]{{more}}}""");
        return this;
    }

    /// <summary>How the probe answers from now on.</summary>
    public void Mode(string function, string mode)
    {
        var path = Path.Combine(Folder, function + ".mode");
        File.WriteAllText(path + ".new", mode);
        File.Move(path + ".new", path, true);
    }

    public async Task<Local.FunctionsHost.FunctionsHost> Start(
        StorageFixture storage, IEventHubSource? events = null, TimeProvider? clock = null, Principal? principal = null, Func<FunctionsHostOptions, FunctionsHostOptions>? change = null)
    {
        var azurite = await storage.Storage();
        var options = new FunctionsHostOptions
        {
            Name = Name,
            AppFolder = AppFolder,
            AppSettings = new Dictionary<string, string> { ["PROBE"] = Executable, ["PROBE_FOLDER"] = Folder, ["AzureWebJobsStorage__blobServiceUri"] = azurite.BlobServiceUri.ToString() },
            BlobServiceUri = azurite.BlobServiceUri,
            Credential = storage.Credential(principal ?? LocalTenant.Telemetry),
            Authority = storage.Authority,
            EventHubs = events is null ? null : (_, _, _) => events,
            ScheduleClock = clock ?? TimeProvider.System,
            BalanceEvery = TimeSpan.FromMilliseconds(300),
            OwnershipLasts = TimeSpan.FromSeconds(4),
            Log = new ListLogger(Log),
        };
        return await Local.FunctionsHost.FunctionsHost.Start(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
    }

    /// <summary>Requests of a function so far, oldest first.</summary>
    public IReadOnlyList<Recorded> Requests(string function) =>
        !Directory.Exists(Path.Combine(Folder, "requests")) ? [] :
        [.. Directory.GetFiles(Path.Combine(Folder, "requests"), $"*-{function}.txt").Order(StringComparer.Ordinal).Select(Recorded.Read)];

    /// <summary>Waits until a function got so many requests.</summary>
    public async Task<IReadOnlyList<Recorded>> Wait(string function, int requests)
    {
        for (var tries = 0; tries < 1000; tries++)
        {
            var found = Requests(function);
            if (found.Count >= requests) return found;
            await Task.Delay(30, TestContext.Current.CancellationToken);
        }

        string log;
        lock (Log) log = string.Join(Environment.NewLine, Log);
        throw new InvalidOperationException($"{function} got {Requests(function).Count} of {requests} requests. The host's log:{Environment.NewLine}{log}");
    }

    public ValueTask DisposeAsync()
    {
        _root.Delete(true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A request as the probe wrote it down.</summary>
    internal sealed record Recorded(string Line, IReadOnlyDictionary<string, string> Headers, string Body)
    {
        public string InvocationId => Headers["X-Azure-Functions-InvocationId"];

        public JsonElement Json => JsonElement.Parse(Body);

        /// <summary>Sequence numbers of a batch.</summary>
        public long[] SequenceNumbers => JsonSerializer.Deserialize<long[]>(Json.GetProperty("Metadata").GetProperty("SequenceNumberArray").GetString()!)!;

        public string Partition => Json.GetProperty("Metadata").GetProperty("PartitionContext").GetProperty("PartitionId").GetString()!;

        public static Recorded Read(string path)
        {
            var text = File.ReadAllText(path);
            var end = text.IndexOf("\n\n", StringComparison.Ordinal);
            var lines = text[..end].Split('\n');
            return new Recorded(
                lines[0], lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase), text[(end + 2)..]);
        }
    }

    private sealed class ListLogger(List<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines) lines.Add($"{logLevel} {eventId.Id} {formatter(state, exception)} {exception}");
        }
    }
}
