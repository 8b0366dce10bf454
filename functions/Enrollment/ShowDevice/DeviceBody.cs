using Serverless.Devices;

namespace Serverless.Enrollment.ShowDevice;

/// <summary>A device as the ledger has it.</summary>
internal sealed record DeviceBody(
    string RegistrationId, string State, string Model, string Owner, string? Group, KeyBody Current, KeyBody? Next, string? Hub, string? GenerationId,
    string? FirmwareSeen, DateTimeOffset? LastSeenAt, DateTimeOffset EnrolledAt, EndingBody? Ending, long Revision)
{
    /// <summary>The body of a row.</summary>
    public static DeviceBody Of(DeviceRecord row) => new(
        row.Id.Text, Words.Of(row.State), row.Model, row.Owner, row.Group, KeyBody.Of(row.Current), row.Next is { } next ? KeyBody.Of(next) : null, row.Hub, row.GenerationId,
        row.FirmwareSeen, row.LastSeenAt, row.EnrolledAt, row.Ending is { } ending ? new EndingBody(ending.Reason, ending.AskedAt, ending.DueAt) : null, row.Revision);
}

/// <summary>A credential: thumbprints and validity, never the certificate.</summary>
internal sealed record KeyBody(string Kind, string? Thumbprint, string? CertificateThumbprint, DateTimeOffset? NotBefore, DateTimeOffset? NotAfter)
{
    public static KeyBody Of(DeviceKey key) => new(Words.Of(key.Kind), key.Thumbprint?.Text, key.CertificateThumbprint, key.NotBefore, key.NotAfter);
}

/// <summary>Why and when a device ends.</summary>
internal sealed record EndingBody(string Reason, DateTimeOffset AskedAt, DateTimeOffset DueAt);

/// <summary>A device as everyone has it.</summary>
/// <param name="Device">The ledger's row.</param>
/// <param name="Provisioning">What DPS says.</param>
/// <param name="IotHub">What its hub says; <see langword="null"/> before the first admission.</param>
/// <param name="Disagreements">Codes; see <see cref="Admission.Disagreements.Between"/>.</param>
/// <param name="History">The audit trail, oldest first; the newest 50 entries.</param>
internal sealed record DeviceView(DeviceBody Device, ProvisioningView Provisioning, HubView? IotHub, IReadOnlyList<string> Disagreements, IReadOnlyList<HistoryBody> History);

/// <summary>What DPS says of a device.</summary>
internal sealed record ProvisioningView(bool? Enabled, bool Custom, IReadOnlyList<string> Certificates, string? AssignedHub);

/// <summary>What a hub says of a device.</summary>
internal sealed record HubView(string Hub, bool? Enabled, string? GenerationId, bool SymmetricKey, IReadOnlyList<string> Thumbprints);

/// <summary>One entry of the trail.</summary>
internal sealed record HistoryBody(long Revision, DateTimeOffset At, string Act, string Who, string Why, string? From, string To);

/// <summary>A page of devices.</summary>
/// <param name="Devices">The page; may be short or empty though more follow.</param>
/// <param name="After">What to send as <c>after</c> for the next; <see langword="null"/> after the last.</param>
internal sealed record DevicePage(IReadOnlyList<DeviceBody> Devices, string? After);
