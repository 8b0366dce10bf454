using System.Collections.Immutable;
using Serverless.Devices;

namespace Serverless.Lifecycle.Endings;

/// <summary>A kind of disagreement or weakness.</summary>
/// <param name="Code">Stable; names findings, alerts and runbooks.</param>
/// <param name="Severity"><c>warning</c>, <c>high</c> or <c>critical</c>.</param>
/// <param name="Weight">Points of the score it is worth, 1 or more; all together 100.</param>
/// <param name="Mend">What to do, in a sentence.</param>
public sealed record FindingKind(string Code, string Severity, int Weight, string Mend);

/// <summary>One finding.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Subject">Device or group, in the ledger's or the service's spelling; at most 128 characters.</param>
/// <param name="Where">Where it was seen: <c>ledger</c>, <c>dps</c>, or a hub's host name.</param>
public sealed record Finding(FindingKind Kind, string Subject, string Where);

/// <summary>An individual enrolment as far as the audit looks.</summary>
/// <param name="Id">Registration id.</param>
/// <param name="Enabled">Whether it admits.</param>
/// <param name="SymmetricKey">Whether by symmetric keys.</param>
/// <param name="Webhook">Whether our webhook decides.</param>
/// <param name="KeyHolder">Whose public key its certificate has, by the ledger's index; <see langword="null"/> when unknown or not X.509.</param>
public sealed record EnrollmentFact(string Id, bool Enabled, bool SymmetricKey, bool Webhook, DeviceId? KeyHolder);

/// <summary>A hub identity as far as the audit looks.</summary>
/// <param name="Hub">Host name.</param>
/// <param name="Id">Device id.</param>
/// <param name="Enabled">Whether it may connect.</param>
/// <param name="SymmetricKey">Whether by symmetric keys.</param>
/// <param name="LastActivityAt">When it was last active, UTC.</param>
public sealed record IdentityFact(string Hub, string Id, bool Enabled, bool SymmetricKey, DateTimeOffset? LastActivityAt);

/// <summary>A group as far as the audit looks.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Enabled">Whether it admits.</param>
/// <param name="Webhook">Whether our webhook decides.</param>
/// <param name="NotAfter">When its certificate authority ends, as DPS read it; <see langword="null"/> when DPS does not say.</param>
public sealed record GroupFact(string Id, bool Enabled, bool Webhook, DateTimeOffset? NotAfter);

/// <summary>What the audit holds the fleet against.</summary>
public sealed record AuditPolicy
{
    /// <summary>How long a device may be enrolled and never seen. Default 30 days.</summary>
    public TimeSpan NeverSeenAfter { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long an end may be overdue. Default 1 day.</summary>
    public TimeSpan OverdueAfter { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How long a hub may take to cut a session off after disabling; activity later is telemetry of a disabled device. Default 10 min.</summary>
    public TimeSpan CutOffWithin { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Models that may use symmetric keys.</summary>
    public ImmutableSortedSet<string> SymmetricModels { get; init; } = ImmutableSortedSet<string>.Empty;

    /// <summary>Lowest firmware version allowed, by model; compared part by part as numbers.</summary>
    public ImmutableSortedDictionary<string, string> FirmwareMin { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Oldest age of a certificate. Default 400 days.</summary>
    public TimeSpan CertificateAgeMax { get; init; } = TimeSpan.FromDays(400);
}

/// <summary>Comparisons of ledger, DPS and hubs: pure, one device or group at a time.</summary>
public static class Findings
{
    /// <summary>A hub identity that the ledger does not know.</summary>
    public static FindingKind IdentityOrphaned { get; } = new("identity-orphaned", "critical", 8, "Find out who made the identity; disable it, and enrol the device if it is one of ours.");

    /// <summary>An enrolment that the ledger does not know.</summary>
    public static FindingKind EnrollmentOrphaned { get; } = new("enrollment-orphaned", "high", 6, "Find out who made the enrolment; disable it, and enrol the device through the API if it is one of ours.");

    /// <summary>An enrolment that admits an ended device.</summary>
    public static FindingKind EnrollmentOpen { get; } = new("enrollment-open-after-end", "critical", 9, "The sweep disables it at its next look; find out who enabled it.");

    /// <summary>A hub identity of an ended device that may connect.</summary>
    public static FindingKind IdentityOpen { get; } = new("identity-open-after-end", "critical", 9, "The sweep disables it at its next look; find out who enabled it.");

    /// <summary>A hub identity of a contained device that may connect.</summary>
    public static FindingKind IdentityUncontained { get; } = new("identity-open-while-contained", "critical", 8, "Contain the device again; find out who enabled it.");

    /// <summary>One public key in two places.</summary>
    public static FindingKind KeyShared { get; } = new("key-shared", "critical", 9, "Two devices have one key: decommission both ids, enrol with new keys.");

    /// <summary>A hub identity by symmetric keys where the model wants certificates.</summary>
    public static FindingKind IdentitySymmetric { get; } = new("identity-by-symmetric-key", "high", 5, "Enrol the device with a certificate.");

    /// <summary>An enrolment by symmetric keys where the model wants certificates.</summary>
    public static FindingKind EnrollmentSymmetric { get; } = new("enrollment-by-symmetric-key", "high", 5, "Enrol the device with a certificate.");

    /// <summary>An enrolment that admits without asking us.</summary>
    public static FindingKind WebhookBypassed { get; } = new("webhook-bypassed", "critical", 8, "Set custom allocation with our webhook, or disable the entry.");

    /// <summary>A group without a limit.</summary>
    public static FindingKind GroupUncapped { get; } = new("group-uncapped", "high", 5, "Register the group through the API with models and a maximum, or disable it.");

    /// <summary>A group of an authority that ended.</summary>
    public static FindingKind GroupExpired { get; } = new("group-ca-expired", "high", 4, "Disable the group, or give it the next signing certificate.");

    /// <summary>A device that never connected.</summary>
    public static FindingKind NeverSeen { get; } = new("device-never-seen", "warning", 2, "Find the device or decommission it: a credential that lies about is a gift.");

    /// <summary>A device that belongs to nobody.</summary>
    public static FindingKind Unowned { get; } = new("device-unowned", "warning", 2, "Give the device an owner or decommission it.");

    /// <summary>Activity of a device that was cut off.</summary>
    public static FindingKind ActiveAfterEnd { get; } = new("activity-after-end", "critical", 7, "The hub did not cut the session off; keep what it sent as evidence, and open an incident.");

    /// <summary>Firmware below the minimum.</summary>
    public static FindingKind FirmwareStale { get; } = new("firmware-below-minimum", "high", 4, "Update the device, or contain it.");

    /// <summary>A certificate that ended.</summary>
    public static FindingKind CertificateExpired { get; } = new("certificate-expired", "high", 3, "Rotate the certificate or decommission the device.");

    /// <summary>A certificate older than policy.</summary>
    public static FindingKind CertificateOld { get; } = new("certificate-old", "warning", 2, "Rotate the certificate.");

    /// <summary>An end that does not come about.</summary>
    public static FindingKind EndingOverdue { get; } = new("ending-overdue", "high", 2, "See which plane fails and why: GET api/devices/{id}/decommission.");

    /// <summary>A death without a statement.</summary>
    public static FindingKind Uncertified { get; } = new("death-uncertified", "high", 2, "See why the statement is not signed: key, vault, storage.");

    /// <summary>All kinds.</summary>
    public static ImmutableArray<FindingKind> Kinds { get; } =
    [
        IdentityOrphaned, EnrollmentOrphaned, EnrollmentOpen, IdentityOpen, IdentityUncontained, KeyShared, IdentitySymmetric, EnrollmentSymmetric,
        WebhookBypassed, GroupUncapped, GroupExpired, NeverSeen, Unowned, ActiveAfterEnd, FirmwareStale, CertificateExpired, CertificateOld, EndingOverdue, Uncertified,
    ];

    /// <summary>What a row shows by itself.</summary>
    /// <param name="row">The row.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="now">UTC.</param>
    public static IEnumerable<Finding> OfRow(DeviceRecord row, AuditPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(policy);
        Finding Found(FindingKind kind) => new(kind, row.Id.Text, "ledger");
        if (row.State == DeviceState.Dead && row.Closings[Planes.Certificate]?.Stage != Stages.Closed && now - (row.Ending?.DueAt ?? now) > policy.OverdueAfter) yield return Found(Uncertified);
        if (row is { State: DeviceState.Decommissioned, Ending: { } ending } && now - ending.DueAt > policy.OverdueAfter) yield return Found(EndingOverdue);
        if (row.Ending is not null) yield break;
        if (row.LastSeenAt is null && now - row.EnrolledAt > policy.NeverSeenAfter) yield return Found(NeverSeen);
        if (string.IsNullOrWhiteSpace(row.Owner) || row.Owner is "unknown" or "-") yield return Found(Unowned);
        if (Expiry.Latest(row) is { } end && end <= now) yield return Found(CertificateExpired);
        else if (row.Next is null && row.Current.NotBefore is { } begins && now - begins > policy.CertificateAgeMax) yield return Found(CertificateOld);
        if (policy.FirmwareMin.TryGetValue(row.Model, out var least) && row.FirmwareSeen is { } seen && Older(seen, least)) yield return Found(FirmwareStale);
    }

    /// <summary>What an enrolment shows against its row.</summary>
    /// <param name="fact">The enrolment.</param>
    /// <param name="row">Its row, if any.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="now">UTC.</param>
    public static IEnumerable<Finding> OfEnrollment(EnrollmentFact fact, DeviceRecord? row, AuditPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(fact);
        ArgumentNullException.ThrowIfNull(policy);
        Finding Found(FindingKind kind) => new(kind, fact.Id, "dps");
        if (fact.KeyHolder is { } holder && holder.Text != fact.Id) yield return Found(KeyShared);
        if (!fact.Enabled) yield break; // it refuses, whatever else it says
        if (row is null) yield return Found(EnrollmentOrphaned);
        else if (Over(row, now)) yield return Found(EnrollmentOpen);
        if (!fact.Webhook) yield return Found(WebhookBypassed);
        if (fact.SymmetricKey && (row is null || !policy.SymmetricModels.Contains(row.Model))) yield return Found(EnrollmentSymmetric);
    }

    /// <summary>What a hub identity shows against its row.</summary>
    /// <param name="fact">The identity.</param>
    /// <param name="row">Its row, if any.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="now">UTC.</param>
    public static IEnumerable<Finding> OfIdentity(IdentityFact fact, DeviceRecord? row, AuditPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(fact);
        ArgumentNullException.ThrowIfNull(policy);
        Finding Found(FindingKind kind) => new(kind, fact.Id, fact.Hub);
        if (row is null)
        {
            yield return Found(IdentityOrphaned);
            yield break;
        }

        var over = Over(row, now);
        if (fact.Enabled && over) yield return Found(IdentityOpen);
        if (fact.Enabled && row.State == DeviceState.Contained) yield return Found(IdentityUncontained);
        if (row.Closings[Planes.Hub] is { Stage: Stages.Closed or Stages.Verified } shut && fact.LastActivityAt is { } active && active - shut.At > policy.CutOffWithin) yield return Found(ActiveAfterEnd);
        // The ended have keys nobody knows: that is their end, not a weakness.
        if (fact.SymmetricKey && row.Ending is null && !policy.SymmetricModels.Contains(row.Model)) yield return Found(IdentitySymmetric);
    }

    /// <summary>What a group shows against the ledger.</summary>
    /// <param name="fact">The group.</param>
    /// <param name="known">The ledger's, if any.</param>
    /// <param name="now">UTC.</param>
    public static IEnumerable<Finding> OfGroup(GroupFact fact, DeviceGroup? known, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(fact);
        if (!fact.Enabled) yield break;
        if (known is null) yield return new Finding(GroupUncapped, fact.Id, "dps");
        if (!fact.Webhook) yield return new Finding(WebhookBypassed, fact.Id, "dps");
        if ((known?.NotAfter ?? fact.NotAfter) is { } end && end <= now) yield return new Finding(GroupExpired, fact.Id, "dps");
    }

    /// <summary>The fleet's score: 100 without findings. A kind costs half its weight as soon as it is found at all, and the rest by how much of
    /// the fleet has it.</summary>
    /// <param name="open">Open findings that nobody accepted, by code.</param>
    /// <param name="devices">Devices looked at.</param>
    /// <returns>0 to 100.</returns>
    public static double Score(IReadOnlyDictionary<string, int> open, long devices)
    {
        ArgumentNullException.ThrowIfNull(open);
        var lost = Kinds.Sum(kind => open.TryGetValue(kind.Code, out var count) && count > 0 ? kind.Weight * (0.5 + (0.5 * Math.Min(1, (double)count / Math.Max(1, devices)))) : 0);
        return Math.Round(100 - lost, 2);
    }

    // Cut off already, not merely condemned: before the sweep had its time an open plane is no disagreement.
    private static bool Over(DeviceRecord row, DateTimeOffset now) =>
        row.State == DeviceState.Dead || (row is { State: DeviceState.Decommissioned, Ending: { } ending } && now >= ending.DueAt && !row.Closings.IsEmpty);

    private static bool Older(string seen, string least)
    {
        var (have, need) = (Numbers(seen), Numbers(least));
        for (var i = 0; i < Math.Max(have.Length, need.Length); i++)
        {
            var by = (i < have.Length ? have[i] : 0).CompareTo(i < need.Length ? need[i] : 0);
            if (by != 0) return by < 0;
        }

        return false;
    }

    // What is no number counts as none: a version that cannot be read is old.
    private static long[] Numbers(string version) =>
        [.. version.Split('.').Select(part => long.TryParse(part, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : -1)];
}
