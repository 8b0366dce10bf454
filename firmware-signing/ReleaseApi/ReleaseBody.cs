using System.Text.Json.Serialization;

namespace Serverless.FirmwareSigning.ReleaseApi;

/// <summary>A release, or another change of a product's role, as <c>api/releases/{id}</c> shows it. Instants are
/// <c>yyyy-MM-ddTHH:mm:ssZ</c>, digests 64 lower-case hex characters.</summary>
/// <param name="Id"><c>gw100@1.4.0</c>, <c>gw100@1.4.0~withdrawal</c>, <c>gw100~renewal</c>.</param>
/// <param name="Kind"><see cref="ReleaseKind"/>.</param>
/// <param name="Product">Product id.</param>
/// <param name="Version">The release's version; of a renewal <see langword="null"/>.</param>
/// <param name="Policy"><c>two-person</c> or <c>single-person</c>: shown wherever a release is.</param>
/// <param name="State"><see cref="ReleaseState"/>.</param>
/// <param name="Fault">Why it was refused or is stale.</param>
/// <param name="Progress">Of hashing or copying.</param>
/// <param name="SubmittedBy">Object id of the person or program.</param>
/// <param name="SubmittedAt">When.</param>
/// <param name="Reason">Of a withdrawal or renewal, in the submitter's words.</param>
/// <param name="Image">Of a release.</param>
/// <param name="Hardware">Hardware ids, of a release.</param>
/// <param name="Svn">Security version, of a release.</param>
/// <param name="SlotBytes">Bytes the slot must have, of a release.</param>
/// <param name="Notes">Release notes, of a release.</param>
/// <param name="SupportUntil">End of support, of a release.</param>
/// <param name="Proposal">What is to be signed, once checked.</param>
/// <param name="Published">When it became visible.</param>
public sealed record ReleaseBody(
    string Id,
    string Kind,
    string Product,
    string? Version,
    string Policy,
    string State,
    FaultBody? Fault,
    ProgressBody? Progress,
    string SubmittedBy,
    string SubmittedAt,
    string? Reason,
    ImageBody? Image,
    IReadOnlyList<string>? Hardware,
    int? Svn,
    long? SlotBytes,
    string? Notes,
    string? SupportUntil,
    ProposalBody? Proposal,
    PublishedBody? Published);

/// <summary>Why something was refused.</summary>
/// <param name="Code">Fault code.</param>
/// <param name="Where">Path of the field at fault.</param>
public sealed record FaultBody(string Code, string Where);

/// <summary>How far a long image is.</summary>
/// <param name="DoneBytes">Bytes hashed or copied.</param>
/// <param name="TotalBytes">Bytes in all.</param>
public sealed record ProgressBody(long DoneBytes, long TotalBytes);

/// <summary>A release's image.</summary>
/// <param name="Target">The target's name in the repository, <c>product/version/file</c>.</param>
/// <param name="Blob">Name in container <c>firmware</c>.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Digest, as submitted and, from state <c>proposed</c> on, as checked.</param>
/// <param name="Sbom">Name of the bill of materials in container <c>firmware</c>.</param>
/// <param name="SbomSha256">Its digest, once checked.</param>
public sealed record ImageBody(string Target, string Blob, long Bytes, string Sha256, string Sbom, string? SbomSha256);

/// <summary>The next version of a product's role, to be signed.</summary>
/// <param name="Role">Role, named as the product.</param>
/// <param name="RoleVersion">Its version.</param>
/// <param name="BaseVersion">The published version it builds on; 0 when there is none.</param>
/// <param name="Expires">When the role will expire.</param>
/// <param name="Sha256">SHA-256 of the canonical form of the signed part: what approvers' keys sign.</param>
/// <param name="Signed">Base64 of the signed part as JSON; in lists <see langword="null"/>.</param>
/// <param name="Threshold">Different keys that must sign.</param>
/// <param name="Approvals">Who has signed; the first is <c>pipeline</c>.</param>
/// <param name="MayApprove">Whose signature would still count.</param>
/// <param name="Envelopes">SUIT envelopes that the role lists beside the image; of products without MCUs the member is absent.</param>
public sealed record ProposalBody(
    string Role,
    long RoleVersion,
    long BaseVersion,
    string Expires,
    string Sha256,
    string? Signed,
    int Threshold,
    IReadOnlyList<SignedByBody> Approvals,
    IReadOnlyList<ApproverBody> MayApprove,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<EnvelopeBody>? Envelopes = null);

/// <summary>A SUIT envelope (FORMAT.md 8.3).</summary>
/// <param name="Target">Its target name.</param>
/// <param name="Hardware">Hardware id it is for.</param>
/// <param name="Sha256">Its digest.</param>
/// <param name="Content">Base64 of the envelope: shown to approvers, one release at a time, until it is published; otherwise
/// <see langword="null"/>.</param>
public sealed record EnvelopeBody(string Target, string Hardware, string Sha256, string? Content);

/// <summary>A signature that counts.</summary>
/// <param name="KeyId">Of the key.</param>
/// <param name="By">Object id of the person; <c>pipeline</c> for the policy key.</param>
/// <param name="At">When.</param>
public sealed record SignedByBody(string KeyId, string By, string At);

/// <summary>A key and whose it is.</summary>
/// <param name="KeyId">Of the key.</param>
/// <param name="Person">Object id.</param>
public sealed record ApproverBody(string KeyId, string Person);

/// <summary>What devices see.</summary>
/// <param name="At">When.</param>
/// <param name="TimestampVersion">Version of the timestamp that first showed it.</param>
/// <param name="SnapshotVersion">Version of the snapshot.</param>
public sealed record PublishedBody(string At, long TimestampVersion, long SnapshotVersion);

/// <summary>A page of releases.</summary>
/// <param name="Releases">Newest last within a product; proposals without their <c>signed</c>.</param>
/// <param name="Next">What to send as <c>after</c> for the next page; <see langword="null"/> at the end.</param>
public sealed record ReleasesBody(IReadOnlyList<ReleaseBody> Releases, string? Next);

/// <summary>Words of <see cref="ReleaseBody.Kind"/>.</summary>
public static class ReleaseKind
{
    /// <summary>Adds an image.</summary>
    public const string Release = "release";

    /// <summary>Takes an image back.</summary>
    public const string Withdrawal = "withdrawal";

    /// <summary>The same images, a later expiry.</summary>
    public const string Renewal = "renewal";
}

/// <summary>Words of <see cref="ReleaseBody.State"/>.</summary>
public static class ReleaseState
{
    /// <summary>The image is being hashed.</summary>
    public const string Checking = "checking";

    /// <summary>A check said no.</summary>
    public const string Refused = "refused";

    /// <summary>Approvals are awaited.</summary>
    public const string Proposed = "proposed";

    /// <summary>It is being published.</summary>
    public const string Approved = "approved";

    /// <summary>Devices see it.</summary>
    public const string Published = "published";

    /// <summary>Another change came first.</summary>
    public const string Stale = "stale";

    /// <summary>Published once, taken back.</summary>
    public const string Withdrawn = "withdrawn";
}
