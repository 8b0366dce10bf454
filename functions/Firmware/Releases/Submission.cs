using System.Buffers;
using System.Text.Json;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Releases;

/// <summary>A release as asked for, well formed; nothing about it has been looked up yet.</summary>
/// <param name="Product">Product id.</param>
/// <param name="Version">Version.</param>
/// <param name="Hardware">1 to 64 ids, none twice.</param>
/// <param name="Svn">Security version.</param>
/// <param name="SlotBytes">Bytes the slot must have, 1 to 2^53-1.</param>
/// <param name="Notes">Release notes.</param>
/// <param name="SupportUntil">UTC, whole seconds.</param>
/// <param name="File">Last segment of the target's name.</param>
/// <param name="Image">Blob in container <c>firmware</c>.</param>
/// <param name="Sha256">The image's digest as the submitter has it.</param>
/// <param name="Sbom">Blob of the bill of materials.</param>
public sealed record Submission(
    string Product,
    SemanticVersion Version,
    IReadOnlyList<string> Hardware,
    int Svn,
    long SlotBytes,
    string Notes,
    DateTimeOffset SupportUntil,
    string File,
    string Image,
    string Sha256,
    string Sbom)
{
    /// <summary>Longest request, bytes: notes of 4096 characters, each escaped, and 64 ids.</summary>
    public const int WireBytesMax = 64 * 1024;

    private const int BlobNameMax = 512;
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>The release's id.</summary>
    public ReleaseId Id => ReleaseId.Release(Product, Version);

    /// <summary>The target's name.</summary>
    public string Target => $"{Product}/{Version.Text}/{File}";

    /// <summary>Reads a request's body.</summary>
    /// <param name="utf8">Hostile bytes, bounded.</param>
    /// <returns>The submission, or <c>json-body</c>, <c>release-id</c>, <c>release-version</c>, <c>release-hardware</c>, <c>field-range</c>,
    /// <c>hash-format</c>, <c>expires-format</c>, <c>blob-name</c>.</returns>
    public static Parsed<Submission> Parse(ReadOnlyMemory<byte> utf8)
    {
        SubmissionBody? body;
        try
        {
            body = JsonSerializer.Deserialize(utf8.Span, ReleaseApiJson.Default.SubmissionBody);
        }
        catch (JsonException)
        {
            return new Fault("json-body", "body");
        }
        return body is null ? new Fault("json-body", "body") : From(body);
    }

    /// <summary>Whether a text is a SHA-256 in the one spelling taken.</summary>
    /// <param name="text">Hostile text.</param>
    public static bool IsSha256(string text) => text is { Length: 64 } && !text.AsSpan().ContainsAnyExcept(LowerHex);

    private static Parsed<Submission> From(SubmissionBody body)
    {
        if (!Release.IsId(body.Product)) return new Fault("release-id", "product");
        if (!SemanticVersion.Parse(body.Version).TryGet(out var version, out var fault)) return fault;
        if (body.Hardware.Count is 0 or > 64 || !body.Hardware.All(Release.IsId) || body.Hardware.Distinct(StringComparer.Ordinal).Count() != body.Hardware.Count)
            return new Fault("release-hardware", "hardware");
        if (body.Svn < 0) return new Fault("field-range", "svn");
        if (body.SlotBytes is < 1 or > FirmwareSigning.Trust.Json.JsonInteger.Max) return new Fault("field-range", "slotBytes");
        // A lone surrogate, which has no canonical form and could not be signed, the JSON reader has refused.
        if (body.Notes.Length > 4096) return new Fault("field-range", "notes");
        if (!Header.TryInstant(body.SupportUntil, out var until)) return new Fault("expires-format", "supportUntil");
        if (!Release.IsSegment(body.File)) return new Fault("field-range", "file");
        if (!IsSha256(body.Sha256)) return new Fault("hash-format", "sha256");
        if (!IsBlobName(body.Image)) return new Fault("blob-name", "image");
        if (!IsBlobName(body.Sbom)) return new Fault("blob-name", "sbom");
        return new Submission(body.Product, version, body.Hardware, body.Svn, body.SlotBytes, body.Notes, until, body.File, body.Image, body.Sha256, body.Sbom);
    }

    // Segments of the target alphabet: what a path means is the same for the SDK, the front and the service.
    private static bool IsBlobName(string name) => name.Length <= BlobNameMax && name.Split('/').All(Release.IsSegment);

    /// <summary>By content.</summary>
    /// <param name="other">The other submission.</param>
    public bool Equals(Submission? other) =>
        other is not null && Product == other.Product && Version.Equals(other.Version) && Hardware.SequenceEqual(other.Hardware, StringComparer.Ordinal) && Svn == other.Svn
        && SlotBytes == other.SlotBytes && Notes == other.Notes && SupportUntil == other.SupportUntil && File == other.File && Image == other.Image && Sha256 == other.Sha256
        && Sbom == other.Sbom;

    /// <summary>By id: enough to tell most apart.</summary>
    public override int GetHashCode() => HashCode.Combine(Product, Version, Sha256);
}
