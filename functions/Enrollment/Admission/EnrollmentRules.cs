using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>What an enrolment comes to.</summary>
public enum Answering
{
    /// <summary>A new row.</summary>
    Begin,

    /// <summary>The same was asked before: nothing changes, and the same is answered.</summary>
    Repeat,

    /// <summary>A transferred id begins again.</summary>
    Succeed,
}

/// <summary>What to do about an enrolment.</summary>
/// <param name="Answering">Which of the three.</param>
/// <param name="Row">The row as it shall be, or as it is.</param>
/// <param name="Policy">Its model's policy.</param>
public sealed record EnrollmentPlan(Answering Answering, DeviceRecord Row, ModelPolicy Policy);

/// <summary>Who may be enrolled. Pure.</summary>
public static class EnrollmentRules
{
    /// <summary>Judges a request by the policy and the device's row.</summary>
    /// <param name="asked">The request.</param>
    /// <param name="policy">The fleet's policy.</param>
    /// <param name="row">The device's row, if it has one.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The plan, or <c>model-unknown</c>, <c>key-type</c> (a TPM or a symmetric key the model's policy does not allow),
    /// <c>device-gone</c> (decommissioned or dead), <c>device-conflict</c> (enrolled already, differently), or a fault of
    /// <see cref="CertificateRules.Device"/>. That another device has the key is the ledger's to find.</returns>
    public static Parsed<EnrollmentPlan> Decide(EnrollmentRequest asked, FleetPolicy policy, DeviceRecord? row, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(policy);
        if (!policy.Models.TryGetValue(asked.Model, out var model)) return new Fault("model-unknown", "model");
        if (row is { State: DeviceState.Enrolled or DeviceState.Active or DeviceState.Contained })
        {
            // Before the certificate is judged: what was accepted once is answered the same after it expired, too.
            return row.Request == asked.Digest ? new EnrollmentPlan(Answering.Repeat, row, model) : new Fault("device-conflict", "registrationId");
        }

        if (row is not null && !(row.State == DeviceState.Dead && row.Ending?.NewOwner == asked.Owner)) return new Fault("device-gone", "registrationId");
        if (!Key(asked, model, now).TryGet(out var key, out var fault)) return fault;
        var fresh = new DeviceRecord
        {
            Id = asked.Id,
            State = DeviceState.Enrolled,
            Model = asked.Model,
            Owner = asked.Owner,
            Current = key,
            EnrolledAt = now,
            Request = asked.Digest,
        };
        return row is null ? new EnrollmentPlan(Answering.Begin, fresh, model) : new EnrollmentPlan(Answering.Succeed, fresh with { ETag = row.ETag, Revision = row.Revision }, model);
    }

    /// <summary>Judges a certificate that shall follow the current one.</summary>
    /// <param name="row">The device's row.</param>
    /// <param name="chain">The certificate, leaf first.</param>
    /// <param name="policy">The fleet's policy.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The row as it shall be (the same row if it has that certificate already), or <c>device-gone</c>,
    /// <c>device-contained</c>, <c>model-unknown</c>, <c>rotation-kind</c> (the device has no certificate to follow, or a group's),
    /// <c>rotation-exists</c> (another certificate waits already), <c>rotation-same-key</c>, or a fault of
    /// <see cref="CertificateRules.Device"/>.</returns>
    public static Parsed<DeviceRecord> Rotate(DeviceRecord row, CertificateChain chain, FleetPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(policy);
        if (Living(row) is { } gone) return gone;
        if (!policy.Models.TryGetValue(row.Model, out var model)) return new Fault("model-unknown", "model");
        // A group's device gets its next certificate from the group's authority; there is nothing to enrol.
        if (row.Current.Kind != KeyKind.X509 || row.Group is not null) return new Fault("rotation-kind", "id");
        if (!CertificateRules.Device(chain, row.Id, model, now).TryGet(out var key, out var fault)) return fault;
        if (key.CertificateThumbprint == row.Next?.CertificateThumbprint || key.CertificateThumbprint == row.Current.CertificateThumbprint) return row;
        if (key.Thumbprint == row.Current.Thumbprint) return new Fault("rotation-same-key", "certificateChain[0].publicKey");
        return row.Next is not null ? new Fault("rotation-exists", "certificateChain") : row with { Next = key };
    }

    /// <summary>Judges the removal of a certificate. The current one, which the device used last, stays: removing it would be an outage,
    /// and the way to cut a device off is to contain or decommission it.</summary>
    /// <param name="row">The device's row.</param>
    /// <param name="key">Thumbprint of the key to remove.</param>
    /// <returns>The row as it shall be, or <c>device-gone</c>, <c>device-contained</c>, <c>certificate-unknown</c>,
    /// <c>certificate-conflict</c> (it is the one in use).</returns>
    public static Parsed<DeviceRecord> Remove(DeviceRecord row, KeyThumbprint key)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (Living(row) is { } gone) return gone;
        if (row.Next?.Thumbprint == key) return row with { Next = null };
        return row.Current.Thumbprint == key ? new Fault("certificate-conflict", "thumbprint") : new Fault("certificate-unknown", "thumbprint");
    }

    private static Fault? Living(DeviceRecord row) => row.State switch
    {
        DeviceState.Decommissioned or DeviceState.Dead => new Fault("device-gone", "id"),
        DeviceState.Contained => new Fault("device-contained", "id"),
        _ => null,
    };

    private static Parsed<DeviceKey> Key(EnrollmentRequest asked, ModelPolicy model, DateTimeOffset now) => asked.Credential switch
    {
        CertificateCredential { Chain: var chain } => CertificateRules.Device(chain, asked.Id, model, now),
        TpmCredential tpm => model.Tpm ? new DeviceKey(KeyKind.Tpm, tpm.Key) : new Fault("key-type", "endorsementKey"),
        _ => model.SymmetricKeys ? new DeviceKey(KeyKind.SymmetricKey, null) : new Fault("key-type", "symmetricKey"),
    };
}
