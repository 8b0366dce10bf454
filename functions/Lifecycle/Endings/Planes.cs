using System.Collections.Immutable;
using Serverless.Devices;

namespace Serverless.Lifecycle.Endings;

/// <summary>One plane on which a device has credentials or a claim.</summary>
/// <param name="Name">Stored in the ledger and in statements of death; never changes.</param>
/// <param name="Order">When it is closed among the others, from 1.</param>
/// <param name="Due">Whether it is to be closed for a device.</param>
/// <param name="Verified">Whether its closing can be read back. What cannot is noted and never holds a device up.</param>
/// <param name="LeavesOpen">What a device could still do if the work ended here for ever: the reason for the order.</param>
public sealed record Plane(string Name, int Order, Func<DeviceRecord, bool> Due, bool Verified, string LeavesOpen);

/// <summary>The planes, in the order that leaves no way back (DPS: how to revoke device access, how to unprovision devices).</summary>
public static class Planes
{
    /// <summary>The device is asked to reset itself: only while it can still be reached, and only asked.</summary>
    public const string FactoryReset = "factory-reset";

    /// <summary>A disabled individual enrolment stands in DPS. Never a deletion: a group would admit the device.</summary>
    public const string Enrollment = "dps-enrollment";

    /// <summary>The identity at every linked hub is disabled, or there is none.</summary>
    public const string Hub = "hub-identity";

    /// <summary>DPS has no registration record.</summary>
    public const string Registration = "dps-registration";

    /// <summary>Symmetric keys, at the hub and in DPS, are ones that nobody knows.</summary>
    public const string Keys = "symmetric-keys";

    /// <summary>Its public keys are on the denial list.</summary>
    public const string Denial = "denial-list";

    /// <summary>It is entitled to no firmware.</summary>
    public const string Firmware = "ota-entitlement";

    /// <summary>What is kept of a person is gone, as the policy says.</summary>
    public const string Personal = "personal-data";

    /// <summary>A transferred id's hub identities are deleted, so that the next device of the name begins anew.</summary>
    public const string Release = "hub-release";

    /// <summary>The statement of death is signed and stored. No plane of the device's; it comes after death.</summary>
    public const string Certificate = "death-certificate";

    /// <summary>All planes of a device, first to last.</summary>
    public static ImmutableArray<Plane> InOrder { get; } =
    [
        new(FactoryReset, 1, record => record.Ending?.FactoryReset == true, false, "everything: nothing is closed yet, and admission is refused by the ledger alone"),
        new(Enrollment, 2, _ => true, true, "its live session, and any hub identity it has; it can register nowhere"),
        new(Hub, 3, _ => true, true, "nothing; a record in DPS still says where it was"),
        new(Registration, 4, _ => true, true, "nothing; symmetric keys it had are still stored, disabled"),
        new(Keys, 5, _ => true, false, "nothing; its public key could be enrolled again under another name"),
        new(Denial, 6, _ => true, true, "nothing; it is still listed for firmware"),
        new(Firmware, 7, _ => true, true, "nothing; personal data is still kept"),
        new(Personal, 8, _ => true, true, "nothing"),
        new(Release, 9, record => record.Ending?.NewOwner is not null, true, "nothing; the id is free for the new owner's device"),
    ];

    /// <summary>The planes that are closed for a device, first to last.</summary>
    /// <param name="record">The device.</param>
    public static IEnumerable<Plane> Of(DeviceRecord record) => InOrder.Where(plane => plane.Due(record));
}

/// <summary>How far a plane is. Stored; never changes.</summary>
public static class Stages
{
    /// <summary>Tried and not done; tried again.</summary>
    public const string Failed = "failed";

    /// <summary>Asked for; the answer is noted, whatever it was.</summary>
    public const string Noted = "noted";

    /// <summary>Closed by an answer of the service.</summary>
    public const string Closed = "closed";

    /// <summary>Read back and seen closed.</summary>
    public const string Verified = "verified";

    /// <summary>Whether nothing is left to do there but reading back.</summary>
    /// <param name="closing">The plane; none begun is not done.</param>
    public static bool IsDone(PlaneClosing? closing) => closing?.Stage is Noted or Closed or Verified;
}
