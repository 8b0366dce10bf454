namespace Serverless.Firmware;

/// <summary>Every event the Firmware app logs. Ids 4000 to 4099 are its own and are never used again for anything else. Fields hold our own
/// words, ids, keyids, object ids and counts; never notes, names of blobs or a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Information, "Release {Release} is proposed: role version {RoleVersion}, digest {Sha256}")]
    public static partial void ReleaseProposed(ILogger log, string release, long roleVersion, string sha256);

    [LoggerMessage(4001, LogLevel.Warning, "Release {Release} is refused with {Code} at {Where}")]
    public static partial void ReleaseRefused(ILogger log, string release, string code, string where);

    [LoggerMessage(4002, LogLevel.Information, "Release {Release} is approved with key {KeyId} by {Person}; {Signatures} signatures")]
    public static partial void ReleaseApproved(ILogger log, string release, string keyId, string person, int signatures);

    [LoggerMessage(4003, LogLevel.Information, "Release {Release} is published: role version {RoleVersion}, timestamp {TimestampVersion}")]
    public static partial void ReleasePublished(ILogger log, string release, long roleVersion, long timestampVersion);

    [LoggerMessage(4004, LogLevel.Error, "Release {Release} is approved and cannot be published: {Code} at {Where}")]
    public static partial void PublishBlocked(ILogger log, string release, string code, string where);

    [LoggerMessage(4005, LogLevel.Warning, "Release {Release} lost an approval before it was published: a key was revoked")]
    public static partial void ReleaseUnapproved(ILogger log, string release);

    [LoggerMessage(4006, LogLevel.Warning, "Release {Release} could not be worked on; it is tried again")]
    public static partial void WorkFailed(ILogger log, Exception outage, string release);

    [LoggerMessage(4010, LogLevel.Information, "A ceremony is published: root {Root}, targets {Targets}, {Roles} product roles, timestamp {TimestampVersion}")]
    public static partial void CeremonyPublished(ILogger log, bool root, bool targets, int roles, long timestampVersion);

    [LoggerMessage(4011, LogLevel.Information, "Online roles are signed: timestamp {TimestampVersion}, snapshot {SnapshotVersion}")]
    public static partial void Refreshed(ILogger log, long timestampVersion, long snapshotVersion);

    [LoggerMessage(4012, LogLevel.Error, "Online roles could not be signed; devices stop updating in {HoursLeft} h")]
    public static partial void RefreshFailed(ILogger log, Exception outage, double hoursLeft);

    [LoggerMessage(4013, LogLevel.Error, "Online roles are refused with {Code} at {Where}; devices stop updating in {HoursLeft} h")]
    public static partial void RefreshRefused(ILogger log, string code, string where, double hoursLeft);

    [LoggerMessage(4014, LogLevel.Critical, "The published repository is refused with {Code} at {Where}: devices refuse it too, or someone has written to it")]
    public static partial void RepositoryBroken(ILogger log, string code, string where);

    [LoggerMessage(4020, LogLevel.Warning, "Role {Role} version {Version} expires in {Days} days")]
    public static partial void RoleExpiresSoon(ILogger log, string role, long version, double days);

    [LoggerMessage(4021, LogLevel.Critical, "Role {Role} version {Version} expires in {Days} days: act today")]
    public static partial void RoleExpiresNow(ILogger log, string role, long version, double days);
}
