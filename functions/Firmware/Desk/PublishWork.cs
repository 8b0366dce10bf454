using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Suit;

namespace Serverless.Firmware.Desk;

/// <summary>Publishes an approved change: image and its envelopes, role, snapshot, timestamp, and only then the table (FORMAT.md 4.7).</summary>
/// <remarks>
/// Every step may be repeated and is a create-once or a compare-and-swap, so a crash anywhere costs a repetition, and two workers do not
/// harm each other. Nothing is believed from the table: whether the change is visible already, whether it still builds on what is
/// published, whose signatures count, is worked out each time from the repository.
/// </remarks>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="images">Container <c>firmware</c>.</param>
/// <param name="shelf">The repository's images.</param>
/// <param name="settings">How often progress is written.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where outcomes are told.</param>
internal sealed class PublishWork(
    OtaRepository repository, IReleases releases, IImages images, ITargetShelf shelf, DeskSettings settings, TimeProvider clock, ILogger<PublishWork> log)
{
    // Large enough that a 4 GiB image is 512 requests, small enough that two of them are no memory.
    private const int BlockBytes = 8 * 1024 * 1024;

    private const int Attempts = 3;

    /// <summary>Works on a change in state approved until devices see it, or it turns out that they never will.</summary>
    /// <param name="stored">As read.</param>
    /// <param name="cancel">Stops it; the timer begins again.</param>
    /// <returns>The change as it stands now. In state approved, with a fault: it cannot be published at the moment
    /// (<c>publish-conflict</c>: other publishers kept winning). Stale: <c>publish-stale</c>. Refused: <c>image-digest</c>.</returns>
    public async Task<StoredRelease> Work(StoredRelease stored, CancellationToken cancel)
    {
        var progress = new Progress(stored, releases, settings, clock);
        try
        {
            var outcome = await Publish(progress, cancel).ConfigureAwait(false) with { HeldUntil = clock.GetUtcNow() };
            Tell(outcome);
            if (outcome.State == ReleaseState.Published && outcome.Id.Kind == ReleaseKind.Withdrawal) await MarkWithdrawn(outcome.Id.Withdrawn(), cancel).ConfigureAwait(false);
            if (await releases.Replace(progress.Stored, outcome, cancel).ConfigureAwait(false) is { } written) return written;
        }
        catch (TakenOverException)
        {
            // Another worker publishes it.
        }
        return await releases.Read(stored.Record.Id, cancel).ConfigureAwait(false) ?? stored;
    }

    /// <summary>Marks a release whose withdrawal devices see. Repeated after a crash it changes nothing.</summary>
    private async Task MarkWithdrawn(ReleaseId id, CancellationToken cancel)
    {
        while (await releases.Read(id, cancel).ConfigureAwait(false) is { } stored && stored.Record.State is ReleaseState.Published or ReleaseState.Approved)
        {
            // Approved, though it was published: the worker died before it could say so.
            var published = stored.Record.State == ReleaseState.Approved ? stored.Record.After(ReleaseEvent.Published) : stored.Record;
            if (await releases.Replace(stored, published.After(ReleaseEvent.Withdrawn), cancel).ConfigureAwait(false) is not null) return;
        }
    }

    private async Task<ReleaseRecord> Publish(Progress progress, CancellationToken cancel)
    {
        var fault = new Fault("publish-conflict", "timestamp");
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var record = progress.Stored.Record;
            if (!(await repository.Read(record.Id.Product, cancel).ConfigureAwait(false)).TryGet(out var standing, out var broken)) return Blocked(record, broken);
            if (ProposalRule.IsVisible(record, standing.Role)) return Done(record, standing.Publication.Timestamp.Header.Version, standing.Publication.Snapshot.Header.Version);
            if (ProposalRule.TextAgain(record, standing.Role) is not { } signed) return Stale(record);
            var counting = ApprovalRule.Counting(record.Proposal!, standing.Policy, signed);
            // The policy key was replaced, or MCUs were added or dropped since: propose anew.
            if (!counting.Any(one => one.By == Approval.Pipeline) || !SuitRule.Fits(record, standing.Policy)) return Stale(record);
            if (counting.Count < standing.Policy.Threshold)
                return record.After(ReleaseEvent.Unapproved) with { Proposal = record.Proposal! with { Approvals = counting } };

            if (record.Id.Kind == ReleaseKind.Release && !await PlaceImage(progress, cancel).ConfigureAwait(false))
                return progress.Stored.Record.After(ReleaseEvent.Refused) with { Fault = new Fault("image-digest", "image") };
            await PlaceEnvelopes(progress.Stored.Record, cancel).ConfigureAwait(false);
            var file = SignedFile.Assemble(signed, counting.ToDictionary(one => one.KeyId, one => Convert.FromHexString(one.Signature), StringComparer.Ordinal));
            var published = await repository.Publish(Change.Of((record.Id.Product, file)), standing.Publication.NewestRoot, cancel).ConfigureAwait(false);
            if (published.TryGet(out var seen, out var refused)) return Done(progress.Stored.Record, seen.TimestampVersion, seen.SnapshotVersion);
            // Another file of this version exists, and it is not what devices see: this text can never be published.
            if (attempt > 0 && refused is { Code: "publish-conflict", Where: "targets.version" }) return Stale(progress.Stored.Record);
            if (refused.Code is not ("publish-stale" or "publish-conflict")) return Blocked(progress.Stored.Record, refused);
            fault = refused;
        }
        return Blocked(progress.Stored.Record, fault);
    }

    /// <summary>Copies the image into the repository, hashing what is copied.</summary>
    /// <returns>Whether the image is there; false: it is no longer the one that was approved.</returns>
    private async Task<bool> PlaceImage(Progress progress, CancellationToken cancel)
    {
        var submission = progress.Stored.Record.Submission!;
        var name = $"{submission.Product}/{submission.Version.Text}/{submission.Sha256}.{submission.File}";
        if (await shelf.Holds(name, cancel).ConfigureAwait(false)) return true;
        if (await images.Open(progress.Stored.Record.Image!, cancel).ConfigureAwait(false) is not { } source) return false;
        await using (source.ConfigureAwait(false))
        {
            var writer = shelf.Begin(name);
            var (_, digest) = await ImageDigest.OfStream(source, BlockBytes, Copy, cancel).ConfigureAwait(false);
            if (Convert.ToHexStringLower(digest) != submission.Sha256) return false; // never finished: never there
            await writer.Finish(cancel).ConfigureAwait(false);
            return true;

            async Task Copy(ReadOnlyMemory<byte> block, long done, CancellationToken token)
            {
                await writer.Add(block, token).ConfigureAwait(false);
                await progress.Report(done, token).ConfigureAwait(false);
            }
        }
    }

    // The row's bytes are the approved ones: the text that was just worked out from them is what the signatures are over.
    private async Task PlaceEnvelopes(ReleaseRecord record, CancellationToken cancel)
    {
        foreach (var envelope in record.Envelopes)
        {
            var digest = Convert.ToHexStringLower(SHA256.HashData(envelope.Content.Span));
            var name = $"{record.Id.Product}/{record.Id.Version}/{digest}.{SuitTarget.NameOf(record.Submission!.File, envelope.Hardware)}";
            if (await shelf.Holds(name, cancel).ConfigureAwait(false)) continue;
            var writer = shelf.Begin(name);
            await writer.Add(envelope.Content, cancel).ConfigureAwait(false);
            await writer.Finish(cancel).ConfigureAwait(false);
        }
    }

    private ReleaseRecord Done(ReleaseRecord record, long timestamp, long snapshot) =>
        record.After(ReleaseEvent.Published) with { Fault = null, DoneBytes = record.Image?.Bytes ?? 0, Published = new Publishing(clock.GetUtcNow(), timestamp, snapshot) };

    private static ReleaseRecord Stale(ReleaseRecord record) => record.After(ReleaseEvent.Overtaken) with { Fault = new Fault("publish-stale", "proposal.baseVersion") };

    private static ReleaseRecord Blocked(ReleaseRecord record, Fault fault) => record with { Fault = fault };

    private void Tell(ReleaseRecord outcome)
    {
        switch (outcome.State)
        {
            case ReleaseState.Published:
                Log.ReleasePublished(log, outcome.Id.Text, outcome.Proposal!.RoleVersion, outcome.Published!.TimestampVersion);
                break;
            case ReleaseState.Approved:
                Log.PublishBlocked(log, outcome.Id.Text, outcome.Fault!.Code, outcome.Fault.Where);
                break;
            case ReleaseState.Proposed:
                Log.ReleaseUnapproved(log, outcome.Id.Text);
                break;
            default:
                Log.ReleaseRefused(log, outcome.Id.Text, outcome.Fault!.Code, outcome.Fault.Where);
                break;
        }
    }
}
