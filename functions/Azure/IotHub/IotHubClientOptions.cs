using Serverless.Rest;

namespace Serverless.IotHub;

/// <summary>How the client behaves, and how much of the hub's quotas it may use.</summary>
public sealed record IotHubClientOptions
{
    /// <summary>This process's share. Default: a fifth of one S1 unit.</summary>
    public HubShare Share { get; init; } = HubShare.OfS1(0.2);

    /// <summary>Times and trust.</summary>
    public ServiceCallOptions Calls { get; init; } = new();
}

/// <summary>Operations this process may use of one hub, 1 or more each. Several apps, and several instances of one app, share a hub:
/// the sum of shares times instances must stay below the hub's quotas.</summary>
/// <param name="RegistryPerMinute">Identity operations a minute; a bulk call counts as one (its metering is not documented).</param>
/// <param name="QueriesPerMinute">Queries a minute.</param>
/// <param name="TwinReadsPerSecond">Twin reads a second.</param>
/// <param name="TwinUpdatesPerSecond">Twin updates a second.</param>
/// <param name="MethodsPerSecond">Direct methods a second, of at most 4 KiB; larger ones count by size and need a smaller share.</param>
public sealed record HubShare(int RegistryPerMinute, int QueriesPerMinute, int TwinReadsPerSecond, int TwinUpdatesPerSecond, int MethodsPerSecond)
{
    /// <summary>A part of the documented quotas of S1 units: 100 registry operations and 20 queries a minute and unit, 100 twin reads,
    /// 50 twin updates and 40 methods a second (methods by unit).</summary>
    /// <param name="part">0 to 1, exclusive of 0; each quota is rounded down, to no less than 1.</param>
    /// <param name="units">Units of the hub, 1 or more.</param>
    public static HubShare OfS1(double part, int units = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(units, 1);
        int Part(int quota) => Math.Max(1, (int)(quota * part));
        return new HubShare(Part(100 * units), Part(20 * units), Part(100), Part(50), Part(40 * units));
    }
}
