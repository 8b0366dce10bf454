using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Faults;
using Serverless.Provisioning;

namespace Serverless.Enrollment.EnrollDevice;

/// <summary>Enrols devices: the ledger first, then DPS.</summary>
/// <remarks>In this order, since the ledger is where a key can be had by one device only, and a row without an entry lets nobody in. A crash
/// between the two is mended by the same request again, which makes the entry that is missing. An entry that is there and not the
/// ledger's is replaced, because it would let a device past our webhook; a disabled one is left, because somebody shut the device out
/// with it.</remarks>
internal sealed class Enroller(IDeviceLedger ledger, IProvisioning provisioning, PolicyShelf policies, EnrollmentEntries entries, TimeProvider clock, ILogger<Enroller> log)
{
    /// <summary>Most requests at a time: what one bulk call takes.</summary>
    public const int AtOnce = 10;

    private const int TriesMax = 4;

    /// <summary>Enrols one device.</summary>
    /// <returns>Its receipt, or a fault of <see cref="EnrollmentRules.Decide"/>, of <see cref="IDeviceLedger.Create"/>, or
    /// <c>enrollment-conflict</c> (DPS has a disabled entry for it).</returns>
    public async Task<Parsed<EnrollmentReceipt>> Enroll(EnrollmentRequest asked, string who, string why, CancellationToken cancel) =>
        (await Enroll([asked], who, why, cancel).ConfigureAwait(false))[0];

    /// <summary>Enrols up to <see cref="AtOnce"/> devices, each by itself; answers in the order asked.</summary>
    public async Task<IReadOnlyList<Parsed<EnrollmentReceipt>>> Enroll(IReadOnlyList<EnrollmentRequest> asked, string who, string why, CancellationToken cancel)
    {
        var policy = await policies.Get(cancel).ConfigureAwait(false);
        // Two rows of one id in one call would race each other, and DPS takes an id once a call.
        if (asked.DistinctBy(one => one.Id).Count() < asked.Count)
        {
            var answers = new List<Parsed<EnrollmentReceipt>>();
            foreach (var one in asked) answers.Add(await Enroll(one, who, why, cancel).ConfigureAwait(false));
            return answers;
        }

        var plans = await Task.WhenAll(asked.Select(one => Settle(one, policy, who, why, cancel))).ConfigureAwait(false);
        var faults = new Fault?[asked.Count];
        var missing = new List<(int At, IndividualEnrollment Entry)>();
        for (var at = 0; at < plans.Length; at++)
        {
            if (!plans[at].TryGet(out var plan, out faults[at])) continue;
            // Active: DPS has asked us about this entry. Contained: whoever contained it closes and opens its entry.
            if (plan.Row.State == DeviceState.Enrolled) missing.Add((at, entries.Of(plan.Row, plan.Policy, EndorsementKey(asked[at]))));
        }

        if (missing.Count > 0)
        {
            var there = await provisioning.Create([.. missing.Select(one => one.Entry)], cancel).ConfigureAwait(false);
            foreach (var (at, entry) in missing.Where(one => there.Contains(one.Entry.RegistrationId)))
                faults[at] = await Reconcile(asked[at].Id, EndorsementKey(asked[at]), cancel).ConfigureAwait(false);
        }

        return [.. plans.Select((plan, at) => faults[at] is { } fault ? fault : plan.Then<EnrollmentReceipt>(done => EnrollmentReceipt.Of(done.Row)))];
    }

    /// <summary>Makes DPS's entry what the ledger says; for living devices with an individual enrolment.</summary>
    /// <returns><see langword="null"/>, or <c>enrollment-conflict</c> (an entry that somebody disabled), <c>device-gone</c> (not living any more).</returns>
    public async Task<Fault?> Reconcile(DeviceId id, string? endorsementKey, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            // DPS before the ledger: what is written then is never older than the entry it replaces.
            var entry = await provisioning.Get(id.Text, cancel).ConfigureAwait(false);
            var row = await ledger.Get(id, cancel).ConfigureAwait(false);
            if (row is not { State: DeviceState.Enrolled or DeviceState.Active, Group: null }) return new Fault("device-gone", "registrationId");
            if (entry is { Status: ProvisioningStatus.Disabled } && !await IsOfAnEarlierLife(entry, row, cancel).ConfigureAwait(false)) return new Fault("enrollment-conflict", "registrationId");
            if (entry is not null && EnrollmentEntries.IsOf(entry, row)) return null;
            var policy = await policies.Get(cancel).ConfigureAwait(false);
            if (!policy.Models.TryGetValue(row.Model, out var model)) return new Fault("model-unknown", "model");
            var wanted = entries.Of(row, model, endorsementKey);
            if (entry is null ? (await provisioning.Create([wanted], cancel).ConfigureAwait(false)).Count == 0 : await provisioning.Update(wanted with { ETag = entry.ETag }, cancel).ConfigureAwait(false))
            {
                if (entry is not null && row.Next is null && row.State == DeviceState.Enrolled) Log.ForeignReplaced(log, id.Text);
                return null;
            }

            if (tries == TriesMax) throw new IOException($"the entry of {id} in DPS would not keep still");
        }
    }

    // What was planted when the id's last device ended stands there disabled, by a certificate that is not this device's. Anything else that
    // is disabled was disabled by somebody, and stays so.
    private async Task<bool> IsOfAnEarlierLife(IndividualEnrollment entry, DeviceRecord row, CancellationToken cancel) =>
        row is { State: DeviceState.Enrolled, Next: null } && !EnrollmentEntries.IsOf(entry, row)
        && (await ledger.Audit(row.Id, cancel).ConfigureAwait(false)).LastOrDefault(one => one.Deed.By is Act.Enroll or Act.Succeed)?.Deed.By == Act.Succeed;

    private async Task<Parsed<EnrollmentPlan>> Settle(EnrollmentRequest asked, FleetPolicy policy, string who, string why, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        for (var tries = 1; ; tries++)
        {
            var row = await ledger.Get(asked.Id, cancel).ConfigureAwait(false);
            if (!EnrollmentRules.Decide(asked, policy, row, now).TryGet(out var plan, out var fault)) return fault;
            if (plan.Answering == Answering.Repeat) return plan;
            var stored = plan.Answering == Answering.Begin
                ? await ledger.Create(plan.Row, new Deed(Act.Enroll, who, why, now), cancel).ConfigureAwait(false)
                : await ledger.Change(row!, plan.Row, new Deed(Act.Succeed, who, why, now), cancel).ConfigureAwait(false);
            if (stored.TryGet(out var made, out var refused))
            {
                Log.Enrolled(log, made.Id.Text, made.Model, who);
                return plan with { Row = made };
            }

            if (refused.Code is not ("device-exists" or "device-stale") || tries == TriesMax) return refused; // else somebody was faster: was it the same request?
        }
    }

    private static string? EndorsementKey(EnrollmentRequest asked) => (asked.Credential as TpmCredential)?.EndorsementKey;
}
