using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Serverless.Local.Run;

/// <summary>What a function app logged under an event id.</summary>
/// <param name="App">The app.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Fields">Its fields, as text.</param>
public sealed record HandlerEvent(string App, int Id, IReadOnlyDictionary<string, string> Fields);

/// <summary>Keeps the events of chosen ids from the function apps' own log lines: a run tells by them why a request was refused, as ops
/// would see it. Thread-safe.</summary>
/// <param name="ids">Event ids to keep.</param>
public sealed class HandlerEvents(params int[] ids) : ILogger
{
    private readonly ConcurrentQueue<HandlerEvent> _seen = new();

    /// <summary>Those kept so far, oldest first.</summary>
    public IReadOnlyList<HandlerEvent> Seen => [.. _seen];

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> said) return;
        var line = said.FirstOrDefault(field => field.Key == "Line").Value as string;
        var app = said.FirstOrDefault(field => field.Key == "App").Value as string;
        if (line is not ['{', ..] || app is null) return;
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            if (!root.TryGetProperty("id", out var id) || !id.TryGetInt32(out var number) || !ids.Contains(number) || !root.TryGetProperty("fields", out var fields)) return;
            _seen.Enqueue(new HandlerEvent(app, number, fields.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.ToString(), StringComparer.Ordinal)));
        }
        catch (JsonException)
        {
            // A line of another make, such as a runtime's last words: it is none of the events asked for.
        }
    }
}
