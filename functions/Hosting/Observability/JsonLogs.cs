using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Serverless.Hosting;

/// <summary>Writes each log entry as one line of JSON to stdout, which the Functions host takes over as information; stderr would
/// turn every entry into an error.</summary>
/// <remarks>Fields: <c>at</c> (UTC), <c>level</c>, <c>id</c>, <c>event</c>, <c>category</c>, <c>message</c>, then, when known,
/// <c>function</c>, <c>invocation</c>, <c>trace</c>, <c>span</c>, <c>exception</c>, and the entry's own fields under <c>fields</c>.
/// Writes are whole lines under one lock, flushed at once, so that a crash loses nothing.</remarks>
internal sealed class JsonLogs(Stream output, TimeProvider clock) : ILoggerProvider, ISupportExternalScope
{
    private static readonly JsonWriterOptions OneLine = new() { Indented = false };
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _line = new(1024);
    private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, static (name, logs) => new Logger(logs, name), this);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private void Write<TState>(string category, LogLevel level, EventId id, TState state, Exception? exception, string message)
    {
        lock (_gate)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, OneLine))
            {
                json.WriteStartObject();
                json.WriteString("at", clock.GetUtcNow().UtcDateTime);
                json.WriteString("level", Name(level));
                json.WriteNumber("id", id.Id);
                if (id.Name is not null) json.WriteString("event", id.Name);
                json.WriteString("category", category);
                json.WriteString("message", Redacted.Queries(message));
                _scopes.ForEachScope(static (scope, json) => (scope as Invocation)?.Describe(json), json);
                if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity)
                {
                    json.WriteString("trace", activity.TraceId.ToHexString());
                    json.WriteString("span", activity.SpanId.ToHexString());
                }

                if (exception is not null) json.WriteString("exception", Redacted.Queries(exception.ToString()));
                if (state is IReadOnlyList<KeyValuePair<string, object?>> fields) Fields(json, fields);
                json.WriteEndObject();
            }

            _line.Write("\n"u8);
            output.Write(_line.WrittenSpan);
            output.Flush();
        }
    }

    private static void Fields(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> fields)
    {
        json.WriteStartObject("fields");
        for (var i = 0; i < fields.Count; i++)
        {
            var (name, value) = fields[i];
            if (name == "{OriginalFormat}") continue;
            switch (value)
            {
                case null: json.WriteNull(name); break;
                case int number: json.WriteNumber(name, number); break;
                case long number: json.WriteNumber(name, number); break;
                case double number when double.IsFinite(number): json.WriteNumber(name, number); break;
                case bool flag: json.WriteBoolean(name, flag); break;
                default: json.WriteString(name, Redacted.Queries(value.ToString() ?? "")); break;
            }
        }

        json.WriteEndObject();
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Critical => "critical",
        LogLevel.Error => "error",
        LogLevel.Warning => "warning",
        LogLevel.Information => "information",
        _ => "debug",
    };

    private sealed class Logger(JsonLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logs._scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            logs.Write(category, logLevel, eventId, state, exception, formatter(state, exception));
    }
}
