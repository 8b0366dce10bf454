using System.Globalization;
using System.Text.RegularExpressions;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.Processes;

namespace Serverless.Local.FunctionsHost.App;

/// <summary>A function app as published: host.json and one folder a function.</summary>
/// <param name="Folder">Full path.</param>
/// <param name="Host">host.json.</param>
/// <param name="Functions">Functions by name.</param>
/// <param name="Notices">What was found and has no effect here.</param>
internal sealed partial record AppFolder(string Folder, HostSettings Host, IReadOnlyList<FunctionDefinition> Functions, IReadOnlyList<string> Notices)
{
    /// <summary>Reads and checks an app.</summary>
    /// <param name="folder">The published folder.</param>
    /// <param name="settings">App settings, for <c>%NAME%</c> and switches.</param>
    /// <exception cref="LocalCloudException">Something is missing or wrong; the message names file and member.</exception>
    public static AppFolder Read(string folder, IReadOnlyDictionary<string, string> settings)
    {
        var full = Path.GetFullPath(folder);
        var hostFile = Path.Combine(full, "host.json");
        if (!File.Exists(hostFile)) throw new LocalCloudException($"{full} is no function app: it has no host.json");
        var notices = new List<string>();
        using var json = JsonReader.Load(hostFile);
        var host = ReadHost(new JsonReader(json.RootElement, "host.json", notices), settings);
        var functions = Directory.EnumerateDirectories(full)
            .Where(child => File.Exists(Path.Combine(child, "function.json")))
            .Order(StringComparer.Ordinal)
            .Select(child => FunctionFile.Read(Path.Combine(child, "function.json"), settings, notices))
            .ToArray();
        if (functions.Length == 0) throw new LocalCloudException($"{full} has no function: no folder in it has a function.json");
        return new AppFolder(full, host, functions, notices);
    }

    /// <summary>Replaces <c>%NAME%</c> by the setting of that name; an unknown one stays, as the real host leaves it.</summary>
    internal static string Expand(string text, IReadOnlyDictionary<string, string> settings) =>
        Reference().Replace(text, match => settings.TryGetValue(match.Groups[1].Value, out var value) ? value : match.Value);

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex Reference();

    private static HostSettings ReadHost(JsonReader root, IReadOnlyDictionary<string, string> settings)
    {
        if (root.Text("version") != "2.0") throw root.Wrong("version", "\"2.0\"");
        if (root.Has("httpWorker")) throw new LocalCloudException("host.json.httpWorker is the legacy form: use customHandler");
        var handler = root.Object("customHandler") ?? throw root.Wrong("customHandler", "an object: this host runs custom handlers only");
        var description = handler.Object("description") ?? throw handler.Wrong("description", "an object");
        var extensions = root.Object("extensions");
        var http = extensions?.Object("http");
        var host = new HostSettings
        {
            ExecutablePath = Expand(description.Text("defaultExecutablePath") ?? throw description.Wrong("defaultExecutablePath", "a path"), settings),
            Arguments = [.. description.Texts("arguments").Select(argument => Expand(argument, settings))],
            WorkingFolder = Expand(description.Text("workingDirectory") ?? "", settings),
            ForwardsHttp = handler.Flag("enableForwardingHttpRequest", false),
            FunctionTimeout = root.Text("functionTimeout") == "-1" ? null : root.Duration("functionTimeout", TimeSpan.FromMinutes(30)),
            RoutePrefix = (http?.Text("routePrefix") ?? "api").Trim('/'),
            EventHubs = ReadEventHubs(extensions?.Object("eventHubs")),
        };
        description.Done();
        handler.Done();
        http?.Skip("maxConcurrentRequests", "maxOutstandingRequests", "dynamicThrottlesEnabled", "hsts", "customHeaders").Done();
        extensions?.Done();
        root.Skip("logging", "extensionBundle", "concurrency", "healthMonitor", "singleton", "watchDirectories").Done();
        return host;
    }

    private static EventHubSettings ReadEventHubs(JsonReader? json)
    {
        if (json is null) return new EventHubSettings();
        var defaults = new EventHubSettings();
        var initial = json.Object("initialOffsetOptions");
        var settings = new EventHubSettings
        {
            MaxEventBatchSize = json.Number("maxEventBatchSize", defaults.MaxEventBatchSize, 1),
            MinEventBatchSize = json.Number("minEventBatchSize", defaults.MinEventBatchSize, 1),
            MaxWaitTime = json.Duration("maxWaitTime", defaults.MaxWaitTime),
            BatchCheckpointFrequency = json.Number("batchCheckpointFrequency", defaults.BatchCheckpointFrequency, 1),
            PrefetchCount = json.Number("prefetchCount", defaults.PrefetchCount, 1),
            InitialStart = ReadStart(initial),
        };
        if (settings.MinEventBatchSize > settings.MaxEventBatchSize) throw json.Wrong("minEventBatchSize", "at most maxEventBatchSize");
        initial?.Done();
        json.Skip("targetUnprocessedEventThreshold", "trackLastEnqueuedEventProperties", "loadBalancingUpdateInterval", "partitionOwnershipExpirationInterval").Done();
        return settings;
    }

    private static PartitionStart ReadStart(JsonReader? json)
    {
        switch (json?.Text("type")?.ToUpperInvariant())
        {
            case null or "FROMSTART": return PartitionStart.Oldest;
            case "FROMEND": return new PartitionStart(AtEnd: true);
            case "FROMENQUEUEDTIME":
                return DateTimeOffset.TryParse(json!.Text("enqueuedTimeUtc"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                    ? new PartitionStart(AtTime: time)
                    : throw json.Wrong("enqueuedTimeUtc", "a time such as 2026-01-02T03:04:05Z");
            default: throw json!.Wrong("type", "fromStart, fromEnd or fromEnqueuedTime");
        }
    }
}
