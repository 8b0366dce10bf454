namespace Serverless.FirmwareSigning.ReleaseApi;

/// <summary>A submission: <c>POST api/releases</c>.</summary>
/// <param name="Product">Product id, 1 to 64 of <c>[a-z0-9-]</c>.</param>
/// <param name="Version">Semantic version without <c>+</c>, at most 64 characters.</param>
/// <param name="Hardware">1 to 64 hardware ids of the product, none twice.</param>
/// <param name="Svn">Security version, 0 to 2^31-1, at least that of every release before.</param>
/// <param name="SlotBytes">Bytes the slot must have; at least the image's.</param>
/// <param name="Notes">Release notes, up to 4096 characters.</param>
/// <param name="SupportUntil">End of support, <c>yyyy-MM-ddTHH:mm:ssZ</c>.</param>
/// <param name="File">Last segment of the target's name, 1 to 64 of <c>[A-Za-z0-9._-]</c>, no leading dot.</param>
/// <param name="Image">Blob in container <c>firmware</c>.</param>
/// <param name="Sha256">The image's digest as the submitter has it, 64 lower-case hex characters.</param>
/// <param name="Sbom">Blob of the bill of materials in the same container, CycloneDX or SPDX JSON.</param>
public sealed record SubmissionBody(
    string Product,
    string Version,
    IReadOnlyList<string> Hardware,
    int Svn,
    long SlotBytes,
    string Notes,
    string SupportUntil,
    string File,
    string Image,
    string Sha256,
    string Sbom);

/// <summary>An approval: <c>POST api/releases/{id}/approvals</c>.</summary>
/// <param name="Sha256">SHA-256 of the canonical bytes signed, 64 lower-case hex characters.</param>
/// <param name="KeyId">The signer's keyid, 64 lower-case hex characters.</param>
/// <param name="Signature">Strict DER, lower-case hex.</param>
public sealed record ApprovalBody(string Sha256, string KeyId, string Signature);

/// <summary>A withdrawal or a renewal.</summary>
/// <param name="Reason">1 to 1024 characters, kept and shown.</param>
public sealed record ReasonBody(string Reason);

/// <summary>An offline ceremony's files: <c>POST api/metadata</c>. Each is whole, signed, and base64.</summary>
/// <param name="Root">The next root.</param>
/// <param name="Targets">The next top-level targets.</param>
/// <param name="Roles">Product roles signed again by their approvers; the pipeline adds its signature.</param>
public sealed record MetadataChangeBody(string? Root = null, string? Targets = null, IReadOnlyDictionary<string, string>? Roles = null);
