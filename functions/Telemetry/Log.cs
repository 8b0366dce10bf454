namespace Serverless.Telemetry;

/// <summary>Every event the Telemetry app logs. Ids 2000 to 2099 are its own and are never used again for anything else. Fields
/// hold our own words, ids and counts; never a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "Partition {Partition}: state of {Devices} devices up to event {Sequence} read in {ElapsedMs} ms")]
    public static partial void StateLoaded(ILogger log, string partition, int devices, long sequence, double elapsedMs);

    [LoggerMessage(2001, LogLevel.Information, "Profile {Profile} pinned for partition {Partition}, document present: {Present}")]
    public static partial void ProfilePinned(ILogger log, string profile, string partition, bool present);

    [LoggerMessage(2002, LogLevel.Warning, "Partition {Partition}: {Count} events refused with {Code}")]
    public static partial void EventsRefused(ILogger log, string partition, int count, string code);

    [LoggerMessage(2003, LogLevel.Error, "Profile {Profile} revision {ETag} refused with {Code} at {Where}; the last good one stays in use")]
    public static partial void ProfileRefused(ILogger log, string profile, string eTag, string code, string where);

    [LoggerMessage(2004, LogLevel.Warning, "Profile {Profile} could not be looked at; the revision known stays in use")]
    public static partial void ProfileUnreachable(ILogger log, Exception outage, string profile);

    /// <summary>The points between which a crash makes a difference: claimed, read-back, pinned, decided, published, alerted, filed,
    /// committed, compacted. A crash test waits for these.</summary>
    [LoggerMessage(2005, LogLevel.Debug, "Commit point {Point} of partition {Partition} at event {Sequence}")]
    public static partial void CommitPoint(ILogger log, string point, string partition, long sequence);
}
