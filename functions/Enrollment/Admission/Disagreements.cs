using System.Collections.Immutable;
using Serverless.Devices;

namespace Serverless.Enrollment.Admission;

/// <summary>What DPS says of a device.</summary>
/// <param name="Enabled">Whether its individual enrolment is enabled; <see langword="null"/> without one.</param>
/// <param name="Custom">Whether that enrolment asks our webhook.</param>
/// <param name="Certificates">SHA-256 of the certificates it names, lower-case hex.</param>
/// <param name="AssignedHub">Hub of its registration record, if it has one.</param>
public sealed record SeenByProvisioning(bool? Enabled, bool Custom, ImmutableArray<string> Certificates, string? AssignedHub);

/// <summary>What the hub says of a device.</summary>
/// <param name="Hub">Which hub.</param>
/// <param name="Enabled">Whether its identity is enabled; <see langword="null"/> without one.</param>
/// <param name="GenerationId">Generation of the identity.</param>
/// <param name="SymmetricKey">Whether it authenticates with a shared secret.</param>
/// <param name="Thumbprints">Thumbprints of certificates it accepts, lower-case hex, SHA-1 or SHA-256.</param>
public sealed record SeenByHub(string Hub, bool? Enabled, string? GenerationId, bool SymmetricKey, ImmutableArray<string> Thumbprints);

/// <summary>Where ledger, DPS and IoT Hub do not say the same of a device. Pure.</summary>
public static class Disagreements
{
    /// <summary>Names each.</summary>
    /// <param name="row">The ledger's row.</param>
    /// <param name="provisioning">What DPS says.</param>
    /// <param name="hub">What the row's hub says; <see langword="null"/> when the row has none.</param>
    /// <returns>Codes: <c>enrollment-missing</c>, <c>enrollment-open</c> (enabled though the device is not to be let in),
    /// <c>enrollment-disabled</c>, <c>enrollment-bypass</c> (does not ask our webhook), <c>enrollment-key</c>, <c>registration-hub</c>,
    /// <c>identity-missing</c>, <c>identity-open</c>, <c>identity-disabled</c>, <c>identity-generation</c>, <c>identity-symmetric-key</c>,
    /// <c>identity-key</c>.</returns>
    public static ImmutableArray<string> Between(DeviceRecord row, SeenByProvisioning provisioning, SeenByHub? hub)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(provisioning);
        var found = ImmutableArray.CreateBuilder<string>();
        var living = row.State is DeviceState.Enrolled or DeviceState.Active;
        var closed = row.State is DeviceState.Contained or DeviceState.Dead;
        var known = new[] { row.Current.CertificateThumbprint, row.Next?.CertificateThumbprint }.OfType<string>().ToImmutableArray();
        if (provisioning.Enabled is { } enabled)
        {
            if (enabled && closed) found.Add("enrollment-open");
            if (!enabled && living) found.Add("enrollment-disabled");
            if (enabled && !provisioning.Custom) found.Add("enrollment-bypass");
            if (row.Group is null && row.Current.Kind == KeyKind.X509 && !provisioning.Certificates.Order().SequenceEqual(known.Order())) found.Add("enrollment-key");
        }
        else if (row.Group is null)
        {
            found.Add("enrollment-missing");
        }

        if (provisioning.AssignedHub is { } assigned && row.Hub is not null && !string.Equals(assigned, row.Hub, StringComparison.OrdinalIgnoreCase)) found.Add("registration-hub");
        if (hub is not null) Hub(row, hub, living, closed, found);
        return found.ToImmutable();
    }

    private static void Hub(DeviceRecord row, SeenByHub hub, bool living, bool closed, ImmutableArray<string>.Builder found)
    {
        if (hub.Enabled is not { } enabled)
        {
            if (row.State == DeviceState.Active) found.Add("identity-missing");
            return;
        }

        if (enabled && closed) found.Add("identity-open");
        if (!enabled && living) found.Add("identity-disabled");
        if (row.GenerationId is { } generation && hub.GenerationId != generation) found.Add("identity-generation");
        if (hub.SymmetricKey && row.Current.Kind == KeyKind.X509) found.Add("identity-symmetric-key");
        var certificates = new[] { row.Current.CertificateThumbprint, row.Next?.CertificateThumbprint }.OfType<string>().ToList();
        // Only SHA-256 can be compared: the ledger keeps no SHA-1.
        if (certificates.Count > 0 && hub.Thumbprints.Any(one => one.Length == 64 && !certificates.Contains(one))) found.Add("identity-key");
    }
}
