using Microsoft.Extensions.Logging;

namespace Serverless.Local.FunctionsHost;

/// <summary>What the host says. A handler's own lines pass through as they are; nothing here holds a key, a URL or a body.</summary>
internal static partial class HostLog
{
    [LoggerMessage(1001, LogLevel.Information, "{App}: handler {ProcessId} is ready after {Milliseconds} ms")]
    public static partial void HandlerReady(this ILogger log, string app, int processId, long milliseconds);

    [LoggerMessage(1002, LogLevel.Error, "{App}: handler {ProcessId} ended with code {ExitCode} ({Strikes} of {StrikesMax} within {WindowMinutes} min)")]
    public static partial void HandlerDied(this ILogger log, string app, int processId, int exitCode, int strikes, int strikesMax, int windowMinutes);

    [LoggerMessage(1003, LogLevel.Error, "{App}: {Function} ran into functionTimeout ({Timeout}); the handler is restarted")]
    public static partial void FunctionTimedOut(this ILogger log, string app, string function, TimeSpan timeout);

    [LoggerMessage(1004, LogLevel.Warning, "{App}: {Notice}")]
    public static partial void Notice(this ILogger log, string app, string notice);

    [LoggerMessage(1005, LogLevel.Critical, "{App}: the host stops: {Reason}")]
    public static partial void HostStops(this ILogger log, string app, string reason);

    [LoggerMessage(1010, LogLevel.Information, "{App}> {Line}")]
    public static partial void HandlerSaid(this ILogger log, string app, string line);

    [LoggerMessage(1011, LogLevel.Error, "{App}> {Line}")]
    public static partial void HandlerComplained(this ILogger log, string app, string line);

    [LoggerMessage(1020, LogLevel.Error, "{App}: {Function} failed (attempt {Attempt}): {Reason}")]
    public static partial void InvocationFailed(this ILogger log, string app, string function, int attempt, string reason);

    [LoggerMessage(1021, LogLevel.Information, "{App}: {Function}: {Line}")]
    public static partial void InvocationLogged(this ILogger log, string app, string function, string line);

    [LoggerMessage(1030, LogLevel.Information, "{App}: {Function} owns partition {Partition} of {Hub}, from {Start}")]
    public static partial void PartitionOpened(this ILogger log, string app, string function, string partition, string hub, string start);

    [LoggerMessage(1031, LogLevel.Information, "{App}: {Function} lost partition {Partition} of {Hub}")]
    public static partial void PartitionLost(this ILogger log, string app, string function, string partition, string hub);

    [LoggerMessage(1032, LogLevel.Warning, "{App}: {Function}: partition {Partition} of {Hub} is interrupted and tried again")]
    public static partial void PartitionInterrupted(this ILogger log, Exception error, string app, string function, string partition, string hub);

    [LoggerMessage(1033, LogLevel.Warning, "{App}: {Function}: balancing of {Hub} failed and is tried again")]
    public static partial void BalancingFailed(this ILogger log, Exception error, string app, string function, string hub);

    [LoggerMessage(1034, LogLevel.Warning, "{App}: {Function}: partition {Partition} of {Hub} holds no event after checkpoint {SequenceNumber}; it is newer than the checkpoint and read from its start")]
    public static partial void CheckpointAhead(this ILogger log, string app, string function, string partition, string hub, long sequenceNumber);

    [LoggerMessage(1040, LogLevel.Information, "{App}: {Function} is due next at {Next:O}")]
    public static partial void TimerScheduled(this ILogger log, string app, string function, DateTimeOffset next);

    [LoggerMessage(1041, LogLevel.Warning, "{App}: timer {Function} is interrupted and tried again")]
    public static partial void TimerInterrupted(this ILogger log, Exception error, string app, string function);
}
