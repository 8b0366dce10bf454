using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Serverless.Local.Run.Crash;

/// <summary>One kill that happened.</summary>
/// <param name="Point">At which commit point, or <see langword="null"/> at a random moment.</param>
/// <param name="Late">Whether the partition got to a further commit point before the process was gone.</param>
public sealed record Kill(string? Point, bool Late);

/// <summary>Reads the host's log, and kills the handler in the moment a line announces the commit point it waits for. Thread-safe.</summary>
/// <remarks>The kill comes from the thread that reads the handler's output, before the line goes anywhere else. The handler does not
/// wait for it: what it still does in that millisecond is part of the test, and <see cref="Kill.Late"/> says when that was a step.</remarks>
internal sealed class Executioner : ILogger
{
    private readonly Lock _gate = new();
    private readonly List<Kill> _kills = [];
    private readonly Dictionary<string, long> _passed = CommitPoint.Names.ToDictionary(name => name, _ => 0L, StringComparer.Ordinal);
    private readonly Queue<string> _errors = new();
    private TaskCompletionSource _ready = New();
    private TaskCompletionSource _done = New();
    private KillOrder? _order;
    private int _skipped;
    private int _process;
    private int _compactions;
    private string? _killedIn;

    /// <summary>The kills so far.</summary>
    public IReadOnlyList<Kill> Kills
    {
        get
        {
            lock (_gate) return [.. _kills];
        }
    }

    /// <summary>How often each point was passed.</summary>
    public IReadOnlyDictionary<string, long> Passed
    {
        get
        {
            lock (_gate) return new Dictionary<string, long>(_passed);
        }
    }

    /// <summary>The last errors that the host and the handler told.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_gate) return [.. _errors];
        }
    }

    /// <summary>Completes when a handler is ready that was not killed yet.</summary>
    public Task Ready
    {
        get
        {
            lock (_gate) return _ready.Task;
        }
    }

    /// <summary>Waits for a point.</summary>
    /// <param name="order">Which.</param>
    /// <returns>Completes when the kill is done.</returns>
    public Task Await(KillOrder order)
    {
        lock (_gate)
        {
            (_order, _skipped, _done) = (order, 0, New());
            return _done.Task;
        }
    }

    /// <summary>Kills now, unless the kill was done already.</summary>
    /// <returns>Whether this call killed.</returns>
    public bool Now()
    {
        lock (_gate)
        {
            if (_process == 0) return false;
            Strike(null);
            return true;
        }
    }

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> fields) return;
        if (eventId.Name == "HandlerReady") Begin((int)Field(fields, "ProcessId")!);
        else if (eventId.Name == "HandlerSaid" && CommitPoint.Parse((string)Field(fields, "Line")!) is { } point) See(point);
        else if (logLevel >= LogLevel.Warning) Keep(formatter(state, exception) + (exception is null ? "" : $" {exception.GetType().Name}: {exception.Message}"));
    }

    private void Begin(int process)
    {
        lock (_gate)
        {
            (_process, _killedIn) = (process, null);
            _ready.TrySetResult();
        }
    }

    private void See(CommitPoint point)
    {
        lock (_gate)
        {
            _passed[point.Name]++;
            if (_process == 0)
            {
                // The last lines of the one that was killed.
                if (_kills.Count > 0 && _kills[^1].Point is not null && _killedIn == point.Partition) _kills[^1] = _kills[^1] with { Late = true };
                return;
            }

            var compaction = point.Name == CommitPoint.Compaction && _compactions < CommitPoint.CompactionKills;
            if (compaction) _compactions++;
            if (!compaction && (_order?.Point != point.Name || _skipped++ < _order.Skip)) return;
            _killedIn = point.Partition;
            Strike(point.Name);
        }
    }

    private void Strike(string? point)
    {
        using (var process = Process.GetProcessById(_process)) process.Kill(); // SIGKILL
        _kills.Add(new Kill(point, false));
        (_process, _order, _ready) = (0, null, New());
        _done.TrySetResult();
    }

    private void Keep(string error)
    {
        lock (_gate)
        {
            _errors.Enqueue(error);
            if (_errors.Count > 20) _errors.Dequeue();
        }
    }

    private static object? Field(IReadOnlyList<KeyValuePair<string, object?>> fields, string name) => fields.First(field => field.Key == name).Value;

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
