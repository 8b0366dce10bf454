namespace Serverless.Local.IotHub.Access;

/// <summary>What a shared access policy of a hub may do (access control guide).</summary>
[Flags]
internal enum HubPermissions
{
    None = 0,
    RegistryRead = 1,
    RegistryWrite = 2,
    ServiceConnect = 4,
    DeviceConnect = 8,
}

/// <summary>The shared access policies that every hub has.</summary>
internal static class HubPolicies
{
    public static AccessPolicies Create() => new(new Dictionary<string, Enum>(StringComparer.Ordinal)
    {
        ["iothubowner"] = HubPermissions.RegistryRead | HubPermissions.RegistryWrite | HubPermissions.ServiceConnect | HubPermissions.DeviceConnect,
        ["service"] = HubPermissions.ServiceConnect,
        ["device"] = HubPermissions.DeviceConnect,
        ["registryRead"] = HubPermissions.RegistryRead,
        ["registryReadWrite"] = HubPermissions.RegistryRead | HubPermissions.RegistryWrite,
    });
}
