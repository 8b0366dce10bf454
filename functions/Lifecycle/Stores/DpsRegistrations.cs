using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;
using Serverless.Provisioning;
using Serverless.Rest;

namespace Serverless.Lifecycle.Stores;

/// <summary>DPS.</summary>
/// <remarks>The planted entry names a webhook that does not exist: whoever enables the entry by hand finds the device refused all the same,
/// since a webhook that cannot be reached admits nobody.</remarks>
internal sealed class DpsRegistrations(ProvisioningClient dps) : IRegistrations
{
    /// <summary>Leads nowhere for good: RFC 2606 section 2 reserves the name.</summary>
    internal static readonly AllocationWebhook Nowhere = new(new Uri("https://decommissioned.invalid/"));

    /// <inheritdoc/>
    public async Task<PlaneOutcome> Lock(DeviceRecord device, CancellationToken cancel)
    {
        // One write whatever is there, as long as the ledger has what the entry must name.
        if (Known(device) is { } attestation)
        {
            var put = await dps.PutEnrollment(Entry(device, attestation), cancel).ConfigureAwait(false);
            if (put.TryGet(out var stored, out var fault)) return Closed(stored);
            // Another kind of attestation than ours may stand there, which cannot be changed in place: disable that as it is.
            if (fault.Code is not ("provisioning-refused" or "enrollment-conflict")) return Failed(Planes.Enrollment, fault);
        }

        var read = await dps.GetEnrollment(device.Id.Text, cancel).ConfigureAwait(false);
        if (!read.TryGet(out var there, out var missing))
        {
            if (missing.Code != "enrollment-unknown") return Failed(Planes.Enrollment, missing);
            // A device whose certificate nobody kept: an entry under its id with keys nobody knows is found before every group.
            var planted = await dps.PutEnrollment(Entry(device, new SymmetricKeyAttestation(DeviceKeys.Random())), cancel).ConfigureAwait(false);
            return planted.TryGet(out var stored, out var refused) ? Closed(stored) : Failed(Planes.Enrollment, refused);
        }

        var shut = there with
        {
            Status = ProvisioningStatus.Disabled,
            Allocation = AllocationPolicy.Custom,
            Webhook = Nowhere,
            Attestation = there.Attestation is SymmetricKeyAttestation ? new SymmetricKeyAttestation(DeviceKeys.Random()) : there.Attestation,
        };
        var updated = await dps.UpdateEnrollment(shut, cancel).ConfigureAwait(false);
        return updated.TryGet(out var disabled, out var failed) ? Closed(disabled) : Failed(Planes.Enrollment, failed);
    }

    /// <inheritdoc/>
    public async Task<PlaneOutcome> Forget(DeviceRecord device, CancellationToken cancel) =>
        await dps.DeleteRegistration(device.Id.Text, null, cancel).ConfigureAwait(false) switch
        {
            null => new PlaneOutcome(Planes.Registration, Stages.Closed, "deleted"),
            { Code: "registration-unknown" } => new PlaneOutcome(Planes.Registration, Stages.Closed, "none"),
            var fault => Failed(Planes.Registration, fault),
        };

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PlaneReading>> Read(DeviceRecord device, CancellationToken cancel)
    {
        var entry = await dps.GetEnrollment(device.Id.Text, cancel).ConfigureAwait(false);
        var record = await dps.GetRegistration(device.Id.Text, cancel).ConfigureAwait(false);
        return
        [
            entry.TryGet(out var found, out var fault)
                ? new PlaneReading(Planes.Enrollment, found.Status == ProvisioningStatus.Disabled, $"{(found.Status == ProvisioningStatus.Disabled ? "disabled" : "enabled")} {found.ETag}")
                : new PlaneReading(Planes.Enrollment, false, fault.Code), // none is open: a group would admit it
            record.TryGet(out var state, out var none)
                // DPS may keep a record that says "disabled" or "unassigned" of a device that tried: it places it nowhere.
                ? new PlaneReading(Planes.Registration, state.Status is RegistrationStatus.Disabled or RegistrationStatus.Unassigned or RegistrationStatus.Failed && state.AssignedHub is null, $"{state.Status}")
                : new PlaneReading(Planes.Registration, none.Code == "registration-unknown", none.Code == "registration-unknown" ? "none" : none.Code),
        ];
    }

    private static IndividualEnrollment Entry(DeviceRecord device, Attestation attestation) => new()
    {
        RegistrationId = device.Id.Text,
        Attestation = attestation,
        Status = ProvisioningStatus.Disabled,
        Allocation = AllocationPolicy.Custom,
        Webhook = Nowhere,
    };

    private static X509Attestation? Known(DeviceRecord device) =>
        device.Current is { Kind: KeyKind.X509, Certificate: { } current }
            ? X509Attestation.Client(Pem(current), device.Next is { Kind: KeyKind.X509, Certificate: { } next } ? Pem(next) : null)
            : null;

    private static string Pem(string base64) => new(System.Security.Cryptography.PemEncoding.Write("CERTIFICATE", Convert.FromBase64String(base64)));

    private static PlaneOutcome Closed(IndividualEnrollment stored) => new(Planes.Enrollment, Stages.Closed, "disabled " + stored.ETag);

    private static PlaneOutcome Failed(string plane, Fault fault) =>
        new(plane, Stages.Failed, fault is ServiceFault service ? $"{fault.Code} {service.ServiceCode} {service.TrackingId}" : fault.Code);
}
