namespace Serverless.Lifecycle;

/// <summary>Every event this app logs. Ids 5000 to 5999 are its own and are never used again for anything else: alert rules name them.
/// Fields hold our own words, ids and counts.</summary>
internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Information, "Sweep: {Due} due, {Ended} ended, {Looked} looked at, {Failed} failed, {Lost} taken by others, {Left} left; {PerMinute} a minute, finished {Finish}")]
    public static partial void Swept(ILogger log, int due, int ended, int looked, int failed, int lost, int left, double perMinute, DateTimeOffset? finish);

    [LoggerMessage(5001, LogLevel.Warning, "{Device}: {Plane} was not closed: {Answer}")]
    public static partial void PlaneFailed(ILogger log, string device, string plane, string answer);

    [LoggerMessage(5002, LogLevel.Error, "{Device}: {Plane} was found open when read back: {Answer}")]
    public static partial void PlaneOpen(ILogger log, string device, string plane, string answer);

    [LoggerMessage(5003, LogLevel.Error, "{Plane} could not be closed for {Devices} devices for want of a dependency; tried again later")]
    public static partial void PlaneOutage(ILogger log, Exception outage, string plane, int devices);

    [LoggerMessage(5004, LogLevel.Error, "{Device} is left for later for want of a dependency")]
    public static partial void DeviceOutage(ILogger log, Exception outage, string device);

    [LoggerMessage(5005, LogLevel.Information, "{Device} is dead: every plane was seen closed, the statement is stored")]
    public static partial void DeviceEnded(ILogger log, string device);

    [LoggerMessage(5010, LogLevel.Information, "{Caller} decommissions {Devices} devices")]
    public static partial void Decommissioned(ILogger log, string caller, int devices);

    [LoggerMessage(5011, LogLevel.Information, "{Caller} takes the end of {Device} back")]
    public static partial void Cancelled(ILogger log, string caller, string device);

    [LoggerMessage(5020, LogLevel.Information, "Audit: {Checked} checked in this tick, {Open} findings open, score {Score}; round {Round} {State}")]
    public static partial void Audited(ILogger log, long @checked, int open, double score, long round, string state);
}
