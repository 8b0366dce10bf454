using System.Collections.Immutable;
using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>What is done to a device's row.</summary>
public enum Act
{
    /// <summary>The row begins: an enrolment, or a group device's first admission.</summary>
    Enroll,

    /// <summary>Admitted to a hub, for the first time or again.</summary>
    Admit,

    /// <summary>Heard of: firmware, last seen, generation; or looked at by a sweep.</summary>
    Observe,

    /// <summary>The next key comes, or takes the place of the current one.</summary>
    Rotate,

    /// <summary>Owner or model put right.</summary>
    Amend,

    /// <summary>Kept out while an incident is looked at.</summary>
    Contain,

    /// <summary>Let back in after an incident.</summary>
    Release,

    /// <summary>To be cut off.</summary>
    Decommission,

    /// <summary>Decommissioning taken back while nothing is closed yet.</summary>
    Restore,

    /// <summary>One plane's closing has moved on.</summary>
    Close,

    /// <summary>Every plane was seen closed.</summary>
    Bury,

    /// <summary>The id of a device that was transferred begins again with a new owner and new keys.</summary>
    Succeed,
}

/// <summary>Parts of a row that an act may change.</summary>
[Flags]
public enum Parts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Model, owner.</summary>
    Subject = 1,

    /// <summary>Current and next key.</summary>
    Keys = 2,

    /// <summary>Hub.</summary>
    Placement = 4,

    /// <summary>Firmware seen, last seen, generation of the hub identity.</summary>
    Sighting = 8,

    /// <summary>Why and when it ends.</summary>
    Ending = 16,

    /// <summary>Progress of the planes.</summary>
    Closings = 32,

    /// <summary>When a sweep looks again.</summary>
    Due = 64,

    /// <summary>Group, time and request of the enrolment.</summary>
    Enrolment = 128,
}

/// <summary>One row of the table.</summary>
/// <param name="From">The state before.</param>
/// <param name="By">The act.</param>
/// <param name="To">The state after.</param>
/// <param name="May">What may change besides.</param>
public sealed record Transition(DeviceState From, Act By, DeviceState To, Parts May);

/// <summary>Which states follow which, and by which act: one table, and no other way to change a row.</summary>
/// <remarks>Who may do an act is the edge's affair; that an act is not a way around another is settled here: a contained device does not
/// become active by being decommissioned and restored, and nothing dead comes back but a transferred id with new keys.</remarks>
public static class Transitions
{
    private const Parts Living = Parts.Sighting | Parts.Due;

    /// <summary>The table.</summary>
    public static ImmutableArray<Transition> Table { get; } =
    [
        new(DeviceState.Enrolled, Act.Admit, DeviceState.Active, Parts.Placement | Parts.Keys | Living),
        new(DeviceState.Active, Act.Admit, DeviceState.Active, Parts.Placement | Parts.Keys | Living),
        new(DeviceState.Enrolled, Act.Observe, DeviceState.Enrolled, Living),
        new(DeviceState.Active, Act.Observe, DeviceState.Active, Living),
        new(DeviceState.Contained, Act.Observe, DeviceState.Contained, Living),
        new(DeviceState.Decommissioned, Act.Observe, DeviceState.Decommissioned, Living),
        new(DeviceState.Dead, Act.Observe, DeviceState.Dead, Living),
        new(DeviceState.Enrolled, Act.Rotate, DeviceState.Enrolled, Parts.Keys | Parts.Due),
        new(DeviceState.Active, Act.Rotate, DeviceState.Active, Parts.Keys | Parts.Due),
        new(DeviceState.Enrolled, Act.Amend, DeviceState.Enrolled, Parts.Subject),
        new(DeviceState.Active, Act.Amend, DeviceState.Active, Parts.Subject),
        new(DeviceState.Contained, Act.Amend, DeviceState.Contained, Parts.Subject),
        new(DeviceState.Enrolled, Act.Contain, DeviceState.Contained, Parts.Due),
        new(DeviceState.Active, Act.Contain, DeviceState.Contained, Parts.Due),
        new(DeviceState.Contained, Act.Release, DeviceState.Enrolled, Parts.Due),
        new(DeviceState.Contained, Act.Release, DeviceState.Active, Parts.Due),
        new(DeviceState.Enrolled, Act.Decommission, DeviceState.Decommissioned, Parts.Ending | Parts.Due),
        new(DeviceState.Active, Act.Decommission, DeviceState.Decommissioned, Parts.Ending | Parts.Due),
        new(DeviceState.Contained, Act.Decommission, DeviceState.Decommissioned, Parts.Ending | Parts.Due),
        // Sooner, never later: a later end would be a way to keep a device alive that was condemned.
        new(DeviceState.Decommissioned, Act.Decommission, DeviceState.Decommissioned, Parts.Ending | Parts.Due),
        new(DeviceState.Decommissioned, Act.Restore, DeviceState.Enrolled, Parts.Ending | Parts.Due),
        new(DeviceState.Decommissioned, Act.Restore, DeviceState.Active, Parts.Ending | Parts.Due),
        new(DeviceState.Decommissioned, Act.Restore, DeviceState.Contained, Parts.Ending | Parts.Due),
        new(DeviceState.Decommissioned, Act.Close, DeviceState.Decommissioned, Parts.Closings | Parts.Due),
        new(DeviceState.Decommissioned, Act.Bury, DeviceState.Dead, Parts.Closings | Parts.Due),
        // A plane found open again after death is closed again; the device stays dead.
        new(DeviceState.Dead, Act.Close, DeviceState.Dead, Parts.Closings | Parts.Due),
        new(DeviceState.Dead, Act.Succeed, DeviceState.Enrolled,
            Parts.Subject | Parts.Keys | Parts.Placement | Living | Parts.Ending | Parts.Closings | Parts.Enrolment),
    ];

    /// <summary>Judges the first row of a device.</summary>
    /// <param name="record">The row.</param>
    /// <returns><see langword="null"/>, or <c>transition-refused</c> when a device would begin as anything but enrolled; or active, when a
    /// group's device is admitted that nobody enrolled.</returns>
    public static Fault? Begin(DeviceRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record is { State: DeviceState.Enrolled, Ending: null, Closings.IsEmpty: true }
            or { State: DeviceState.Active, Group: not null, Hub: not null, Ending: null, Closings.IsEmpty: true }
            ? null
            : new Fault("transition-refused", "state");
    }

    /// <summary>Judges a change.</summary>
    /// <param name="before">The row as it is.</param>
    /// <param name="after">The row as it would be.</param>
    /// <param name="act">By which act.</param>
    /// <param name="now">When, UTC.</param>
    /// <returns><see langword="null"/>, or <c>transition-refused</c> (the table has no such row), <c>transition-part</c> (the act may not
    /// change that part), <c>restore-late</c> (due already, or a plane was begun), <c>restore-state</c> (not the state it had),
    /// <c>ending-missing</c> (decommissioned without reason or due time), <c>ending-later</c> (a second end after the first),
    /// <c>succession-refused</c> (not transferred, or with a key of the dead device), <c>device-id-changed</c>.</returns>
    public static Fault? Check(DeviceRecord before, DeviceRecord after, Act act, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        if (before.Id != after.Id) return new Fault("device-id-changed", "id");
        var row = Table.FirstOrDefault(row => row.From == before.State && row.By == act && row.To == after.State);
        if (row is null) return new Fault("transition-refused", "state");
        var changed = Changed(before, after);
        if ((changed & ~row.May) != 0) return new Fault("transition-part", Name(changed & ~row.May));
        return act switch
        {
            Act.Decommission => Decommission(before, after),
            Act.Restore => Restore(before, after, now),
            Act.Succeed => Succeed(before, after),
            _ => null,
        };
    }

    /// <summary>Which parts differ.</summary>
    /// <param name="before">One row.</param>
    /// <param name="after">The other.</param>
    public static Parts Changed(DeviceRecord before, DeviceRecord after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var parts = Parts.None;
        if (before.Model != after.Model || before.Owner != after.Owner) parts |= Parts.Subject;
        if (before.Current != after.Current || before.Next != after.Next) parts |= Parts.Keys;
        if (before.Hub != after.Hub) parts |= Parts.Placement;
        if (before.FirmwareSeen != after.FirmwareSeen || before.LastSeenAt != after.LastSeenAt || before.GenerationId != after.GenerationId) parts |= Parts.Sighting;
        if (before.Ending != after.Ending) parts |= Parts.Ending;
        if (!before.Closings.Equals(after.Closings)) parts |= Parts.Closings;
        if (before.DueAt != after.DueAt) parts |= Parts.Due;
        if (before.Group != after.Group || before.EnrolledAt != after.EnrolledAt || before.Request != after.Request) parts |= Parts.Enrolment;
        return parts;
    }

    private static Fault? Decommission(DeviceRecord before, DeviceRecord after)
    {
        if (after is not { Ending: { Reason.Length: > 0 } ending, DueAt: not null }) return new Fault("ending-missing", "ending");
        if (before.Ending is not { } earlier) return ending.Before == before.State ? null : new Fault("restore-state", "ending.before");
        if (ending.Before != earlier.Before) return new Fault("restore-state", "ending.before");
        return ending.DueAt > earlier.DueAt ? new Fault("ending-later", "ending.dueAt") : null;
    }

    private static Fault? Restore(DeviceRecord before, DeviceRecord after, DateTimeOffset now)
    {
        if (before.Ending is not { } ending || now >= ending.DueAt || !before.Closings.IsEmpty) return new Fault("restore-late", "ending.dueAt");
        return after.State != ending.Before || after.Ending is not null ? new Fault("restore-state", "state") : null;
    }

    private static Fault? Succeed(DeviceRecord before, DeviceRecord after)
    {
        if (before.Ending?.NewOwner is not { } owner || after.Owner != owner || after.Ending is not null || !after.Closings.IsEmpty || after.Hub is not null)
            return new Fault("succession-refused", "ending.newOwner");
        if (after.Current.Thumbprint is not { } key || key == before.Current.Thumbprint || key == before.Next?.Thumbprint)
            return new Fault("succession-refused", "current");
        return null;
    }

    private static string Name(Parts parts) => Enum.GetValues<Parts>().First(part => part != Parts.None && parts.HasFlag(part)) switch
    {
        Parts.Subject => "subject",
        Parts.Keys => "keys",
        Parts.Placement => "placement",
        Parts.Sighting => "sighting",
        Parts.Ending => "ending",
        Parts.Closings => "closings",
        Parts.Due => "due",
        _ => "enrolment",
    };
}
