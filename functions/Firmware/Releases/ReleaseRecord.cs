using Serverless.Faults;

namespace Serverless.Firmware.Releases;

/// <summary>A change of a product's role, from its submission to devices: what the table keeps.</summary>
/// <remarks>Not trusted: who can write the table can hold a release up or lose one, not ship one. Signatures are verified whenever they
/// are used, who may give them stands in the offline role, and what they cover is worked out anew from what is published.</remarks>
public sealed record ReleaseRecord
{
    /// <summary>Its name.</summary>
    public required ReleaseId Id { get; init; }

    /// <summary><see cref="FirmwareSigning.ReleaseApi.ReleaseState"/>.</summary>
    public required string State { get; init; }

    /// <summary>Who submitted it: object id.</summary>
    public required string SubmittedBy { get; init; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>Of a withdrawal or a renewal, in the submitter's words; otherwise empty.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Of a release: what was asked for.</summary>
    public Submission? Submission { get; init; }

    /// <summary>Of a release: the blob that was found, pinned by its tag.</summary>
    public Image? Image { get; init; }

    /// <summary>Of a release, once checked: digest of the bill of materials.</summary>
    public string SbomSha256 { get; init; } = "";

    /// <summary>Bytes hashed or copied so far.</summary>
    public long DoneBytes { get; init; }

    /// <summary>Of a release for MCUs, once checked: its SUIT envelopes, in order of the submission's hardware ids.</summary>
    public IReadOnlyList<SuitFile> Envelopes { get; init; } = [];

    /// <summary>What is to be signed, once checked.</summary>
    public Proposal? Proposal { get; init; }

    /// <summary>Why it was refused, is stale, or cannot be published at the moment.</summary>
    public Fault? Fault { get; init; }

    /// <summary>When devices saw it.</summary>
    public Publishing? Published { get; init; }

    /// <summary>Until when the worker that wrote this is to be left alone, UTC. Two workers do no harm, only work.</summary>
    public DateTimeOffset HeldUntil { get; init; }

    /// <summary>The target's name; only of a release.</summary>
    public string Target => Submission?.Target ?? throw new InvalidOperationException("Only a release has a target.");
}

/// <summary>A blob of container <c>firmware</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Tag">Changes with its content (ETag): a blob written over meanwhile is another one.</param>
public sealed record Image(string Name, long Bytes, string Tag);

/// <summary>An envelope, as the pipeline's key signed it.</summary>
/// <param name="Hardware">Hardware id it is for.</param>
/// <param name="Content">Its bytes.</param>
public sealed record SuitFile(string Hardware, ReadOnlyMemory<byte> Content);

/// <summary>The next version of a product's role.</summary>
/// <param name="RoleVersion">Its version.</param>
/// <param name="BaseVersion">The published version it was worked out from; 0 before the first.</param>
/// <param name="Expires">When it will expire, UTC, whole seconds.</param>
/// <param name="Sha256">Digest of the canonical bytes.</param>
/// <param name="Approvals">The pipeline's signature first, then people's.</param>
public sealed record Proposal(long RoleVersion, long BaseVersion, DateTimeOffset Expires, string Sha256, IReadOnlyList<Approval> Approvals);

/// <summary>A signature over a proposal.</summary>
/// <param name="KeyId">Of the key.</param>
/// <param name="Signature">DER, lower-case hex.</param>
/// <param name="By">Object id of the person, or <see cref="Pipeline"/>.</param>
/// <param name="At">When, UTC.</param>
public sealed record Approval(string KeyId, string Signature, string By, DateTimeOffset At)
{
    /// <summary>Stands for the pipeline among people; no object id reads like it.</summary>
    public const string Pipeline = "pipeline";
}

/// <summary>When devices saw a change.</summary>
/// <param name="At">UTC.</param>
/// <param name="TimestampVersion">Version of the timestamp.</param>
/// <param name="SnapshotVersion">Version of the snapshot.</param>
public sealed record Publishing(DateTimeOffset At, long TimestampVersion, long SnapshotVersion);
