using System.Security.Cryptography;
using System.Text;

namespace Serverless.Local.Identity;

/// <summary>The identities of the local cloud: one a function app, with only the roles that its README lists, and the people and services
/// around them.</summary>
/// <remarks>Ids are derived from names, so that they are the same in every run; they are no secrets.</remarks>
public static class LocalTenant
{
    /// <summary>The tenant's id.</summary>
    public static Guid TenantId { get; } = Id("tenant");

    /// <summary>Function app Enrollment: enrolments in DPS, the registry to look at, the device ledger and its trail, batches, the policy.</summary>
    public static Principal Enrollment { get; } = App(
        "enrollment",
        new("DPS enrolment operator (custom)", "dps"),
        new("IoT Hub registry reader (custom)", "iothub"),
        new("Storage Blob Data Reader", "storage/blob/profiles"),
        Table("devices"),
        Blob("audit"),
        Blob("enrollment"));

    /// <summary>Function app Telemetry: reads hub <c>telemetry</c>, publishes to <c>validated</c> and <c>alerts</c>, keeps state and
    /// refused events, reads profiles.</summary>
    public static Principal Telemetry { get; } = App(
        "telemetry",
        new("Azure Event Hubs Data Receiver", "eventhubs/telemetry"),
        new("Azure Event Hubs Data Sender", "eventhubs/validated"),
        new("Azure Event Hubs Data Receiver", "eventhubs/validated"),
        new("Azure Event Hubs Data Sender", "eventhubs/alerts"),
        new("Azure Event Hubs Data Receiver", "eventhubs/alerts"),
        Blob("telemetry-state"),
        Blob("rejected"),
        new("Storage Blob Data Reader", "storage/blob/profiles"));

    /// <summary>Function app Firmware: the OTA repository, images awaiting a release, the releases table, its own three keys.</summary>
    public static Principal Firmware { get; } = App(
        "firmware", Blob("ota"), new("Storage Blob Data Reader", "storage/blob/firmware"), Table("releases"), Signer("tuf-snapshot"), Signer("tuf-timestamp"), Signer("tuf-policy"));

    /// <summary>Function app Lifecycle: enrolments and registrations in DPS, the registry, twins and methods, the device ledger, findings to
    /// <c>alerts</c>, the key of its statements.</summary>
    public static Principal Lifecycle { get; } = App(
        "lifecycle",
        new("DPS enrolment operator (custom)", "dps"),
        new("IoT Hub registry operator (custom)", "iothub"),
        new("Azure Event Hubs Data Sender", "eventhubs/alerts"),
        Signer("death-certificates"),
        Table("devices"),
        Blob("audit"));

    /// <summary>Function app Response: reads <c>alerts</c>, keeps incidents, contains devices in the registry.</summary>
    public static Principal Response { get; } = App(
        "response",
        new("Azure Event Hubs Data Receiver", "eventhubs/alerts"),
        new("IoT Hub Registry Contributor", "iothub"),
        Table("incidents"));

    /// <summary>IoT Hub's own identity: routes to hub <c>telemetry</c>.</summary>
    public static Principal IotHub { get; } = Service("iothub", new RoleAssignment("Azure Event Hubs Data Sender", "eventhubs/telemetry"));

    /// <summary>A person of operations: reads everything, enrols, decommissions, answers incidents.</summary>
    public static Principal Ops { get; } = new(
        "ops",
        Id("client:ops"),
        Id("object:ops"),
        [
            new("Azure Event Hubs Data Owner", "eventhubs"),
            new("IoT Hub Data Contributor", "iothub"),
            new("Device Provisioning Service Data Contributor", "dps"),
            new("Key Vault Reader", "keyvault"), // public parts: a root ceremony needs those of the apps' keys
            .. StorageOwner(),
        ],
        ["Device.Enroll", "Device.Decommission", "Incident.Respond", "Fleet.Read"]);

    /// <summary>A release engineer: submits and approves releases, uploads images awaiting one, signs with a key of their own.</summary>
    public static Principal ReleaseEngineer { get; } = Engineer("release-engineer");

    /// <summary>A second one: who submits may not approve.</summary>
    public static Principal ReleaseApprover { get; } = Engineer("release-approver");

    /// <summary>The keys of the vault, each named in somebody's role: <c>tuf-snapshot</c>, <c>tuf-timestamp</c>, <c>tuf-policy</c> (Firmware),
    /// <c>death-certificates</c> (Lifecycle), and one by each release engineer's name.</summary>
    public static IReadOnlyList<string> VaultKeys { get; } = ["tuf-snapshot", "tuf-timestamp", "tuf-policy", "death-certificates", "release-engineer", "release-approver"];

    /// <summary>All of them.</summary>
    public static TenantDirectory Directory() =>
        new([Enrollment, Telemetry, Firmware, Lifecycle, Response, IotHub, Ops, ReleaseEngineer, ReleaseApprover]);

    /// <summary>What every Functions host needs of its own storage: locks and timers, keys, checkpoints.</summary>
    /// <remarks>In Azure each app has a storage account for this; here the apps share one, so they could disturb each other's
    /// checkpoints, though never read each other's data.</remarks>
    private static IEnumerable<RoleAssignment> HostStorage() => [Blob("azure-webjobs-hosts"), Blob("azure-webjobs-secrets"), Blob("azure-webjobs-eventhub")];

    private static IEnumerable<RoleAssignment> StorageOwner() =>
    [
        new("Storage Blob Data Contributor", "storage/blob"),
        new("Storage Queue Data Contributor", "storage/queue"),
        new("Storage Table Data Contributor", "storage/table"),
    ];

    private static RoleAssignment Blob(string container) => new("Storage Blob Data Contributor", $"storage/blob/{container}");

    private static RoleAssignment Table(string table) => new("Storage Table Data Contributor", $"storage/table/{table}");

    /// <summary>The role of infra/modules/roles.bicep, on one key.</summary>
    private static RoleAssignment Signer(string key) => new("Key signer (custom)", $"keyvault/keys/{key}");

    private static Principal Engineer(string name) =>
        new(name, Id("client:" + name), Id("object:" + name), [Blob("firmware"), Signer(name)], ["Release.Submit", "Release.Approve", "Fleet.Read"]);

    private static Principal App(string name, params RoleAssignment[] roles) => Service(name, [.. roles, .. HostStorage()]);

    private static Principal Service(string name, params RoleAssignment[] roles) => new(name, Id("client:" + name), Id("object:" + name), roles, []);

    /// <summary>A GUID of version 8 (RFC 9562: derived as the maker likes).</summary>
    private static Guid Id(string name)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes("serverless-local:" + name))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
