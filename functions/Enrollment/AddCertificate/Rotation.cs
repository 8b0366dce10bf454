using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.ShowDevice;
using Serverless.Faults;

namespace Serverless.Enrollment.AddCertificate;

/// <summary>Rotates certificates without an outage: the next one is added beside the current one, becomes the current one when the device
/// registers with it, and the other one is then removed. The ledger first, then DPS, as at enrolment.</summary>
internal sealed class Rotation(IDeviceLedger ledger, PolicyShelf policies, Enroller enroller, TimeProvider clock, ILogger<Rotation> log)
{
    /// <summary>Adds the next certificate. The same again changes nothing and mends DPS.</summary>
    /// <returns>The device, or <c>device-unknown</c>, a fault of <see cref="EnrollmentRules.Rotate"/>, <see cref="IDeviceLedger.Change"/>
    /// or <see cref="Enroller.Reconcile"/>.</returns>
    public async Task<Parsed<DeviceBody>> Add(DeviceId id, CertificateChain chain, string who, CancellationToken cancel)
    {
        var (policy, now) = (await policies.Get(cancel).ConfigureAwait(false), clock.GetUtcNow());
        var changed = await ledger.Change(id, new Deed(Act.Rotate, who, "next certificate", now), row => EnrollmentRules.Rotate(row, chain, policy, now), cancel).ConfigureAwait(false);
        if (!changed.TryGet(out var row, out var fault)) return fault;
        if (await enroller.Reconcile(id, null, cancel).ConfigureAwait(false) is { } conflict) return conflict;
        Log.CertificatesChanged(log, id.Text, who, "added");
        return DeviceBody.Of(row);
    }

    /// <summary>Removes a certificate that is not in use, for good: its key goes on the denial list. The same again changes nothing and
    /// finishes what a crash left.</summary>
    /// <returns>The device, or <c>device-unknown</c>, a fault of <see cref="EnrollmentRules.Remove"/> or <see cref="Enroller.Reconcile"/>.</returns>
    public async Task<Parsed<DeviceBody>> Remove(DeviceId id, KeyThumbprint key, string who, CancellationToken cancel)
    {
        var deed = new Deed(Act.Rotate, who, "certificate removed", clock.GetUtcNow());
        var changed = await ledger.Change(id, deed, row => EnrollmentRules.Remove(row, key), cancel).ConfigureAwait(false);
        if (!changed.TryGet(out var row, out var fault))
        {
            // Not on the row, and yet the index says that it was this device's: it has been removed, perhaps half.
            if (fault.Code != "certificate-unknown" || await ledger.FindByKey(key, cancel).ConfigureAwait(false) != id) return fault;
            if (await ledger.Get(id, cancel).ConfigureAwait(false) is not { } again) return fault;
            row = again;
        }

        await ledger.Deny(key, deed, cancel).ConfigureAwait(false);
        if (await enroller.Reconcile(id, null, cancel).ConfigureAwait(false) is { } conflict) return conflict;
        Log.CertificatesChanged(log, id.Text, who, "removed");
        return DeviceBody.Of(row);
    }
}
