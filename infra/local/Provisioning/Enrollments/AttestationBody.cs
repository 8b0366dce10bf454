using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>The <c>attestation</c> member of enrolments.</summary>
internal static class AttestationBody
{
    /// <summary>Reads it.</summary>
    /// <param name="body">Untrusted.</param>
    /// <param name="kind">Whose.</param>
    /// <param name="before">What the enrolment has: keys and certificates that an update leaves out stay, as they are never shown.</param>
    /// <returns>The attestation, or <c>attestation-shape</c>, <c>attestation-key</c>, <c>attestation-certificate</c>.</returns>
    public static Parsed<Attestation> Parse(JsonObject body, EnrollmentKind kind, Attestation? before)
    {
        var shape = new Fault("attestation-shape", "attestation");
        if (!body.TryText("type", out var type) || !body.TryObject("x509", out var x509)) return shape;
        if (!body.TryObject("symmetricKey", out var keys) || !body.TryObject("tpm", out var tpm)) return shape;
        return (type, kind) switch
        {
            ("symmetricKey", _) => Keys(keys ?? [], before as SymmetricKeys),
            ("x509", EnrollmentKind.Individual) when Only(x509, "clientCertificates") is { } clients => Pair(
                clients, (before as ClientCertificates)?.Primary, (before as ClientCertificates)?.Secondary, (primary, secondary) => new ClientCertificates(primary, secondary)),
            ("x509", EnrollmentKind.Group) when Only(x509, "signingCertificates") is { } signers => Pair(
                signers, (before as SigningCertificates)?.Primary, (before as SigningCertificates)?.Secondary, Signers),
            ("x509", EnrollmentKind.Group) when Only(x509, "caReferences") is { } references => References(references),
            ("tpm", EnrollmentKind.Individual) when tpm is not null => Tpm(tpm),
            _ => shape,
        };
    }

    /// <summary>Writes it.</summary>
    /// <param name="attestation">What.</param>
    /// <param name="withSecrets">Only for who holds the right to <c>attestationmechanism</c>.</param>
    public static JsonObject Document(Attestation attestation, bool withSecrets) => attestation switch
    {
        ClientCertificates clients => X509("clientCertificates", clients.Primary, clients.Secondary),
        SigningCertificates signers => X509("signingCertificates", signers.Primary, signers.Secondary),
        AuthorityReferences references => new()
        {
            ["type"] = "x509",
            ["x509"] = new JsonObject { ["caReferences"] = new JsonObject { ["primary"] = references.Primary, ["secondary"] = references.Secondary } },
        },
        SymmetricKeys keys when withSecrets => new()
        {
            ["type"] = "symmetricKey",
            ["symmetricKey"] = new JsonObject { ["primaryKey"] = keys.Primary, ["secondaryKey"] = keys.Secondary },
        },
        SymmetricKeys => new() { ["type"] = "symmetricKey" },
        TpmKeys tpm => new()
        {
            ["type"] = "tpm",
            ["tpm"] = new JsonObject { ["endorsementKey"] = tpm.EndorsementKey, ["storageRootKey"] = tpm.StorageRootKey },
        },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    // Of the three X.509 forms exactly one: of two, nobody may check the one and use the other.
    private static JsonObject? Only(JsonObject? x509, string form) =>
        x509?[form] is JsonObject found && x509.Count(pair => pair.Value is not null) == 1 ? found : null;

    private static JsonObject X509(string form, StoredCertificate primary, StoredCertificate? secondary) => new()
    {
        ["type"] = "x509",
        ["x509"] = new JsonObject { [form] = new JsonObject { ["primary"] = primary.Document(), ["secondary"] = secondary?.Document() } },
    };

    private static Parsed<Attestation> Pair(
        JsonObject pair, StoredCertificate? primaryBefore, StoredCertificate? secondaryBefore, Func<StoredCertificate, StoredCertificate?, Parsed<Attestation>> make)
    {
        var shape = new Fault("attestation-shape", "attestation.x509");
        if (!pair.TryObject("primary", out var first) || first is null || !pair.TryObject("secondary", out var second)) return shape;
        StoredCertificate?[] known = [primaryBefore, secondaryBefore];
        if (!Certificate(first, known).TryGet(out var primary, out var fault)) return fault;
        if (second is null) return make(primary, null);
        return Certificate(second, known).TryGet(out var secondary, out fault) ? make(primary, secondary) : fault;
    }

    private static Parsed<StoredCertificate> Certificate(JsonObject body, StoredCertificate?[] known)
    {
        var missing = new Fault("attestation-certificate", "certificate");
        if (!body.TryText("certificate", out var text) || !body.TryObject("info", out var info)) return missing;
        if (!string.IsNullOrEmpty(text)) return StoredCertificate.Parse(text);
        // A client that sends back what it was shown has the info only.
        return info is not null && info.TryText("sha256Thumbprint", out var thumbprint)
            && known.FirstOrDefault(one => one is not null && string.Equals(one.Sha256, thumbprint, StringComparison.OrdinalIgnoreCase)) is { } kept
            ? kept
            : missing;
    }

    private static Parsed<Attestation> Signers(StoredCertificate primary, StoredCertificate? secondary) =>
        primary.IsAuthority && secondary?.IsAuthority != false ? new SigningCertificates(primary, secondary) : new Fault("attestation-certificate", "signingCertificates");

    private static Parsed<Attestation> References(JsonObject body) =>
        body.TryText("primary", out var primary) && !string.IsNullOrEmpty(primary) && body.TryText("secondary", out var secondary)
            ? new AuthorityReferences(primary, string.IsNullOrEmpty(secondary) ? null : secondary)
            : new Fault("attestation-shape", "attestation.x509.caReferences");

    private static Parsed<Attestation> Keys(JsonObject body, SymmetricKeys? before)
    {
        if (!body.TryText("primaryKey", out var primary) || !body.TryText("secondaryKey", out var secondary)) return new Fault("attestation-shape", "attestation.symmetricKey");
        if (!KeyAllowed(primary) || !KeyAllowed(secondary)) return new Fault("attestation-key", "attestation.symmetricKey");
        return new SymmetricKeys(
            string.IsNullOrEmpty(primary) ? before?.Primary ?? NewKey() : primary,
            string.IsNullOrEmpty(secondary) ? before?.Secondary ?? NewKey() : secondary);
    }

    private static Parsed<Attestation> Tpm(JsonObject body) =>
        body.TryText("endorsementKey", out var endorsement) && IsBase64(endorsement) && body.TryText("storageRootKey", out var storage) && (storage is null || IsBase64(storage))
            ? new TpmKeys(endorsement!, storage)
            : new Fault("attestation-key", "attestation.tpm");

    // 16 to 64 bytes; empty means "make one".
    private static bool KeyAllowed(string? key)
    {
        if (string.IsNullOrEmpty(key)) return true;
        Span<byte> bytes = stackalloc byte[64];
        return Convert.TryFromBase64String(key, bytes, out var written) && written >= 16;
    }

    private static bool IsBase64(string? text) => !string.IsNullOrEmpty(text) && Convert.TryFromBase64String(text, new byte[text.Length], out _);

    private static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));
}
