namespace Serverless.Enrollment;

/// <summary>Every event the Enrollment app logs. Ids 3000 to 3099 are its own, 7000 to 7099 the ledger's, and are never used again for
/// anything else. Fields hold our own words, ids and counts; never a URL, a payload or a certificate.</summary>
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Information, "Device {Device} of model {Model} enrolled by {Caller}")]
    public static partial void Enrolled(ILogger log, string device, string model, string caller);

    [LoggerMessage(3001, LogLevel.Information, "Device {Device} admitted to {Hub}, first time: {First}")]
    public static partial void Admitted(ILogger log, string device, string hub, bool first);

    [LoggerMessage(3002, LogLevel.Warning, "Registration of {Device} refused with {Code} at {Where}")]
    public static partial void RegistrationRefused(ILogger log, string device, string code, string where);

    /// <summary>Admission fails closed: while this is logged, no device is let in.</summary>
    [LoggerMessage(3003, LogLevel.Error, "Registration of {Device} refused because admission could not be decided: ledger or policy out of reach")]
    public static partial void AdmissionUnavailable(ILogger log, Exception outage, string device);

    [LoggerMessage(3004, LogLevel.Error, "Enrolment policy refused with {Code} at {Where}; the last good one stays in use: {Present}")]
    public static partial void PolicyRefused(ILogger log, string code, string where, bool present);

    [LoggerMessage(3005, LogLevel.Warning, "Enrolment policy could not be looked at; the last good one stays in use")]
    public static partial void PolicyUnreachable(ILogger log, Exception outage);

    [LoggerMessage(3006, LogLevel.Warning, "Enrolment of {Device} in DPS was not ours and has been replaced by the ledger's")]
    public static partial void ForeignReplaced(ILogger log, string device);

    [LoggerMessage(3007, LogLevel.Information, "Group {Group} enrolled by {Caller}, at most {DevicesMax} devices")]
    public static partial void GroupEnrolled(ILogger log, string group, string caller, int devicesMax);

    [LoggerMessage(3008, LogLevel.Information, "Certificates of {Device} changed by {Caller}: {Change}")]
    public static partial void CertificatesChanged(ILogger log, string device, string caller, string change);

    [LoggerMessage(3009, LogLevel.Information, "Batch {Batch} of {Rows} rows submitted by {Caller}")]
    public static partial void BatchSubmitted(ILogger log, string batch, int rows, string caller);

    [LoggerMessage(3010, LogLevel.Information, "Batch {Batch}: {Done} of {Rows} rows done, {Refused} refused")]
    public static partial void BatchProgress(ILogger log, string batch, int done, int rows, int refused);

    [LoggerMessage(3011, LogLevel.Warning, "Batch {Batch} stopped at row {Done} and goes on with the next tick")]
    public static partial void BatchInterrupted(ILogger log, Exception outage, string batch, int done);

    [LoggerMessage(7000, LogLevel.Information, "Ledger settled: {Count} audit entries and abandoned intents")]
    public static partial void LedgerSettled(ILogger log, int count);
}
