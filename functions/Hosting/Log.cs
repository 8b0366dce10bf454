using Microsoft.Extensions.Logging;

namespace Serverless.Hosting;

/// <summary>Every event this edge logs. Ids 1000 to 1099 are its own and are never used again for anything else: alert rules name
/// them. Fields hold our own words, ids and counts; never a payload, a header, a URL.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "{App} is ready: {Triggers} triggers, {Routes} route groups")]
    public static partial void Ready(ILogger log, string app, int triggers, int routes);

    [LoggerMessage(1001, LogLevel.Critical, "{Refusal}")]
    public static partial void SettingRefused(ILogger log, string refusal);

    [LoggerMessage(1002, LogLevel.Critical, "{App} cannot start: {Reason}")]
    public static partial void StartFailed(ILogger log, string app, string reason);

    [LoggerMessage(1010, LogLevel.Debug, "{Function} took {Events} events of {Hub}/{Partition}, retry {Retry}, in {ElapsedMs} ms")]
    public static partial void BatchTaken(ILogger log, string function, int events, string hub, string partition, int retry, double elapsedMs);

    [LoggerMessage(1011, LogLevel.Error, "{Function}: the host's envelope is broken: {Code} at {Where}")]
    public static partial void EnvelopeBroken(ILogger log, string function, string code, string where);

    [LoggerMessage(1012, LogLevel.Error, "{Function} failed; the host's retry policy decides")]
    public static partial void InvocationFailed(ILogger log, Exception outage, string function);

    [LoggerMessage(1013, LogLevel.Critical, "{Function} has a bug")]
    public static partial void InvocationBug(ILogger log, Exception bug, string function);

    [LoggerMessage(1014, LogLevel.Warning, "{Function}: {Faulted} of {Events} events of {Hub}/{Partition} are malformed, the first with {Code}")]
    public static partial void EventsFaulted(ILogger log, string function, int faulted, int events, string hub, string partition, string code);

    [LoggerMessage(1015, LogLevel.Warning, "A call to a trigger was not the host's: {Code}")]
    public static partial void TriggerRefused(ILogger log, string code);

    [LoggerMessage(1016, LogLevel.Warning, "{Function} was given up by the host")]
    public static partial void InvocationAborted(ILogger log, string function);

    [LoggerMessage(1020, LogLevel.Warning, "{Route}: refused {Caller} with {Status} {Code} at {Where}")]
    public static partial void RequestRefused(ILogger log, string route, string caller, int status, string code, string where);

    [LoggerMessage(1021, LogLevel.Error, "{Route} failed for want of a dependency")]
    public static partial void RequestFailed(ILogger log, Exception outage, string route);

    [LoggerMessage(1022, LogLevel.Critical, "{Route} has a bug")]
    public static partial void RequestBug(ILogger log, Exception bug, string route);
}
