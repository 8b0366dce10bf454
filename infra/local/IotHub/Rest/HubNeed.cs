using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub.Rest;

/// <summary>What the calls of the hub's service API need.</summary>
internal static class HubNeed
{
    public static Need DeviceRead { get; } = new(HubPermissions.RegistryRead, "devices/read");

    public static Need DeviceWrite { get; } = new(HubPermissions.RegistryWrite, "devices/write");

    public static Need DeviceDelete { get; } = new(HubPermissions.RegistryWrite, "devices/delete");

    /// <summary>A bulk call may delete, so it needs both whatever it does.</summary>
    public static Need Bulk { get; } = new(HubPermissions.RegistryWrite, "devices/write", "devices/delete");

    public static Need Statistics { get; } = new(HubPermissions.RegistryRead, "statistics/read");

    public static Need TwinRead { get; } = new(HubPermissions.ServiceConnect, "twins/read");

    public static Need TwinWrite { get; } = new(HubPermissions.ServiceConnect, "twins/write");

    public static Need Method { get; } = new(HubPermissions.ServiceConnect, "directMethods/invoke/action");

    public static Need Send { get; } = new(HubPermissions.ServiceConnect, "cloudToDeviceMessages/send/action");

    public static Need Purge { get; } = new(HubPermissions.ServiceConnect, "cloudToDeviceMessages/queue/purge/action");
}
