using Serverless.Faults;
using Serverless.Telemetry.Alerts;
using Serverless.Telemetry.Publishing;

namespace Serverless.Telemetry.Profiles;

/// <summary>Tells ops of profiles that cannot be used: a log line and an alert.</summary>
/// <remarks>Each process that meets the revision tells; all their alerts have one id, so whoever reads them counts one.</remarks>
/// <param name="alerts">Hub <c>alerts</c>.</param>
/// <param name="clock">Stamps the alert.</param>
/// <param name="log">Where to tell.</param>
internal sealed class ProfileReports(IHub alerts, TimeProvider clock, ILogger<ProfileReports> log) : IProfileReports
{
    /// <inheritdoc/>
    public Task Refused(string name, string eTag, Fault fault, CancellationToken cancel)
    {
        Log.ProfileRefused(log, name, eTag, fault.Code, fault.Where);
        var alert = new Alert
        {
            Kind = AlertKind.ProfileRefused,
            Source = "/profiles",
            Subject = name,
            At = clock.GetUtcNow(),
            Fault = fault,
            Profile = name,
            Cause = eTag,
        };
        return alerts.Publish([alert.ToEvent()], cancel);
    }

    /// <inheritdoc/>
    public void Unreachable(string name, Exception outage) => Log.ProfileUnreachable(log, outage, name);
}
