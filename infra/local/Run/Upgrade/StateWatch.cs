using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Serverless.Local.Run.Crash;

namespace Serverless.Local.Run.Upgrade;

/// <summary>Reads in the app's log what becomes of each partition's state: how often it was committed, and by which words it was refused as
/// unreadable (event 1012, as ops would see it). Thread-safe.</summary>
internal sealed partial class StateWatch : ILogger
{
    private const int FunctionFailed = 1012;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _commits = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Times, string Why)> _refusals = new(StringComparer.Ordinal);

    /// <summary>Commits of each partition that were announced since <see cref="Forget"/>; only a version that was told to announces them.</summary>
    public IReadOnlyDictionary<string, int> Commits
    {
        get
        {
            lock (_gate) return new Dictionary<string, int>(_commits);
        }
    }

    /// <summary>How often each partition's state was refused, and the last reason given.</summary>
    public IReadOnlyDictionary<string, (int Times, string Why)> Refusals
    {
        get
        {
            lock (_gate) return new Dictionary<string, (int, string)>(_refusals);
        }
    }

    /// <summary>Counts commits from here on.</summary>
    public void Forget()
    {
        lock (_gate) _commits.Clear();
    }

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> fields) return;
        if (fields.FirstOrDefault(field => field.Key == "Line").Value is not string line || line is not ['{', ..]) return;
        if (CommitPoint.Parse(line) is { Name: "committed" } point)
        {
            lock (_gate) _commits[point.Partition] = _commits.GetValueOrDefault(point.Partition) + 1;
            return;
        }

        if (Refused(line) is not { } refused) return;
        lock (_gate) _refusals[refused.Partition] = (_refusals.GetValueOrDefault(refused.Partition).Times + 1, refused.Why);
    }

    private static (string Partition, string Why)? Refused(string line)
    {
        if (!line.Contains("cannot be read", StringComparison.Ordinal)) return null;
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        if (root.GetProperty("id").GetInt32() != FunctionFailed || !root.TryGetProperty("exception", out var exception)) return null;
        var said = Unreadable().Match(exception.GetString()!);
        return said.Success ? (said.Groups["partition"].Value, said.Value) : null;
    }

    [GeneratedRegex(@"the state in 'telemetry/(?<partition>\d+)/' cannot be read: [^\r\n]+")]
    private static partial Regex Unreadable();
}
