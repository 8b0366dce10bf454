using System.Security.Cryptography.X509Certificates;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Access;

/// <summary>What a device brings to prove that it is the one it says.</summary>
/// <param name="RegistrationId">Whom it claims to be; see <see cref="RegistrationName"/>.</param>
/// <param name="Token">A shared access signature, or null.</param>
/// <param name="Certificates">What TLS saw, or null.</param>
internal sealed record DeviceProof(string RegistrationId, string? Token, PeerCertificates? Certificates);

/// <summary>A device that proved itself, and by which enrolment.</summary>
/// <param name="RegistrationId">As it spells itself.</param>
/// <param name="Enrollment">The entry that decides; it may be disabled.</param>
/// <param name="Credentials">What its hub will know it by: its leaf's thumbprint, or its keys.</param>
/// <param name="Leaf">Its certificate, or null.</param>
/// <param name="Signer">The group's certificate in its chain, or null.</param>
internal sealed record Attested(string RegistrationId, Enrollment Enrollment, DeviceCredentials Credentials, StoredCertificate? Leaf, StoredCertificate? Signer);

/// <summary>Which enrolment a device may use (X.509 and symmetric key attestation concepts). Nothing is decided on a device's word.</summary>
/// <remarks>An individual enrolment beats every group, whatever it says; of groups the one nearest to the leaf decides. A disabled entry is
/// an answer like an enabled one: the search never goes on past it.</remarks>
internal sealed class Attestor(EnrollmentStore enrollments, AuthorityStore authorities, string idScope, TimeProvider wall)
{
    /// <summary>Decides.</summary>
    /// <returns>The device and its enrolment, or <c>credentials-missing</c>, <c>credentials-type</c>, <c>certificate-subject</c>,
    /// <c>certificate-mismatch</c>, <c>enrollment-unknown</c>, <c>token-policy</c>, <c>token-resource</c>, <c>token-signature</c>,
    /// <c>token-expired</c>, and those of <see cref="DeviceChain.Build"/> and <see cref="SasToken.Parse"/>.</returns>
    public Parsed<Attested> Decide(DeviceProof proof) =>
        proof.Token is { } token ? ByToken(proof.RegistrationId, token)
        : proof.Certificates is { } shown ? ByCertificate(proof.RegistrationId, shown)
        : new Fault("credentials-missing", "device");

    private Parsed<Attested> ByCertificate(string id, PeerCertificates shown)
    {
        var now = wall.GetUtcNow();
        using var leaf = X509CertificateLoader.LoadCertificate(shown.Leaf);
        if (!RegistrationName.Comparer.Equals(DeviceChain.CommonName(leaf), id)) return new Fault("certificate-subject", "certificate");
        if (now < leaf.NotBefore || now > leaf.NotAfter) return new Fault("certificate-expired", "certificate");
        var stored = StoredCertificate.From(shown.Leaf);
        var credentials = DeviceCredentials.Pinned(stored.Sha256);
        if (enrollments.Find(EnrollmentKind.Individual, id) is { } individual)
        {
            return individual.Attestation is not ClientCertificates clients ? new Fault("credentials-type", "certificate")
                : clients.Holds(shown.Leaf) ? new Attested(id, individual, credentials, stored, null)
                : new Fault("certificate-mismatch", "certificate");
        }

        // The leaf is enrolled under another id: that entry was found, so no group is asked.
        if (enrollments.WithLeaf(stored.Sha256) is { Count: > 0 }) return new Fault("certificate-subject", "certificate");
        if (!DeviceChain.Build(shown, authorities.Verified, now).TryGet(out var chain, out var fault)) return fault;
        var groups = enrollments.List(EnrollmentKind.Group);
        foreach (var signer in chain.Skip(1))
        {
            // Of several groups with one certificate a disabled one wins: the safe reading of a mistake.
            var group = groups.Where(group => Vouches(group.Attestation, signer)).OrderBy(group => group.Enabled).FirstOrDefault();
            if (group is not null) return new Attested(id, group, credentials, stored, StoredCertificate.From(signer));
        }

        return new Fault("enrollment-unknown", "certificate");
    }

    private bool Vouches(Attestation attestation, byte[] signer) => attestation switch
    {
        SigningCertificates signers => signers.Holds(signer),
        AuthorityReferences references => authorities.Is(references.Primary, signer) || (references.Secondary is { } second && authorities.Is(second, signer)),
        _ => false,
    };

    private Parsed<Attested> ByToken(string id, string text)
    {
        if (!SasToken.Parse(text).TryGet(out var token, out var shape)) return shape;
        if (token.Policy != "registration") return new Fault("token-policy", "skn");
        if (!string.Equals(token.Resource, $"{idScope}/registrations/{id}", StringComparison.OrdinalIgnoreCase)) return new Fault("token-resource", "sr");
        if (!BySignature(id, token).TryGet(out var attested, out var fault)) return fault;
        return token.ExpiresAt > wall.GetUtcNow() ? attested : new Fault("token-expired", "se");
    }

    private Parsed<Attested> BySignature(string id, SasToken token)
    {
        if (enrollments.Find(EnrollmentKind.Individual, id) is { } individual)
        {
            return individual.Attestation is not SymmetricKeys own ? new Fault("credentials-type", "password")
                : token.SignedBy(own.Primary, own.Secondary) ? new Attested(id, individual, Sas(own.Primary, own.Secondary), null, null)
                : new Fault("token-signature", "sig");
        }

        var groups = enrollments.List(EnrollmentKind.Group).Where(group => group.Attestation is SymmetricKeys).ToArray();
        foreach (var group in groups.OrderBy(group => group.Enabled))
        {
            var keys = (SymmetricKeys)group.Attestation;
            var (primary, secondary) = (DerivedKey.Of(keys.Primary, id), DerivedKey.Of(keys.Secondary, id));
            if (token.SignedBy(primary, secondary)) return new Attested(id, group, Sas(primary, secondary), null, null);
        }

        return groups.Length == 0 ? new Fault("enrollment-unknown", "password") : new Fault("token-signature", "sig");
    }

    private static DeviceCredentials Sas(string primary, string secondary) => new(AuthenticationType.Sas, primary, secondary);
}
