namespace Serverless.Local.Provisioning;

/// <summary>Whether the service keeps its quotas.</summary>
public enum ProvisioningThrottles
{
    /// <summary>No limit but the polling quota: for runs faster than time.</summary>
    Off,

    /// <summary>The documented figures.</summary>
    Documented,
}

/// <summary>What happens to a hub identity that an operator disabled when its device registers again. Azure does not document it.</summary>
public enum DisabledIdentities
{
    /// <summary>It stays disabled; the registration succeeds and the device cannot connect.</summary>
    Stay,

    /// <summary>It is enabled again: the worse of the possible answers, for those who must not rely on the better one.</summary>
    Enable,
}

/// <summary>What one local DPS is called and how strict it is.</summary>
public sealed record ProvisioningOptions
{
    /// <summary>The service's own name. Default <c>dps-local.azure-devices-provisioning.net</c>. Devices may also use
    /// <see cref="GlobalHostName"/>; the sockets are on 127.0.0.1.</summary>
    public string HostName { get; init; } = "dps-local.azure-devices-provisioning.net";

    /// <summary>The name that all services share for devices.</summary>
    public const string GlobalHostName = "global.azure-devices-provisioning.net";

    /// <summary>Names this service among all behind the global name; no secret. Default <c>0ne0010CA10</c>.</summary>
    public string IdScope { get; init; } = "0ne0010CA10";

    /// <summary>The resource path that role assignments name. Default <c>dps</c>.</summary>
    public string Scope { get; init; } = "dps";

    /// <summary>Whether the quotas are kept. Default off.</summary>
    public ProvisioningThrottles Throttles { get; init; } = ProvisioningThrottles.Off;

    /// <summary>Individual enrolments, and likewise registration records, that it may have. Default 1,000,000, the service's limit of both
    /// together.</summary>
    public int RecordsMax { get; init; } = ProvisioningLimits.RecordsMax;

    /// <summary>See <see cref="DisabledIdentities"/>. Default <see cref="DisabledIdentities.Stay"/>.</summary>
    public DisabledIdentities DisabledIdentities { get; init; } = DisabledIdentities.Stay;

    /// <summary>Longest wait for the allocation webhook. Default 5 s (our own figure: Azure's is not published).</summary>
    public TimeSpan WebhookTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a device is told to wait between polls, whole seconds, 0 or more. Default 1 s; Azure says 3.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a socket may take to send its CONNECT. Default 10 s (our own figure).</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Port for MQTT over TLS, 0 for any free one.</summary>
    public int MqttPort { get; init; }

    /// <summary>Port for HTTPS, 0 for any free one.</summary>
    public int HttpsPort { get; init; }
}
