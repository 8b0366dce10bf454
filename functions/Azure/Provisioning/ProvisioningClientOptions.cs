using Serverless.Rest;

namespace Serverless.Provisioning;

/// <summary>How the client behaves, and how much of the service's quota it may use.</summary>
public sealed record ProvisioningClientOptions
{
    /// <summary>Service API operations a minute for this process, 1 to 1,000. Default 200: a fifth of what one service instance takes,
    /// since several apps, and several instances of one app, share it. Sum of shares times instances must stay below 1,000.</summary>
    public int OperationsPerMinute { get; init; } = 200;

    /// <summary>Times and trust.</summary>
    public ServiceCallOptions Calls { get; init; } = new();
}
