namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>How a device of an enrolment proves who it is.</summary>
internal abstract record Attestation
{
    /// <summary>Secrets are kept out of logs and failure messages.</summary>
    public sealed override string ToString() => GetType().Name;
}

/// <summary>The device's own certificate, by its bytes. Individual enrolments only.</summary>
internal sealed record ClientCertificates(StoredCertificate Primary, StoredCertificate? Secondary) : Attestation
{
    public bool Holds(ReadOnlySpan<byte> der) => Primary.Is(der) || Secondary?.Is(der) == true;
}

/// <summary>A certificate that signed the device's, given with the enrolment. Groups only.</summary>
internal sealed record SigningCertificates(StoredCertificate Primary, StoredCertificate? Secondary) : Attestation
{
    public bool Holds(ReadOnlySpan<byte> der) => Primary.Is(der) || Secondary?.Is(der) == true;
}

/// <summary>A CA registered with the service, by its name there.</summary>
internal sealed record AuthorityReferences(string Primary, string? Secondary) : Attestation;

/// <summary>Keys, base64: the device's own, or those that a group's device keys are derived from.</summary>
internal sealed record SymmetricKeys(string Primary, string Secondary) : Attestation;

/// <summary>A TPM's keys, base64. Kept and shown; no device can register with them here.</summary>
internal sealed record TpmKeys(string EndorsementKey, string? StorageRootKey) : Attestation;
