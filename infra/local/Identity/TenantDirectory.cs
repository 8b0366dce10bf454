using System.Collections.Concurrent;

namespace Serverless.Local.Identity;

/// <summary>One role held at one scope, as an Azure role assignment would say it.</summary>
/// <param name="Role">Built-in or custom role name; its data actions are in <see cref="Roles"/>.</param>
/// <param name="Scope">What it is held on, by local resource path, such as <c>eventhubs/validated</c>, <c>iothub</c> or
/// <c>storage/blob/rejected</c>; a scope covers everything below it.</param>
public sealed record RoleAssignment(string Role, string Scope);

/// <summary>A service principal of the local tenant: one a function app, one a person or tool.</summary>
/// <param name="Name">Display name, such as <c>telemetry</c>.</param>
/// <param name="ClientId">Application (client) id, a GUID.</param>
/// <param name="ObjectId">Object id, a GUID; the token's <c>oid</c> and <c>sub</c>.</param>
/// <param name="Assignments">Every role it holds.</param>
/// <param name="AppRoles">App roles on our own API, the token's <c>roles</c> when the audience is <see cref="Audiences.Api"/>.</param>
public sealed record Principal(
    string Name,
    Guid ClientId,
    Guid ObjectId,
    IReadOnlyList<RoleAssignment> Assignments,
    IReadOnlyList<string> AppRoles);

/// <summary>The audiences that tokens are issued for; a scope is one of these and <c>/.default</c>.</summary>
public static class Audiences
{
    /// <summary>Event Hubs.</summary>
    public const string EventHubs = "https://eventhubs.azure.net";

    /// <summary>IoT Hub's service API.</summary>
    public const string IotHub = "https://iothubs.azure.net";

    /// <summary>DPS's service API.</summary>
    public const string Provisioning = "https://azure-devices-provisioning.net";

    /// <summary>Key Vault.</summary>
    public const string KeyVault = "https://vault.azure.net";

    /// <summary>Storage.</summary>
    public const string Storage = "https://storage.azure.com";

    /// <summary>The pipeline's own HTTP API.</summary>
    public const string Api = "api://serverless";
}

/// <summary>Who may do what: the principals of one local tenant and the data actions their roles grant.</summary>
/// <remarks>Principals never change; what they used is counted. Thread-safe.</remarks>
public sealed class TenantDirectory
{
    private readonly Dictionary<Guid, Principal> _byClientId;
    private readonly ConcurrentDictionary<(Guid ClientId, RoleAssignment Held), bool> _used = new();

    /// <summary>Builds the directory.</summary>
    /// <param name="principals">All principals; client ids are unique.</param>
    /// <exception cref="ArgumentException">A role without definition, or a client id twice.</exception>
    public TenantDirectory(IEnumerable<Principal> principals)
    {
        _byClientId = principals.ToDictionary(principal => principal.ClientId);
        foreach (var assignment in _byClientId.Values.SelectMany(principal => principal.Assignments))
        {
            if (!Roles.DataActions.ContainsKey(assignment.Role)) throw new ArgumentException($"role '{assignment.Role}' is not defined", nameof(principals));
        }
    }

    /// <summary>All principals.</summary>
    public IReadOnlyCollection<Principal> Principals => _byClientId.Values;

    /// <summary>Finds a principal by client id.</summary>
    /// <param name="clientId">The application id.</param>
    public Principal? Find(Guid clientId) => _byClientId.GetValueOrDefault(clientId);

    /// <summary>Whether the principal holds a role with this data action at or above the scope.</summary>
    /// <param name="clientId">The caller's application id, from a verified token.</param>
    /// <param name="dataAction">An Azure data action, such as <c>Microsoft.Devices/IotHubs/devices/read</c>.</param>
    /// <param name="scope">The resource path asked for.</param>
    public bool Allows(Guid clientId, string dataAction, string scope)
    {
        var granting = Find(clientId)?.Assignments.Where(held =>
            (scope == held.Scope || scope.StartsWith(held.Scope + "/", StringComparison.Ordinal))
            && Roles.DataActions[held.Role].Any(granted => Roles.Covers(granted, dataAction))).ToList();
        if (granting is not { Count: > 0 }) return false;
        foreach (var held in granting) _used.TryAdd((clientId, held), true);
        return true;
    }

    /// <summary>Roles by which nothing was allowed so far, as <c>principal: role on scope</c>: whoever never needs one should not hold it.
    /// Those on the containers of the Functions host are left out; which of them it needs is its own affair.</summary>
    /// <param name="names">Whose: names of principals.</param>
    public IReadOnlyList<string> Unused(IEnumerable<string> names) =>
        [.. from name in names
            from principal in Principals
            where principal.Name == name
            from held in principal.Assignments
            where !held.Scope.StartsWith("storage/blob/azure-webjobs-", StringComparison.Ordinal) && !_used.ContainsKey((principal.ClientId, held))
            select $"{name}: {held.Role} on {held.Scope}"];
}
