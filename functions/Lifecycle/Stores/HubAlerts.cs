using Serverless.EventHubs;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Stores;

/// <summary>Hub <c>alerts</c>.</summary>
internal sealed class HubAlerts(EventHubsClient hubs) : IAlerts
{
    /// <inheritdoc/>
    public Task Raise(IReadOnlyList<LifecycleAlert> alerts, CancellationToken cancel) => hubs.Publish("alerts", [.. alerts.Select(alert => alert.ToEvent())], cancel);
}
