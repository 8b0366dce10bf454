using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.Firmware.Desk;

/// <summary>Checks a submitted release: its bill of materials, its image byte for byte; then the pipeline signs.</summary>
/// <remarks>A hash cannot be taken up in the middle: a worker that dies costs the time since it began, and the next one begins again.
/// Two workers on one release do the same work; the first to write wins and the other stops.</remarks>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="images">Container <c>firmware</c>.</param>
/// <param name="proposing">Signs.</param>
/// <param name="settings">How often progress is written.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where verdicts are told.</param>
internal sealed class Checking(
    OtaRepository repository, IReleases releases, IImages images, Proposing proposing, DeskSettings settings, TimeProvider clock, ILogger<Checking> log)
{
    /// <summary>Works on a release in state checking until it is proposed or refused.</summary>
    /// <param name="stored">As read.</param>
    /// <param name="cancel">Stops it; the timer begins again.</param>
    /// <returns>The release as it stands now: ours, or as another worker wrote it. Refused with a fault of <see cref="BillOfMaterials"/> or
    /// <see cref="SubmissionRule"/>, <c>image-digest</c> (not the image that was submitted, or written over since), or the key's own.</returns>
    public async Task<StoredRelease> Work(StoredRelease stored, CancellationToken cancel)
    {
        var progress = new Progress(stored, releases, settings, clock);
        try
        {
            var outcome = await Check(progress, cancel).ConfigureAwait(false) with { HeldUntil = clock.GetUtcNow() };
            if (await releases.Replace(progress.Stored, outcome, cancel).ConfigureAwait(false) is { } written)
            {
                if (outcome.Fault is { } fault) Log.ReleaseRefused(log, outcome.Id.Text, fault.Code, fault.Where);
                else Log.ReleaseProposed(log, outcome.Id.Text, outcome.Proposal!.RoleVersion, outcome.Proposal.Sha256);
                return written;
            }
        }
        catch (TakenOverException)
        {
            // Another worker writes it now; what it writes is as good.
        }
        return await releases.Read(stored.Record.Id, cancel).ConfigureAwait(false) ?? stored;
    }

    /// <summary>Releases of the product that were ever published, by the table and by the role itself.</summary>
    public async Task<IReadOnlyCollection<Earlier>> Earlier(Submission submission, ProductStanding standing, CancellationToken cancel)
    {
        var released = await releases.Released(submission.Product, cancel).ConfigureAwait(false);
        var earlier = released.Where(one => one.Submission is not null).Select(one => new Earlier(one.Submission!.Version, one.Submission.Svn)).ToList();
        if (standing.Role is { } role) earlier.AddRange(SubmissionRule.ListedBy(role.Targets));
        return earlier;
    }

    private async Task<ReleaseRecord> Check(Progress progress, CancellationToken cancel)
    {
        var submission = progress.Stored.Record.Submission!;
        var image = progress.Stored.Record.Image!;
        var sbom = await images.ReadWhole(submission.Sbom, BillOfMaterials.WireBytesMax, cancel).ConfigureAwait(false);
        if (!sbom.TryGet(out var bill, out var fault)) return Refused(progress, fault);
        if (BillOfMaterials.Judge(bill) is { } wrong) return Refused(progress, wrong);

        if (await images.Open(image, cancel).ConfigureAwait(false) is not { } source) return Refused(progress, new Fault("image-digest", "image")); // gone, or written over
        long length;
        byte[] digest;
        await using (source.ConfigureAwait(false))
            (length, digest) = await ImageDigest.OfStream(source, ImageDigest.ChunkBytes, (_, done, token) => progress.Report(done, token), cancel).ConfigureAwait(false);
        if (length != image.Bytes || Convert.ToHexStringLower(digest) != submission.Sha256) return Refused(progress, new Fault("image-digest", "sha256"));

        // Hashing took its time: what is published, and who may release, is looked at again.
        if (!(await repository.Read(submission.Product, cancel).ConfigureAwait(false)).TryGet(out var standing, out fault)) return Refused(progress, fault);
        if (SubmissionRule.Judge(submission, standing.Policy, await Earlier(submission, standing, cancel).ConfigureAwait(false)) is { } late) return Refused(progress, late);
        var hashed = progress.Stored.Record with { SbomSha256 = Convert.ToHexStringLower(SHA256.HashData(bill.Span)), DoneBytes = length, Fault = null };
        return (await proposing.Propose(hashed, standing, cancel).ConfigureAwait(false)).TryGet(out var proposed, out fault)
            ? proposed.After(ReleaseEvent.Proposed)
            : Refused(progress, fault);
    }

    private static ReleaseRecord Refused(Progress progress, Fault fault) => progress.Stored.Record.After(ReleaseEvent.Refused) with { Fault = fault };
}
