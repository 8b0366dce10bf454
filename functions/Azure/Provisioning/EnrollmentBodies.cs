using System.Globalization;
using System.Text.Json;
using Serverless.Rest;

namespace Serverless.Provisioning;

/// <summary>Between domain and wire records. What cannot be mapped is a <see cref="JsonException"/>, which the client turns into an outage.</summary>
internal static class EnrollmentBodies
{
    /// <summary>What is sent: what may be set, and nothing that only the service sets.</summary>
    /// <param name="enrollment">The entry.</param>
    /// <param name="withETag">Whether the version goes into the body, as bulk calls want it.</param>
    /// <exception cref="ArgumentException">Custom allocation without its webhook, or a kind that cannot be written.</exception>
    public static EnrollmentBody From(Enrollment enrollment, bool withETag = false)
    {
        if ((enrollment.Allocation == AllocationPolicy.Custom) != (enrollment.Webhook is not null))
        {
            throw new ArgumentException("custom allocation and its webhook go together; a webhook is never read back, so give it afresh", nameof(enrollment));
        }

        return new EnrollmentBody
        {
            RegistrationId = (enrollment as IndividualEnrollment)?.RegistrationId,
            EnrollmentGroupId = (enrollment as EnrollmentGroup)?.GroupId,
            DeviceId = (enrollment as IndividualEnrollment)?.DeviceId,
            Attestation = From(enrollment.Attestation),
            Capabilities = enrollment.IotEdge ? new CapabilitiesBody(true) : null,
            InitialTwin = enrollment.InitialTwin is { } twin ? new TwinBody(Defined(twin.Tags), new TwinPropertiesBody(Defined(twin.Desired))) : null,
            Etag = withETag ? enrollment.ETag : null,
            ProvisioningStatus = enrollment.Status == ProvisioningStatus.Disabled ? "disabled" : "enabled",
            ReprovisionPolicy = enrollment.Reprovision is { } policy ? new ReprovisionBody(policy.UpdateHubAssignment, policy.MigrateDeviceData) : null,
            AllocationPolicy = Word(enrollment.Allocation),
            IotHubs = enrollment.IotHubs.Count == 0 ? null : enrollment.IotHubs,
            CustomAllocationDefinition = enrollment.Webhook is { } webhook ? new WebhookBody { WebhookUrl = webhook.Url.AbsoluteUri, ApiVersion = webhook.ApiVersion } : null,
        };
    }

    /// <summary>An individual enrolment as read.</summary>
    public static IndividualEnrollment Individual(EnrollmentBody body) => new()
    {
        RegistrationId = Needed(body.RegistrationId, "registrationId"),
        DeviceId = body.DeviceId,
        Registration = body.RegistrationState is { RegistrationId: not null } state ? Registration(state) : null,
        Attestation = Attestation(body.Attestation),
        Status = Status(body.ProvisioningStatus),
        Allocation = Policy(body.AllocationPolicy),
        IotHubs = body.IotHubs ?? [],
        InitialTwin = Twin(body.InitialTwin),
        Reprovision = body.ReprovisionPolicy is { } policy ? new ReprovisionPolicy(policy.UpdateHubAssignment, policy.MigrateDeviceData) : null,
        IotEdge = body.Capabilities?.IotEdge ?? false,
        ETag = body.Etag,
        CreatedAt = Instant(body.CreatedDateTimeUtc),
        UpdatedAt = Instant(body.LastUpdatedDateTimeUtc),
    };

    /// <summary>A group as read.</summary>
    public static EnrollmentGroup Group(EnrollmentBody body) => new()
    {
        GroupId = Needed(body.EnrollmentGroupId, "enrollmentGroupId"),
        Attestation = Attestation(body.Attestation),
        Status = Status(body.ProvisioningStatus),
        Allocation = Policy(body.AllocationPolicy),
        IotHubs = body.IotHubs ?? [],
        InitialTwin = Twin(body.InitialTwin),
        Reprovision = body.ReprovisionPolicy is { } policy ? new ReprovisionPolicy(policy.UpdateHubAssignment, policy.MigrateDeviceData) : null,
        IotEdge = body.Capabilities?.IotEdge ?? false,
        ETag = body.Etag,
        CreatedAt = Instant(body.CreatedDateTimeUtc),
        UpdatedAt = Instant(body.LastUpdatedDateTimeUtc),
    };

    /// <summary>A registration record as read.</summary>
    public static RegistrationState Registration(RegistrationBody body) => new()
    {
        RegistrationId = Needed(body.RegistrationId, "registrationId"),
        DeviceId = body.DeviceId,
        AssignedHub = body.AssignedHub,
        Status = body.Status switch
        {
            "unassigned" => RegistrationStatus.Unassigned,
            "assigning" => RegistrationStatus.Assigning,
            "assigned" => RegistrationStatus.Assigned,
            "failed" => RegistrationStatus.Failed,
            "disabled" => RegistrationStatus.Disabled,
            _ => RegistrationStatus.Other,
        },
        Substatus = body.Substatus,
        ErrorCode = body.ErrorCode is > 0 ? body.ErrorCode : null,
        ErrorMessage = body.ErrorMessage,
        ETag = body.Etag,
        CreatedAt = Instant(body.CreatedDateTimeUtc),
        UpdatedAt = Instant(body.LastUpdatedDateTimeUtc),
        Payload = body.Payload ?? default,
    };

    /// <summary>The keys in the answer of the one call that is there to read them.</summary>
    public static DeviceKeys Keys(AttestationBody body)
    {
        try
        {
            return new DeviceKeys(Needed(body.SymmetricKey?.PrimaryKey, "primaryKey"), Needed(body.SymmetricKey?.SecondaryKey, "secondaryKey"));
        }
        catch (ArgumentException)
        {
            throw new JsonException("keys are not base64 of 16 to 64 bytes"); // without the cause: it could quote a key
        }
    }

    private static AttestationBody From(Attestation attestation) => attestation switch
    {
        X509Attestation { Use: X509Use.Client } x509 => new("x509", null, new(Certificates(x509), null, null), null),
        X509Attestation x509 => new("x509", null, new(null, Certificates(x509), null), null),
        CaAttestation ca => new("x509", null, new(null, null, new(ca.Primary, ca.Secondary)), null),
        TpmAttestation tpm => new("tpm", new(tpm.EndorsementKey, tpm.StorageRootKey), null, null),
        SymmetricKeyAttestation { Keys: { } keys } => new("symmetricKey", null, null, new() { PrimaryKey = keys.Primary, SecondaryKey = keys.Secondary }),
        SymmetricKeyAttestation => new("symmetricKey", null, null, null),
        _ => throw new ArgumentException($"attestation {attestation.GetType().Name} cannot be written", nameof(attestation)),
    };

    private static CertificatesBody Certificates(X509Attestation x509) => new(Certificate(x509.Primary), Certificate(x509.Secondary));

    private static CertificateBody? Certificate(EnrolledCertificate? certificate) => certificate switch
    {
        null => null,
        { Pem: { } pem } => new(pem, null),
        // What was read without its text goes back as it came: leaving it out would take the credential away.
        { Info: { } info } => new(null, new(info.SubjectName, info.Sha1Thumbprint, info.Sha256Thumbprint, info.IssuerName,
            Text(info.NotBefore), Text(info.NotAfter), info.SerialNumber, info.Version)),
        _ => throw new ArgumentException("a certificate has its PEM or what was read of it", nameof(certificate)),
    };

    private static Attestation Attestation(AttestationBody? body) => body switch
    {
        null => throw new JsonException("attestation is missing"),
        { X509.CaReferences: { Primary: { } primary } references } => new CaAttestation(primary, references.Secondary),
        { X509.ClientCertificates: { } client } => new X509Attestation(X509Use.Client, Certificate(client.Primary), Certificate(client.Secondary)),
        { X509.SigningCertificates: { } signing } => new X509Attestation(X509Use.Signing, Certificate(signing.Primary), Certificate(signing.Secondary)),
        { Type: "tpm" } => new TpmAttestation(Needed(body.Tpm?.EndorsementKey, "endorsementKey"), body.Tpm!.StorageRootKey),
        { Type: "symmetricKey" } => new SymmetricKeyAttestation(), // keys, if the service sent any, end here
        _ => new UnknownAttestation(body.Type ?? ""),
    };

    private static EnrolledCertificate? Certificate(CertificateBody? body) => body is null ? null : new(body.Certificate, body.Info is not { } info ? null : new CertificateInfo(
        info.SubjectName ?? "", info.Sha1Thumbprint ?? "", info.Sha256Thumbprint ?? "", info.IssuerName ?? "", Instant(info.NotBeforeUtc) ?? default,
        Instant(info.NotAfterUtc) ?? default, info.SerialNumber ?? "", info.Version ?? 0));

    private static InitialTwin? Twin(TwinBody? body) => body is null ? null : new InitialTwin(body.Tags ?? default, body.Properties?.Desired ?? default);

    // A status nobody knows must not be taken for one that admits.
    private static ProvisioningStatus Status(string? word) => word switch
    {
        null or "enabled" => ProvisioningStatus.Enabled, // enabled is the service's default
        "disabled" => ProvisioningStatus.Disabled,
        _ => throw new JsonException("provisioningStatus is not known"),
    };

    private static AllocationPolicy? Policy(string? word) => word switch
    {
        null => null,
        "hashed" => AllocationPolicy.Hashed,
        "geoLatency" => AllocationPolicy.GeoLatency,
        "static" => AllocationPolicy.Static,
        "custom" => AllocationPolicy.Custom,
        _ => AllocationPolicy.Other,
    };

    private static string? Word(AllocationPolicy? policy) => policy switch
    {
        null => null,
        AllocationPolicy.Hashed => "hashed",
        AllocationPolicy.GeoLatency => "geoLatency",
        AllocationPolicy.Static => "static",
        AllocationPolicy.Custom => "custom",
        _ => throw new ArgumentException("an allocation policy that is not known cannot be written", nameof(policy)),
    };

    private static string Needed(string? text, string member) => text ?? throw new JsonException(member + " is missing");

    private static JsonElement? Defined(JsonElement element) => element.ValueKind == JsonValueKind.Undefined ? null : element;

    private static DateTimeOffset? Instant(string? text) =>
        text is null ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant) ? instant
        : throw new JsonException("an instant is not ISO 8601");

    private static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
