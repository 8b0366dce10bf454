using Serverless.Enrollment.Admission;
using Serverless.Hosting;

namespace Serverless.Enrollment;

/// <summary>Which storage account the ledger, the policy and the batches are in.</summary>
/// <remarks>Trusted: whoever edits it decides which ledger counts. The identity's roles bound what that can reach.</remarks>
internal sealed record StoragePlace : ISettings<StoragePlace>
{
    /// <inheritdoc/>
    public static string Section => "Storage";

    /// <summary><c>Storage__blobServiceUri</c>, required: blob endpoint of containers <c>profiles</c> and <c>enrollment</c>.</summary>
    public required Uri Blobs { get; init; }

    /// <summary><c>Storage__tableServiceUri</c>, required: table endpoint of table <c>devices</c>.</summary>
    public required Uri Tables { get; init; }

    /// <inheritdoc/>
    public static StoragePlace Read(SettingsReader read) => new()
    {
        Blobs = read.Url("blobServiceUri", "blob endpoint of the state account"),
        Tables = read.Url("tableServiceUri", "table endpoint of the state account"),
    };
}

/// <summary>Which storage account the audit trail is in: another one, of another trust.</summary>
internal sealed record AuditPlace : ISettings<AuditPlace>
{
    /// <inheritdoc/>
    public static string Section => "Audit";

    /// <summary><c>Audit__blobServiceUri</c>, required: blob endpoint of container <c>audit</c>.</summary>
    public required Uri Blobs { get; init; }

    /// <inheritdoc/>
    public static AuditPlace Read(SettingsReader read) => new() { Blobs = read.Url("blobServiceUri", "blob endpoint of the audit account") };
}

/// <summary>Which DPS enrolments are made in.</summary>
internal sealed record ProvisioningPlace : ISettings<ProvisioningPlace>
{
    /// <inheritdoc/>
    public static string Section => "Provisioning";

    /// <summary><c>Provisioning__host</c>, required: <c>name.azure-devices-provisioning.net</c>.</summary>
    public required string Host { get; init; }

    /// <summary><c>Provisioning__operationsPerMinute</c>: this app's share of the service's 1,000 a minute, divided by the instances that
    /// run at once: 1 to 1,000, default 200.</summary>
    public required int OperationsPerMinute { get; init; }

    /// <inheritdoc/>
    public static ProvisioningPlace Read(SettingsReader read) => new()
    {
        Host = read.HostName("host", "DPS"),
        OperationsPerMinute = read.Int32("operationsPerMinute", "operations a minute", 1, 1000, 200),
    };
}

/// <summary>The webhook that DPS shall ask: this app's own function <c>Allocate</c>.</summary>
/// <remarks>Trusted, and the key secret: whoever has it can ask for hubs, though no device is admitted by the asking.</remarks>
internal sealed record WebhookPlace : ISettings<WebhookPlace>
{
    /// <inheritdoc/>
    public static string Section => "";

    /// <summary>URL with the function key: never logged.</summary>
    public required Uri Url { get; init; }

    /// <summary>Reads <c>Webhook__key</c>, required: the key of function <c>Allocate</c>, a Key Vault reference in Azure;
    /// <c>Webhook__host</c>: host of the URL, by default <c>WEBSITE_HOSTNAME</c>, which the platform sets.</summary>
    public static WebhookPlace Read(SettingsReader read)
    {
        var host = read.Text("Webhook:host", "host of the webhook", 256, otherwise: " ");
        if (host == " ") host = read.HostName("WEBSITE_HOSTNAME", "host of this app, set by the platform");
        var key = read.Text("Webhook:key", "key of function Allocate", 256);
        return new WebhookPlace { Url = new Uri($"https://{host}/api/allocate?code={Uri.EscapeDataString(key)}") };
    }

    /// <inheritdoc/>
    public override string ToString() => "(webhook)";
}

/// <summary>How devices are admitted and looked at.</summary>
internal sealed record AdmissionSettings : ISettings<AdmissionSettings>
{
    /// <inheritdoc/>
    public static string Section => "Admission";

    /// <summary><c>Admission__acceptUnseenLeaf</c>: unsafe when <c>true</c>, default <c>false</c>; see <see cref="Admission.UnseenLeaf"/>.</summary>
    public required UnseenLeaf UnseenLeaf { get; init; }

    /// <summary><c>Admission__policyPollInterval</c>: how old the policy in use may be. 1 second to 1 hour, default 30 seconds.</summary>
    public required TimeSpan PolicyPollInterval { get; init; }

    /// <summary><c>Admission__patience</c>: longest an admission may take before it is refused as an outage. 1 to 30 seconds, default 4:
    /// how long DPS waits is not documented, its devices wait 30.</summary>
    public required TimeSpan Patience { get; init; }

    /// <summary><c>Admission__hubAddresses</c>: where hubs answer that have an address other than their name, as
    /// <c>name=host:port</c> separated by <c>;</c>. Default empty. For the local cloud.</summary>
    public required IReadOnlyDictionary<string, string> HubAddresses { get; init; }

    /// <inheritdoc/>
    public static AdmissionSettings Read(SettingsReader read) => new()
    {
        UnseenLeaf = read.Flag("acceptUnseenLeaf", "whether a group's device is admitted whose certificate DPS does not show", otherwise: false) ? UnseenLeaf.Accept : UnseenLeaf.Refuse,
        PolicyPollInterval = read.Duration("policyPollInterval", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), TimeSpan.FromSeconds(30)),
        Patience = read.Duration("patience", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(4)),
        HubAddresses = read.Text("hubAddresses", "addresses of hubs", 8192, otherwise: " ").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(pair => pair.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase),
    };
}
