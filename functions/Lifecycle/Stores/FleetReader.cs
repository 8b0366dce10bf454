using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Devices;
using Serverless.Faults;
using Serverless.IotHub;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Endings;
using Serverless.Provisioning;

namespace Serverless.Lifecycle.Stores;

/// <summary>DPS and the linked hubs, by pages of 100.</summary>
internal sealed class FleetReader(ProvisioningClient dps, IReadOnlyList<IotHubClient> hubs) : IFleetReader
{
    private const int PageSize = 100;

    /// <inheritdoc/>
    public int Hubs => hubs.Count;

    /// <inheritdoc/>
    public async Task<Seen<GroupFact>> Groups(string? after, CancellationToken cancel)
    {
        var page = Value(await dps.QueryGroups("SELECT * FROM enrollmentGroups", PageSize, after, cancel).ConfigureAwait(false));
        return new([.. page.Items.Select(group => new GroupFact(group.GroupId, group.Status == ProvisioningStatus.Enabled, group.Allocation == AllocationPolicy.Custom, Ends(group.Attestation)))], page.Continuation);
    }

    /// <inheritdoc/>
    public async Task<Seen<EnrollmentSeen>> Enrollments(string? after, CancellationToken cancel)
    {
        var page = Value(await dps.QueryEnrollments("SELECT * FROM enrollments", PageSize, after, cancel).ConfigureAwait(false));
        return new([.. page.Items.Select(one => new EnrollmentSeen(
            new EnrollmentFact(one.RegistrationId, one.Status == ProvisioningStatus.Enabled, one.Attestation is SymmetricKeyAttestation, one.Allocation == AllocationPolicy.Custom, null),
            Key(one.Attestation), Certificate(one.Attestation)))], page.Continuation);
    }

    /// <inheritdoc/>
    public async Task<Seen<IdentityFact>> Identities(int hub, string? after, CancellationToken cancel)
    {
        var page = Value(await hubs[hub].QueryTwins("SELECT * FROM devices", PageSize, after, cancel).ConfigureAwait(false));
        return new([.. page.Items.Select(twin => new IdentityFact(
            hubs[hub].Host, twin.DeviceId, twin.Status != HubDeviceStatus.Disabled, twin.Credential == HubCredential.SymmetricKeys, twin.LastActivityAt))], page.Continuation);
    }

    /// <inheritdoc/>
    public async Task<bool> StandsDisabled(DeviceId device, CancellationToken cancel)
    {
        var read = await dps.GetEnrollment(device.Text, cancel).ConfigureAwait(false);
        return read.TryGet(out var there, out var fault) ? there.Status == ProvisioningStatus.Disabled
            : fault.Code == "enrollment-unknown" ? false
            : throw new IOException($"DPS does not say whether an enrolment stands: {fault}");
    }

    // The text is not always there; then the index is asked by nothing, and the admission's own comparison stands alone.
    private static KeyThumbprint? Key(Attestation attestation)
    {
        if (attestation is not X509Attestation { Use: X509Use.Client, Primary.Pem: { } pem }) return null;
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return KeyThumbprint.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static string? Certificate(Attestation attestation) =>
        attestation is X509Attestation { Use: X509Use.Client, Primary.Info.Sha256Thumbprint: { Length: 64 } thumbprint } ? thumbprint.ToLowerInvariant() : null;

    private static DateTimeOffset? Ends(Attestation attestation)
    {
        if (attestation is not X509Attestation x509) return null;
        var ends = new[] { x509.Primary?.Info?.NotAfter, x509.Secondary?.Info?.NotAfter }.Where(end => end is not null && end != default(DateTimeOffset)).ToList();
        return ends.Count == 0 ? null : ends.Max();
    }

    private static T Value<T>(Parsed<T> read)
        where T : notnull => read.TryGet(out var value, out var fault) ? value : throw new IOException($"a page of the fleet was refused: {fault}");
}
