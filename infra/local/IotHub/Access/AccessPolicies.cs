using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Access;

/// <summary>A service's shared access policies, with keys made at start.</summary>
/// <remarks>A red flag by design: on Azure local authentication should be off unless DPS needs it. They exist here because Microsoft's
/// tools use them and because a stolen policy key must be simulated. Immutable, thread-safe.</remarks>
/// <param name="permissions">By policy: flags of the service's own enum.</param>
internal sealed class AccessPolicies(IReadOnlyDictionary<string, Enum> permissions)
{
    private readonly Dictionary<string, (Enum Permissions, string Key)> _policies = permissions.ToDictionary(
        pair => pair.Key, pair => (pair.Value, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))), StringComparer.Ordinal);

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
}

/// <summary>A policy whose key signed a token.</summary>
/// <param name="Policy">Its name.</param>
/// <param name="Permissions">Flags of the service's own enum.</param>
internal sealed record PolicyGrant(string Policy, Enum Permissions)
{
    /// <summary>Whether every flag asked for is held.</summary>
    public bool Allows(Enum needed) => Permissions.HasFlag(needed);
}
