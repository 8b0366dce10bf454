using Serverless.Faults;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Releases;

/// <summary>Whether a submission may become a release of its product, as far as that can be said without its image.</summary>
public static class SubmissionRule
{
    /// <summary>How long a product's role lives from each change (FORMAT.md 9.4).</summary>
    public static readonly TimeSpan RoleLives = TimeSpan.FromDays(365);

    /// <summary>Judges a submission against what was released before.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="policy">The product's policy.</param>
    /// <param name="earlier">Releases of the product: those published, and those withdrawn.</param>
    /// <returns>Nothing, or a fault of <see cref="SuitRule.Judge"/>, <c>hardware-foreign</c>, <c>release-version-conflict</c> (not above every release before, withdrawn ones
    /// too), <c>release-svn-conflict</c> (below one of them: devices that installed it would refuse this one).</returns>
    public static Fault? Judge(Submission submission, ProductPolicy policy, IReadOnlyCollection<Earlier> earlier)
    {
        ArgumentNullException.ThrowIfNull(submission);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(earlier);
        if (submission.Hardware.Any(id => !policy.Hardware.Contains(id, StringComparer.Ordinal))) return new Fault("hardware-foreign", "hardware");
        if (SuitRule.Judge(submission, policy) is { } envelopes) return envelopes;
        if (earlier.Any(one => one.Version >= submission.Version)) return new Fault("release-version-conflict", "version");
        return earlier.Any(one => one.Svn > submission.Svn) ? new Fault("release-svn-conflict", "svn") : null;
    }

    /// <summary>Whether the image can be what was submitted, before it is read.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="image">The blob found.</param>
    /// <returns>Nothing, or <c>image-size</c>: empty, or larger than the slot.</returns>
    public static Fault? Judge(Submission submission, Image image)
    {
        ArgumentNullException.ThrowIfNull(submission);
        ArgumentNullException.ThrowIfNull(image);
        return image.Bytes == 0 || image.Bytes > submission.SlotBytes ? new Fault("image-size", "image") : null;
    }

    /// <summary>The entry that the product's role gets.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="bytes">The image's length, as hashed.</param>
    /// <param name="sbomSha256">Digest of the bill of materials.</param>
    /// <param name="envelopes">Target name of the envelope, by hardware id.</param>
    public static TargetFile EntryOf(Submission submission, long bytes, string sbomSha256, IReadOnlyDictionary<string, string> envelopes)
    {
        ArgumentNullException.ThrowIfNull(submission);
        var release = new Release(
            submission.Product, submission.Hardware, submission.Version.Text, submission.Svn, submission.SlotBytes, submission.Notes, sbomSha256, submission.SupportUntil)
        {
            Suit = envelopes,
        };
        return new TargetFile(bytes, new Hashes(Convert.FromHexString(submission.Sha256), null), release.ToJson());
    }

    /// <summary>The releases that a published role lists.</summary>
    /// <param name="role">The role.</param>
    public static IEnumerable<Earlier> ListedBy(Targets role)
    {
        ArgumentNullException.ThrowIfNull(role);
        foreach (var file in role.Files.Values)
        {
            if (file.Custom is { } custom && Release.Parse(custom).TryGet(out var release, out _) && SemanticVersion.Parse(release.Version).TryGet(out var version, out _))
                yield return new Earlier(version, release.Svn);
        }
    }
}

/// <summary>A release before this one.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Svn">Its security version.</param>
public sealed record Earlier(SemanticVersion Version, int Svn);
