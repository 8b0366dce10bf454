using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Faults;
using Serverless.Provisioning;

namespace Serverless.Enrollment.EnrollGroup;

/// <summary>Enrols groups: the ledger first, then DPS, as devices are.</summary>
internal sealed class GroupEnroller(IDeviceGroups groups, IProvisioning provisioning, PolicyShelf policies, EnrollmentEntries entries, TimeProvider clock, ILogger<GroupEnroller> log)
{
    /// <summary>Enrols a group; the same again changes nothing and mends DPS.</summary>
    /// <returns>The group, or a fault of <see cref="GroupPlan.Parse"/>, <c>group-conflict</c> (enrolled already, differently, or DPS has one
    /// of that name that is not ours), <c>signer-taken</c> (another group has that authority: whose cap would count?).</returns>
    public async Task<Parsed<GroupView>> Enroll(ReadOnlyMemory<byte> json, string who, CancellationToken cancel)
    {
        var policy = await policies.Get(cancel).ConfigureAwait(false);
        if (!GroupPlan.Parse(json.Span, policy, clock.GetUtcNow()).TryGet(out var plan, out var fault)) return fault;
        var others = await groups.List(cancel).ConfigureAwait(false);
        if (others.Any(other => other.Id != plan.Group.Id && other.Signers.Intersect(plan.Group.Signers).Any())) return new Fault("signer-taken", "certificates");
        if (!(await groups.Create(plan.Group, cancel).ConfigureAwait(false)).TryGet(out var group, out _))
        {
            group = await groups.Get(plan.Group.Id, cancel).ConfigureAwait(false);
            if (group?.Request != plan.Group.Request) return new Fault("group-conflict", "groupId");
        }

        if (!await provisioning.CreateGroup(entries.Of(group!, plan.Signers), cancel).ConfigureAwait(false)
            && await provisioning.GetGroup(group!.Id, cancel).ConfigureAwait(false) is { } there
            && there.Allocation != AllocationPolicy.Custom)
        {
            return new Fault("group-conflict", "groupId"); // it would admit past our webhook; whoever made it must take it away
        }

        Log.GroupEnrolled(log, group!.Id, who, group.DevicesMax);
        return GroupView.Of(group);
    }
}

/// <summary>A group as it is shown.</summary>
internal sealed record GroupView(string GroupId, string Owner, IReadOnlyList<string> Models, int DevicesMax, int Admitted, bool Enabled, DateTimeOffset NotAfter)
{
    public static GroupView Of(DeviceGroup group) => new(group.Id, group.Owner, group.Models, group.DevicesMax, group.Admitted, group.Enabled, group.NotAfter);
}
