using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Serverless.Firmware.Tests;

/// <summary>Keeps log lines.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(int Id, LogLevel Level, string Text)> _lines = new();

    public IReadOnlyList<(int Id, LogLevel Level, string Text)> Lines => [.. _lines];

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, logLevel, formatter(state, exception)));

    public void Clear() => _lines.Clear();

    public void Dispose()
    {
    }
}
