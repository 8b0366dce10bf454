using Serverless.Rest;

namespace Serverless.Provisioning;

/// <summary>How a device proves who it is.</summary>
public abstract record Attestation
{
    private protected Attestation()
    {
    }
}

/// <summary>By X.509 certificates.</summary>
/// <param name="Use">What the certificates are.</param>
/// <param name="Primary">The first.</param>
/// <param name="Secondary">The second, for rotation without an outage; either may prove.</param>
public sealed record X509Attestation(X509Use Use, EnrolledCertificate? Primary, EnrolledCertificate? Secondary = null) : Attestation
{
    /// <summary>An individual enrolment of a device's own certificates.</summary>
    /// <param name="primaryPem">PEM of the leaf.</param>
    /// <param name="secondaryPem">PEM of the next leaf, if there is one.</param>
    public static X509Attestation Client(string primaryPem, string? secondaryPem = null) => Of(X509Use.Client, primaryPem, secondaryPem);

    /// <summary>A group of all devices whose chain leads to an intermediate CA.</summary>
    /// <param name="primaryPem">PEM of the intermediate.</param>
    /// <param name="secondaryPem">PEM of the next, if there is one.</param>
    public static X509Attestation Signing(string primaryPem, string? secondaryPem = null) => Of(X509Use.Signing, primaryPem, secondaryPem);

    private static X509Attestation Of(X509Use use, string primaryPem, string? secondaryPem)
    {
        ArgumentException.ThrowIfNullOrEmpty(primaryPem);
        return new(use, new EnrolledCertificate(primaryPem, null), secondaryPem is null ? null : new EnrolledCertificate(secondaryPem, null));
    }
}

/// <summary>By references to CA certificates that the service holds and that proved possession.</summary>
/// <param name="Primary">Name of the CA certificate in the service.</param>
/// <param name="Secondary">Name of the next.</param>
public sealed record CaAttestation(string Primary, string? Secondary = null) : Attestation;

/// <summary>By a TPM.</summary>
/// <param name="EndorsementKey">Base64 of the public endorsement key.</param>
/// <param name="StorageRootKey">Base64 of the public storage root key, if known.</param>
public sealed record TpmAttestation(string EndorsementKey, string? StorageRootKey = null) : Attestation;

/// <summary>By a shared key.</summary>
/// <param name="Keys">The keys to set; <see langword="null"/> in what is read, and in a new enrolment whose keys the service shall make.</param>
public sealed record SymmetricKeyAttestation(DeviceKeys? Keys = null) : Attestation;

/// <summary>A kind this client does not know; it is read, never written.</summary>
/// <param name="Type">The service's word.</param>
public sealed record UnknownAttestation(string Type) : Attestation;

/// <summary>What an enrolment's certificates are.</summary>
public enum X509Use
{
    /// <summary>The device's own.</summary>
    Client,

    /// <summary>An intermediate CA's.</summary>
    Signing,
}

/// <summary>A certificate of an enrolment.</summary>
/// <param name="Pem">PEM; what is written. The service may leave it out of what is read.</param>
/// <param name="Info">What the service made of it; <see langword="null"/> in new enrolments, sent back with updates.</param>
public sealed record EnrolledCertificate(string? Pem, CertificateInfo? Info);

/// <summary>The service's reading of a certificate.</summary>
/// <param name="SubjectName">Distinguished name.</param>
/// <param name="Sha1Thumbprint">Hex, as the service writes it.</param>
/// <param name="Sha256Thumbprint">Hex, as the service writes it.</param>
/// <param name="IssuerName">Distinguished name.</param>
/// <param name="NotBefore">Start of validity.</param>
/// <param name="NotAfter">End of validity.</param>
/// <param name="SerialNumber">Hex.</param>
/// <param name="Version">X.509 version, 3.</param>
public sealed record CertificateInfo(
    string SubjectName, string Sha1Thumbprint, string Sha256Thumbprint, string IssuerName, DateTimeOffset NotBefore, DateTimeOffset NotAfter,
    string SerialNumber, int Version);
