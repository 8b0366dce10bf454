using Serverless.Local.FunctionsHost.Timers;
using Serverless.Local.Processes;

namespace Serverless.Local.FunctionsHost.App;

/// <summary>Reads one function.json.</summary>
internal static class FunctionFile
{
    public static FunctionDefinition Read(string file, IReadOnlyDictionary<string, string> settings, List<string> notices)
    {
        var name = Path.GetFileName(Path.GetDirectoryName(file))!;
        using var json = JsonReader.Load(file);
        var root = new JsonReader(json.RootElement, $"{name}/function.json", notices);
        var bindings = root.Objects("bindings").Select(binding => (binding, type: binding.Text("type") ?? "")).ToArray();
        var triggers = bindings.Where(item => item.type.EndsWith("Trigger", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (triggers.Length != 1) throw root.Wrong("bindings", "an array with exactly one trigger");
        var http = bindings.FirstOrDefault(item => string.Equals(item.type, "http", StringComparison.OrdinalIgnoreCase)).binding;
        foreach (var (binding, type) in bindings.Where(item => item.binding != triggers[0].binding && item.binding != http))
        {
            throw new LocalCloudException($"{name}/function.json has a binding of type '{type}', which the local host does not offer: publish through a client");
        }

        var trigger = ReadTrigger(name, triggers[0].binding, triggers[0].type, http?.Text("name"), settings);
        http?.Skip("direction").Done();
        triggers[0].binding.Skip("direction").Done();
        var retry = ReadRetry(root.Object("retry"));
        if (retry is not null && trigger is HttpTrigger) throw root.Wrong("retry", "absent: an HTTP trigger has no retry policy");
        var function = new FunctionDefinition(name, trigger, retry, IsDisabled(name, root, settings));
        root.Done();
        return function;
    }

    private static Trigger ReadTrigger(string function, JsonReader binding, string type, string? output, IReadOnlyDictionary<string, string> settings)
    {
        var name = binding.Text("name") ?? throw binding.Wrong("name", "a string");
        string Setting(string member) => AppFolder.Expand(binding.Text(member) ?? throw binding.Wrong(member, "a string"), settings);
        switch (type.ToUpperInvariant())
        {
            case "HTTPTRIGGER":
                return new HttpTrigger(
                    name,
                    (binding.Text("route") ?? function).Trim('/'),
                    [.. binding.Texts("methods").Select(method => method.ToUpperInvariant())],
                    (binding.Text("authLevel") ?? "function").ToUpperInvariant() switch
                    {
                        "ANONYMOUS" => AuthLevel.Anonymous,
                        "FUNCTION" => AuthLevel.Function,
                        "ADMIN" => AuthLevel.Admin,
                        _ => throw binding.Wrong("authLevel", "anonymous, function or admin"),
                    },
                    output);
            case "TIMERTRIGGER":
                var schedule = TimerSchedule.Parse(Setting("schedule"))
                    ?? throw binding.Wrong("schedule", "an NCRONTAB expression of six fields (seconds first) or a duration");
                return new TimerTrigger(name, schedule, binding.Flag("runOnStartup", false), binding.Flag("useMonitor", true));
            case "EVENTHUBTRIGGER":
                return new EventHubTrigger(
                    name,
                    Setting("eventHubName"),
                    binding.Text("consumerGroup") is { } group ? AppFolder.Expand(group, settings) : "$Default",
                    binding.Text("connection") ?? throw binding.Wrong("connection", "the prefix of connection settings"),
                    (binding.Text("cardinality") ?? "many").ToUpperInvariant() switch
                    {
                        "MANY" => true,
                        "ONE" => false,
                        _ => throw binding.Wrong("cardinality", "many or one"),
                    },
                    (binding.Text("dataType") ?? "").ToUpperInvariant() switch
                    {
                        "" => EventDataType.None,
                        "STRING" => EventDataType.String,
                        "BINARY" => EventDataType.Binary,
                        _ => throw binding.Wrong("dataType", "string or binary"),
                    });
            default:
                throw binding.Wrong("type", "httpTrigger, timerTrigger or eventHubTrigger: the local host offers no other");
        }
    }

    private static RetryPolicy? ReadRetry(JsonReader? retry)
    {
        if (retry is null) return null;
        var count = retry.Number("maxRetryCount", -2, -1);
        if (count == -2) throw retry.Wrong("maxRetryCount", "a whole number from -1 on");
        var policy = retry.Text("strategy")?.ToUpperInvariant() switch
        {
            "FIXEDDELAY" => new RetryPolicy(count, retry.Duration("delayInterval", TimeSpan.Zero), null),
            "EXPONENTIALBACKOFF" => new RetryPolicy(
                count, retry.Duration("minimumInterval", TimeSpan.FromSeconds(1)), retry.Duration("maximumInterval", TimeSpan.FromMinutes(1))),
            _ => throw retry.Wrong("strategy", "fixedDelay or exponentialBackoff"),
        };
        retry.Done();
        return policy;
    }

    private static bool IsDisabled(string name, JsonReader root, IReadOnlyDictionary<string, string> settings) =>
        root.Flag("disabled", false)
        || (settings.TryGetValue($"AzureWebJobs.{name}.Disabled", out var value) && value.ToUpperInvariant() is "TRUE" or "1");
}
