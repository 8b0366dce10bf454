namespace Serverless.Local.Identity;

/// <summary>The roles the pipeline uses and the data actions each grants (Azure built-in role definitions; custom ones end in
/// "(custom)" and are defined in infra/).</summary>
public static class Roles
{
    /// <summary>Role name to data actions; <c>*</c> stands for any characters.</summary>
    public static IReadOnlyDictionary<string, string[]> DataActions { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Azure Event Hubs Data Owner"] = ["Microsoft.EventHub/*"],
        ["Azure Event Hubs Data Sender"] = ["Microsoft.EventHub/*/send/action"],
        ["Azure Event Hubs Data Receiver"] = ["Microsoft.EventHub/*/receive/action"],
        ["Key Vault Crypto Officer"] = ["Microsoft.KeyVault/vaults/keys/*"],
        ["Key Vault Crypto User"] =
        [
            "Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/update/action", "Microsoft.KeyVault/vaults/keys/backup/action",
            "Microsoft.KeyVault/vaults/keys/encrypt/action", "Microsoft.KeyVault/vaults/keys/decrypt/action",
            "Microsoft.KeyVault/vaults/keys/wrap/action", "Microsoft.KeyVault/vaults/keys/unwrap/action",
            "Microsoft.KeyVault/vaults/keys/sign/action", "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
        ["Key Vault Reader"] = ["Microsoft.KeyVault/vaults/*/read"],
        ["Key signer (custom)"] = ["Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/sign/action"],
        ["IoT Hub Data Contributor"] = ["Microsoft.Devices/IotHubs/*"],
        ["IoT Hub Data Reader"] = ["Microsoft.Devices/IotHubs/*/read"],
        ["IoT Hub Registry Contributor"] = ["Microsoft.Devices/IotHubs/devices/*"],
        ["IoT Hub Twin Contributor"] = ["Microsoft.Devices/IotHubs/twins/*"],
        ["IoT Hub registry operator (custom)"] =
        [
            "Microsoft.Devices/IotHubs/devices/read", "Microsoft.Devices/IotHubs/devices/write", "Microsoft.Devices/IotHubs/devices/delete",
            "Microsoft.Devices/IotHubs/twins/read", "Microsoft.Devices/IotHubs/twins/write", "Microsoft.Devices/IotHubs/directMethods/invoke/action",
        ],
        ["IoT Hub registry reader (custom)"] = ["Microsoft.Devices/IotHubs/devices/read", "Microsoft.Devices/IotHubs/twins/read"],
        ["Device Provisioning Service Data Contributor"] = ["Microsoft.Devices/provisioningServices/*"],
        ["Device Provisioning Service Data Reader"] = ["Microsoft.Devices/provisioningServices/*/read"],
        // Unlike the built-in contributor it has no attestationmechanism/details: keys stay out of reach.
        ["DPS enrolment operator (custom)"] =
        [
            "Microsoft.Devices/provisioningServices/enrollments/read", "Microsoft.Devices/provisioningServices/enrollments/write",
            "Microsoft.Devices/provisioningServices/enrollments/delete",
            "Microsoft.Devices/provisioningServices/enrollmentGroups/read", "Microsoft.Devices/provisioningServices/enrollmentGroups/write",
            "Microsoft.Devices/provisioningServices/registrationStates/read", "Microsoft.Devices/provisioningServices/registrationStates/delete",
        ],
        ["Storage Blob Data Reader"] = ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
        ["Storage Blob Data Contributor"] = ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"],
        ["Storage Queue Data Contributor"] = ["Microsoft.Storage/storageAccounts/queueServices/queues/messages/*"],
        ["Storage Table Data Contributor"] = ["Microsoft.Storage/storageAccounts/tableServices/tables/entities/*"],
    };

    /// <summary>Whether a granted action pattern covers an action. Case-insensitive, as Azure compares them.</summary>
    /// <param name="granted">Pattern with at most one <c>*</c>.</param>
    /// <param name="action">The action asked for.</param>
    public static bool Covers(string granted, string action)
    {
        var star = granted.IndexOf('*', StringComparison.Ordinal);
        return star < 0
            ? string.Equals(granted, action, StringComparison.OrdinalIgnoreCase)
            : action.Length >= granted.Length - 1
                && action.AsSpan().StartsWith(granted.AsSpan(0, star), StringComparison.OrdinalIgnoreCase)
                && action.AsSpan().EndsWith(granted.AsSpan(star + 1), StringComparison.OrdinalIgnoreCase);
    }
}
