using System.Security.Cryptography;
using System.Text;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>Where the twin of a device that was given a hub comes from.</summary>
internal enum TwinSource
{
    /// <summary>The webhook's, or else the enrolment's.</summary>
    Initial,

    /// <summary>The hub it leaves.</summary>
    Migrated,

    /// <summary>It stays as it is; the enrolment's, should the hub have lost the device.</summary>
    Kept,
}

/// <summary>What a registration comes to.</summary>
/// <param name="Hub">The hub's host name.</param>
/// <param name="Substatus">As the service spells it.</param>
/// <param name="Twin">See <see cref="TwinSource"/>.</param>
internal sealed record AllocationPlan(string Hub, string Substatus, TwinSource Twin);

/// <summary>Which hub a device gets, without a webhook, and what a second registration means (reprovisioning concepts). Pure.</summary>
internal static class Allocation
{
    /// <summary>The hubs a device may be given now.</summary>
    /// <param name="enrollment">Names some, or none for all.</param>
    /// <param name="linked">Hubs linked to the service.</param>
    /// <param name="current">Where the device lives, or null.</param>
    /// <returns>Host names in the service's spelling; only the current one under the policy "never reprovision".</returns>
    public static IReadOnlyList<string> Eligible(Enrollment enrollment, IReadOnlyCollection<string> linked, Assignment? current) =>
    [
        .. linked.Where(hub => current is not null && !enrollment.Reprovision.UpdateHubAssignment
            ? Same(hub, current.HubHostName)
            : enrollment.Hubs.Count == 0 || enrollment.Hubs.Any(named => Same(named, hub))),
    ];

    /// <summary>The hub of a built-in policy: the highest hash of hub and device together, so that a hub more or less moves only the
    /// devices it wins or loses.</summary>
    /// <param name="registrationId">Whose; its case does not count.</param>
    /// <param name="eligible">At least one.</param>
    public static string Hashed(string registrationId, IReadOnlyList<string> eligible) =>
        eligible.MaxBy(hub => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{hub}\n{registrationId}".ToUpperInvariant()))), StringComparer.Ordinal)!;

    /// <summary>What the choice means for the device.</summary>
    /// <param name="chosen">Its new hub and identity.</param>
    /// <param name="current">Where it lives, or null.</param>
    /// <param name="policy">Of its enrolment.</param>
    public static AllocationPlan Plan(Assignment chosen, Assignment? current, ReprovisionPolicy policy) =>
        current is null ? new(chosen.HubHostName, "initialAssignment", TwinSource.Initial)
        : current == chosen ? new(chosen.HubHostName, "reprovisionedToInitialAssignment", TwinSource.Kept)
        : policy.MigrateDeviceData ? new(chosen.HubHostName, "deviceDataMigrated", TwinSource.Migrated)
        : new(chosen.HubHostName, "deviceDataReset", TwinSource.Initial);

    /// <summary>Whether two host names are one.</summary>
    public static bool Same(string? one, string? other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
