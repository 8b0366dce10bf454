using Serverless.Faults;
using Serverless.Local.Identity;

namespace Serverless.Local.IotHub.Access;

/// <summary>What a call of the service API needs.</summary>
/// <param name="Permission">Of a shared access policy.</param>
/// <param name="DataActions">All of these, of an Entra caller, below <c>Microsoft.Devices/IotHubs/</c>.</param>
internal sealed record Need(HubPermissions Permission, params string[] DataActions)
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

/// <summary>Decides who may call the service API.</summary>
internal sealed class ServiceCallers(Hub hub, Tokens tokens, TenantDirectory directory)
{
    /// <summary>Checks an Authorization header: an Entra bearer token and its roles on this hub, or a policy's shared access token.</summary>
    /// <returns>Null, or <c>token-missing</c>, <c>caller-role</c>, or a fault of <see cref="Tokens.Verify"/>, <see cref="SasToken.Parse"/>,
    /// <see cref="HubPolicies.Verify"/>.</returns>
    public async Task<Fault?> Check(string authorization, Need need, CancellationToken cancel)
    {
        const string Bearer = "Bearer ";
        if (authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            var verified = await tokens.Verify(authorization[Bearer.Length..], Audiences.IotHub, cancel).ConfigureAwait(false);
            if (!verified.TryGet(out var caller, out var fault)) return fault;
            return need.DataActions.All(action => directory.Allows(caller.ClientId, "Microsoft.Devices/IotHubs/" + action, hub.Options.Scope))
                ? null
                : new Fault("caller-role", "authorization");
        }

        if (!authorization.StartsWith("SharedAccessSignature ", StringComparison.Ordinal)) return new Fault("token-missing", "authorization");
        if (!SasToken.Parse(authorization).TryGet(out var token, out var shape)) return shape;
        if (!hub.Policies.Verify(token, hub.Hosts, null, hub.Wall.GetUtcNow()).TryGet(out var grant, out var refused)) return refused;
        return grant.Permissions.HasFlag(need.Permission) ? null : new Fault("caller-role", "authorization");
    }
}
