using Serverless.Faults;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Releases;

/// <summary>The SUIT envelopes of a release for MCUs (FORMAT.md 8.3): one a hardware id, when the product's offline policy asks for them.</summary>
/// <remarks>Pure. Two signatures of one key over one text differ, so an envelope is made once, with the proposal; from then on its bytes are
/// what the role says and approvers sign, and they are kept beside the proposal until they are published.</remarks>
public static class SuitRule
{
    /// <summary>Hardware ids that one release with envelopes may have: their envelopes, some 0.6 K characters each, share a column of 32 K.</summary>
    public const int HardwareMax = 32;

    /// <summary>The class of MCU that a hardware id is.</summary>
    /// <param name="policy">The product's policy.</param>
    /// <param name="hardware">Hardware id.</param>
    public static SuitClass? ClassOf(ProductPolicy policy, string hardware)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.Suit is { } suit ? new SuitClass(suit.Vendor, hardware, suit.Component) : null;
    }

    /// <summary>Whether the release's envelopes can have names and a place.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="policy">The product's policy.</param>
    /// <returns>Nothing, or <c>field-range</c>: the file's name leaves no room for an envelope's, or too many hardware ids.</returns>
    public static Fault? Judge(Submission submission, ProductPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(submission);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Suit is null) return null;
        if (submission.Hardware.Count > HardwareMax) return new Fault("field-range", "hardware");
        return submission.Hardware.All(id => Release.IsSegment(SuitTarget.NameOf(submission.File, id))) ? null : new Fault("field-range", "file");
    }

    /// <summary>What an envelope of this release says.</summary>
    /// <param name="submission">The submission, its image checked.</param>
    /// <param name="bytes">The image's length.</param>
    /// <param name="mcu">The class of MCU.</param>
    public static SuitManifest ManifestOf(Submission submission, long bytes, SuitClass mcu)
    {
        ArgumentNullException.ThrowIfNull(submission);
        ArgumentNullException.ThrowIfNull(mcu);
        return mcu.ManifestOf(submission.Svn, Convert.FromHexString(submission.Sha256), bytes);
    }

    /// <summary>The targets of a release: the image, then its envelopes.</summary>
    /// <param name="record">A release, checked.</param>
    public static IReadOnlyList<(string Name, TargetFile File)> TargetsOf(ReleaseRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var image = record.Image ?? throw new InvalidOperationException("The image was not looked at.");
        var envelopes = record.Envelopes.ToDictionary(one => one.Hardware, one => SuitTarget.NameOf(record.Target, one.Hardware), StringComparer.Ordinal);
        return
        [
            (record.Target, SubmissionRule.EntryOf(record.Submission!, image.Bytes, record.SbomSha256, envelopes)),
            .. record.Envelopes.Select(one => (envelopes[one.Hardware], SuitTarget.EntryOf(record.Target, one.Hardware, one.Content.Span))),
        ];
    }

    /// <summary>Whether a proposal's envelopes are those that the policy asks for now: of each hardware id, with the pipeline's key.</summary>
    /// <param name="record">A change.</param>
    /// <param name="policy">The product's policy now.</param>
    public static bool Fits(ReleaseRecord record, ProductPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(policy);
        if (record.Submission is not { } submission) return true;
        if (policy.Suit is null) return record.Envelopes.Count == 0;
        return record.Envelopes.Select(one => one.Hardware).SequenceEqual(submission.Hardware, StringComparer.Ordinal)
            && record.Envelopes.All(one => SuitEnvelope.Open(one.Content, policy.Keys[policy.Pipeline]).TryGet(out var opened, out _)
                && opened.Manifest.Equals(ManifestOf(submission, record.Image!.Bytes, ClassOf(policy, one.Hardware)!)));
    }
}
