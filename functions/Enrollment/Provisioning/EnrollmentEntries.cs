using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Provisioning;

/// <summary>What a device's row is in DPS: the entry that lets this one device ask, and makes DPS ask us.</summary>
/// <param name="webhook">Our webhook, with its key.</param>
internal sealed class EnrollmentEntries(Uri webhook)
{
    private static readonly ReprovisionPolicy Moves = new(UpdateHubAssignment: true, MigrateDeviceData: true); // we decide who moves, and its twin goes along

    /// <summary>The entry of a device.</summary>
    /// <param name="row">Its row.</param>
    /// <param name="model">Its model's policy.</param>
    /// <param name="endorsementKey">Base64, for a TPM: the row has only its thumbprint.</param>
    public IndividualEnrollment Of(DeviceRecord row, ModelPolicy model, string? endorsementKey) => new()
    {
        RegistrationId = row.Id.Text,
        Attestation = row.Current.Kind switch
        {
            KeyKind.X509 => X509Attestation.Client(Pem(row.Current), row.Next is { } next ? Pem(next) : null),
            KeyKind.Tpm => new TpmAttestation(endorsementKey ?? throw new InvalidOperationException("a TPM's entry needs its endorsement key")),
            _ => new SymmetricKeyAttestation(), // DPS makes the keys up; nobody here reads them
        },
        Allocation = AllocationPolicy.Custom,
        Webhook = new AllocationWebhook(webhook),
        InitialTwin = InitialTwin.From(Tags(row.Model, row.Owner, model), []),
        Reprovision = Moves,
    };

    /// <summary>The entry of a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="signers">Its signing certificates, DER in base64: one or two.</param>
    public EnrollmentGroup Of(DeviceGroup group, IReadOnlyList<string> signers) => new()
    {
        GroupId = group.Id,
        Attestation = X509Attestation.Signing(Pem(signers[0]), signers.Count > 1 ? Pem(signers[1]) : null),
        Allocation = AllocationPolicy.Custom,
        Webhook = new AllocationWebhook(webhook),
        InitialTwin = InitialTwin.From(new JsonObject { ["owner"] = group.Owner }, []),
        Reprovision = Moves,
    };

    /// <summary>Whether an entry is the row's: it asks us, and names the row's certificates and no others.</summary>
    public static bool IsOf(IndividualEnrollment entry, DeviceRecord row)
    {
        if (entry.Allocation != AllocationPolicy.Custom) return false;
        return (row.Current.Kind, entry.Attestation) switch
        {
            (KeyKind.X509, X509Attestation { Use: X509Use.Client }) =>
                Certificates(entry).Order().SequenceEqual(new[] { row.Current.CertificateThumbprint, row.Next?.CertificateThumbprint }.OfType<string>().Order()),
            (KeyKind.Tpm, TpmAttestation tpm) => Thumbprint(tpm.EndorsementKey) == row.Current.Thumbprint,
            (KeyKind.SymmetricKey, SymmetricKeyAttestation) => true,
            _ => false,
        };
    }

    /// <summary>SHA-256 of an entry's certificates, lower-case hex.</summary>
    public static IEnumerable<string> Certificates(IndividualEnrollment entry) =>
        entry.Attestation is X509Attestation { Use: X509Use.Client } x509
            ? new[] { x509.Primary, x509.Secondary }.Select(one => one?.Info?.Sha256Thumbprint?.ToLowerInvariant()).OfType<string>()
            : [];

    /// <summary>Twin tags of a device: what profiles, rings and queries go by.</summary>
    public static JsonObject Tags(string model, string owner, ModelPolicy policy)
    {
        var tags = new JsonObject { ["model"] = model, ["owner"] = owner };
        if (policy.Ring.Length > 0) tags["ring"] = policy.Ring;
        if (policy.Profile.Length > 0) tags["profile"] = policy.Profile;
        return tags;
    }

    private static KeyThumbprint? Thumbprint(string endorsementKey)
    {
        var bytes = new byte[endorsementKey.Length];
        return Convert.TryFromBase64String(endorsementKey, bytes, out var length) ? KeyThumbprint.Of(bytes.AsSpan(0, length)) : null;
    }

    private static string Pem(DeviceKey key) => Pem(key.Certificate ?? throw new InvalidOperationException("a certificate's row has no certificate"));

    private static string Pem(string certificate) => PemEncoding.WriteString("CERTIFICATE", Convert.FromBase64String(certificate));
}
