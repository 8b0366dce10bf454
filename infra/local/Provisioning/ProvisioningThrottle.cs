using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning;

/// <summary>The quotas of the service as a whole, counted in every minute wherever it begins; the one of each device is with its record.</summary>
internal sealed class ProvisioningThrottle(ProvisioningThrottles throttles, TimeProvider wall, HubCounters counters)
{
    private readonly RateWindow? _operations = throttles == ProvisioningThrottles.Off ? null : new(ProvisioningLimits.OperationsPerMinute, TimeSpan.FromMinutes(1), wall);
    private readonly RateWindow? _registrations = throttles == ProvisioningThrottles.Off ? null : new(ProvisioningLimits.RegistrationsPerMinute, TimeSpan.FromMinutes(1), wall);

    /// <summary>An operation of the service API; all kinds share one quota.</summary>
    /// <param name="name">Its counter.</param>
    public Meter Operation(string name) => new(name, () => Count(_operations, "operation"));

    /// <summary>Takes one registration.</summary>
    /// <returns>Zero when it may go on, else how long until one is free.</returns>
    public TimeSpan Register() => Count(_registrations, "registration");

    private TimeSpan Count(RateWindow? minute, string name)
    {
        if (minute is null) return TimeSpan.Zero;
        var wait = minute.Take(out var within);
        counters.Peak("busiest-minute." + name, within);
        if (wait > TimeSpan.Zero) counters.Add("throttled." + name);
        return wait;
    }
}
