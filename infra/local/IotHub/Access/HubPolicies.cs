using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Access;

/// <summary>What a shared access policy may do (access control guide).</summary>
[Flags]
internal enum HubPermissions
{
    None = 0,
    RegistryRead = 1,
    RegistryWrite = 2,
    ServiceConnect = 4,
    DeviceConnect = 8,
}

/// <summary>The hub's shared access policies, with keys made at start.</summary>
/// <remarks>A red flag by design: on Azure local authentication should be off unless DPS needs it. They exist here because Microsoft's
/// tools use them and because a stolen policy key must be simulated. Immutable, thread-safe.</remarks>
internal sealed class HubPolicies
{
    private readonly Dictionary<string, (HubPermissions Permissions, string Key)> _policies = new(StringComparer.Ordinal)
    {
        ["iothubowner"] = (HubPermissions.RegistryRead | HubPermissions.RegistryWrite | HubPermissions.ServiceConnect | HubPermissions.DeviceConnect, NewKey()),
        ["service"] = (HubPermissions.ServiceConnect, NewKey()),
        ["device"] = (HubPermissions.DeviceConnect, NewKey()),
        ["registryRead"] = (HubPermissions.RegistryRead, NewKey()),
        ["registryReadWrite"] = (HubPermissions.RegistryRead | HubPermissions.RegistryWrite, NewKey()),
    };

    /// <exception cref="KeyNotFoundException">No such policy.</exception>
    public string Key(string policy) => _policies[policy].Key;

    /// <summary>Checks a policy's token.</summary>
    /// <returns>What it may do, or <c>token-policy</c>, <c>token-signature</c>, <c>token-expired</c>, <c>token-resource</c>.</returns>
    public Parsed<PolicyGrant> Verify(SasToken token, IEnumerable<string> hosts, string? deviceId, DateTimeOffset now)
    {
        if (token.Policy is null || !_policies.TryGetValue(token.Policy, out var policy)) return new Fault("token-policy", "skn");
        if (!token.SignedBy(policy.Key)) return new Fault("token-signature", "sig");
        if (token.ExpiresAt <= now) return new Fault("token-expired", "se");
        return token.Covers(hosts, deviceId) ? new PolicyGrant(token.Policy, policy.Permissions) : new Fault("token-resource", "sr");
    }

    private static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
}

/// <summary>A policy whose key signed a token.</summary>
internal sealed record PolicyGrant(string Policy, HubPermissions Permissions);
