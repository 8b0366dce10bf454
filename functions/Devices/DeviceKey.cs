namespace Serverless.Devices;

/// <summary>What a device proves itself with.</summary>
public enum KeyKind
{
    /// <summary>An X.509 certificate and its key.</summary>
    X509,

    /// <summary>A TPM's endorsement key.</summary>
    Tpm,

    /// <summary>A shared secret, where the model's policy allows it. There is no public key and so no thumbprint.</summary>
    SymmetricKey,
}

/// <summary>One credential of a device.</summary>
/// <param name="Kind">Of what kind.</param>
/// <param name="Thumbprint">Of its public key; <see langword="null"/> for a symmetric key, and for a group's device whose certificate
/// DPS did not show.</param>
/// <param name="NotBefore">First instant of the certificate's validity, UTC; only X.509.</param>
/// <param name="NotAfter">Last instant of it.</param>
/// <param name="Certificate">The leaf certificate, DER in base64; only X.509. Not secret. Kept because a group's device can be locked
/// out of DPS only by an individual enrolment that names its certificate.</param>
/// <param name="CertificateThumbprint">SHA-256 of the leaf certificate, 64 lower-case hex characters; only X.509. What DPS and IoT Hub
/// show of a certificate, where they do not show the key.</param>
public sealed record DeviceKey(
    KeyKind Kind,
    KeyThumbprint? Thumbprint,
    DateTimeOffset? NotBefore = null,
    DateTimeOffset? NotAfter = null,
    string? Certificate = null,
    string? CertificateThumbprint = null);
