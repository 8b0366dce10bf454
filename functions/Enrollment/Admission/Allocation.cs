using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>What to do with a group's device whose certificate DPS does not show, and that does not send it along.</summary>
public enum UnseenLeaf
{
    /// <summary>It is refused: its key could be a copy of another device's.</summary>
    Refuse,

    /// <summary>Unsafe: it is admitted on the word of the group's authority, and a shared key is not noticed.</summary>
    Accept,
}

/// <summary>Everything an admission is decided from.</summary>
/// <param name="Request">DPS's question.</param>
/// <param name="Row">The device's row, if any.</param>
/// <param name="Group">The request's group, if we know it.</param>
/// <param name="KeyHolder">Which device the presented key belongs to, if any.</param>
/// <param name="KeyDenied">Whether the presented key is on the denial list.</param>
/// <param name="Rate">Whether the device or its group registers too often.</param>
/// <param name="Policy">The fleet's policy.</param>
/// <param name="Unseen">What to do with a group's device whose certificate DPS does not show.</param>
public sealed record AllocationCase(
    AllocationRequest Request, DeviceRecord? Row, DeviceGroup? Group, DeviceId? KeyHolder, bool KeyDenied, Storm Rate, FleetPolicy Policy, UnseenLeaf Unseen);

/// <summary>A device is admitted.</summary>
/// <param name="Hub">The hub, as DPS spells it.</param>
/// <param name="Row">The row as it shall be: active, at this hub.</param>
/// <param name="Before">The row as it is; <see langword="null"/> for a group's device that has none yet.</param>
/// <param name="Model">Its model's policy.</param>
public sealed record Admitted(string Hub, DeviceRecord Row, DeviceRecord? Before, ModelPolicy Model)
{
    /// <summary>Whether the row is to be written: when more than the time of its last registration changes, and at least once an hour.</summary>
    public bool Writes => Before is null || Before with { LastSeenAt = Row.LastSeenAt } != Row || Row.LastSeenAt - (Before.LastSeenAt ?? default) >= TimeSpan.FromHours(1);
}

/// <summary>Who may connect, and where. Pure: the whole of the webhook's judgement.</summary>
public static class Allocation
{
    /// <summary>Decides.</summary>
    /// <param name="about">Everything known.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The admission, or <c>registrations-device-busy</c>, <c>registrations-group-busy</c> (a storm),
    /// <c>enrollment-foreign</c> (not made by us, or not for this device), <c>enrollment-unknown</c> (no row, or no such group),
    /// <c>group-closed</c>, <c>group-expired</c>, <c>device-decommissioned</c>, <c>device-dead</c>, <c>device-contained</c>,
    /// <c>key-unseen</c> (DPS shows no certificate to compare), <c>key-differs</c>, <c>key-forbidden</c>, <c>key-taken</c>,
    /// <c>model-missing</c> (a group of several models and no claim), <c>model-differs</c>, <c>model-unknown</c>,
    /// <c>key-type</c> (a symmetric key or TPM the model's policy does not allow), <c>hub-none</c>. Whether the group is full is the
    /// count's to say, when the device is counted in.</returns>
    public static Parsed<Admitted> Decide(AllocationCase about, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(about);
        var request = about.Request;
        if (about.Rate == Storm.Device) return new Fault("registrations-device-busy", "registrationId");
        if (about.Rate == Storm.Group) return new Fault("registrations-group-busy", "enrollmentGroupId");
        if (!request.Ours) return new Fault("enrollment-foreign", "enrollment.allocationPolicy");
        if (Standing(about, now) is { } refused) return refused;
        if (KeyFault(about) is { } wrong) return wrong;
        if (!Model(about).TryGet(out var model, out var fault)) return fault;
        if (request.Presented.Kind == KeyKind.SymmetricKey && !model.SymmetricKeys) return new Fault("key-type", "deviceRuntimeContext.symmetricKey");
        if (request.Presented.Kind == KeyKind.Tpm && !model.Tpm) return new Fault("key-type", "deviceRuntimeContext.tpm");
        if (Hub(about) is not { } hub) return new Fault("hub-none", "linkedHubs");
        return new Admitted(hub, After(about, model, hub, now), about.Row, model);
    }

    /// <summary>The key to look up: the one shown, or the row's own whose certificate was shown.</summary>
    /// <param name="request">DPS's question.</param>
    /// <param name="row">The device's row, if any.</param>
    public static KeyThumbprint? KeyOf(AllocationRequest request, DeviceRecord? row)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Presented.Key?.Thumbprint ?? (row is null ? null : Match(row, request.Presented)?.Thumbprint);
    }

    private static Fault? Standing(AllocationCase about, DateTimeOffset now)
    {
        var (request, row) = (about.Request, about.Row);
        switch (row?.State)
        {
            case DeviceState.Decommissioned: return new Fault("device-decommissioned", "registrationId");
            case DeviceState.Dead: return new Fault("device-dead", "registrationId");
            case DeviceState.Contained: return new Fault("device-contained", "registrationId");
        }

        // A device enrolled by itself must not come in through a group whose authority signs its name, nor the other way about.
        if (row is not null && row.Group != request.Group) return new Fault("enrollment-foreign", "enrollment");
        if (request.Group is null) return row is null ? new Fault("enrollment-unknown", "individualEnrollment") : null;
        if (about.Group is not { } group || group.Id != request.Group) return new Fault("enrollment-unknown", "enrollmentGroup");
        if (!group.Enabled) return new Fault("group-closed", "enrollmentGroup");
        return now > group.NotAfter ? new Fault("group-expired", "enrollmentGroup") : null;
    }

    private static Fault? KeyFault(AllocationCase about)
    {
        var (shown, row) = (about.Request.Presented, about.Row);
        if (about.KeyDenied) return new Fault("key-forbidden", "deviceRuntimeContext");
        if (about.KeyHolder is { } holder && holder != about.Request.Id) return new Fault("key-taken", "deviceRuntimeContext");
        if (row is not null && row.Current.Kind != shown.Kind) return new Fault("key-differs", "deviceRuntimeContext");
        if (shown.Kind == KeyKind.SymmetricKey) return null; // DPS alone knows it
        if (shown.Kind == KeyKind.Tpm) return row is not null && Match(row, shown) is null ? new Fault("key-differs", "deviceRuntimeContext.tpm") : null;

        // What DPS keeps for an individual enrolment must be what the ledger has, whatever DPS shows of the device itself.
        if (row is { Group: null } && (about.Request.Enrolled.IsEmpty || about.Request.Enrolled.Any(one => Find(row, one) is null))) return new Fault("key-differs", "individualEnrollment.attestation");
        if (shown is { CertificateThumbprint: null, Key: null })
        {
            // An individual enrolment accepts no other certificate than those compared just now.
            return about.Request.Group is not null && about.Unseen == UnseenLeaf.Refuse ? new Fault("key-unseen", "deviceRuntimeContext.x509") : null;
        }

        // A thumbprint alone says nothing of the key: it could be another device's, or one that nobody may have any more.
        if (row is null) return shown.Key is null && about.Unseen == UnseenLeaf.Refuse ? new Fault("key-unseen", "deviceRuntimeContext.x509") : null;
        if (Match(row, shown) is not null) return null;
        // A group's authority may make out a new certificate for the device, and for a new key.
        return row.Group is null ? new Fault("key-differs", "deviceRuntimeContext.x509") : shown.Key is null ? new Fault("key-unseen", "deviceRuntimeContext.x509") : null;
    }

    private static Parsed<ModelPolicy> Model(AllocationCase about)
    {
        var (request, row) = (about.Request, about.Row);
        string? name;
        if (row is not null)
        {
            name = row.Model;
            if (request.ClaimedModel is { } claimed && claimed != name) return new Fault("model-differs", "deviceRuntimeContext.payload.model");
            if (request.Group is null && request.EnrolledModel is { } enrolled && enrolled != name) return new Fault("model-differs", "individualEnrollment.initialTwin");
        }
        else
        {
            var models = about.Group!.Models;
            name = request.ClaimedModel ?? (models.Length == 1 ? models[0] : null);
            if (name is null) return new Fault("model-missing", "deviceRuntimeContext.payload.model");
            if (!models.Contains(name)) return new Fault("model-differs", "deviceRuntimeContext.payload.model");
        }

        return about.Policy.Models.TryGetValue(name, out var policy) ? policy : new Fault("model-unknown", "model");
    }

    /// <summary>Where it is, as long as that hub is linked, known and not draining; else where the hash says.</summary>
    private static string? Hub(AllocationCase about)
    {
        var open = about.Request.LinkedHubs
            .Select(linked => about.Policy.Hubs.TryGetValue(linked, out var hub) && !hub.Draining ? hub with { Host = linked } : null)
            .OfType<HubPolicy>().ToList();
        var current = about.Row?.Hub ?? (about.Row is null ? null : about.Request.CurrentHub);
        return (open.Find(hub => string.Equals(hub.Host, current, StringComparison.OrdinalIgnoreCase)) ?? Rendezvous.Choose(about.Request.Id.Text, open))?.Host;
    }

    private static DeviceRecord After(AllocationCase about, ModelPolicy model, string hub, DateTimeOffset now)
    {
        var shown = about.Request.Presented;
        if (about.Row is { } row)
        {
            var admitted = row with { State = DeviceState.Active, Hub = hub, LastSeenAt = now };
            if (shown.Kind != KeyKind.X509 || shown is { CertificateThumbprint: null, Key: null }) return admitted;
            var used = Match(row, shown);
            // The key it used is the current one from now on; the other can then be removed without an outage.
            if (used is not null && used == row.Next) return admitted with { Current = used, Next = row.Current };
            return used is null && shown.Key is { } renewed ? admitted with { Current = renewed } : admitted;
        }

        return new DeviceRecord
        {
            Id = about.Request.Id,
            State = DeviceState.Active,
            Model = model.Model,
            Owner = about.Group!.Owner,
            Group = about.Group.Id,
            Current = shown.Key ?? new DeviceKey(shown.Kind, null, CertificateThumbprint: shown.CertificateThumbprint),
            Hub = hub,
            EnrolledAt = now,
            LastSeenAt = now,
        };
    }

    private static DeviceKey? Match(DeviceRecord row, Presented shown)
    {
        if (shown.Key?.Thumbprint is { } key)
            return row.Current.Thumbprint == key ? row.Current : row.Next?.Thumbprint == key ? row.Next : shown.CertificateThumbprint is { } same ? Find(row, same) : null;
        return shown.CertificateThumbprint is { } thumbprint ? Find(row, thumbprint) : null;
    }

    private static DeviceKey? Find(DeviceRecord row, string certificate) =>
        row.Current.CertificateThumbprint == certificate ? row.Current : row.Next?.CertificateThumbprint == certificate ? row.Next : null;
}
