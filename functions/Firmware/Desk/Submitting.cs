using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Desk;

/// <summary>Takes submissions: what can be said at once is said at once, the rest is <see cref="Checking"/>'s.</summary>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="images">Container <c>firmware</c>.</param>
/// <param name="checking">Hashes and proposes.</param>
/// <param name="settings">How large an image is hashed while the caller waits.</param>
/// <param name="clock">Wall time.</param>
internal sealed class Submitting(OtaRepository repository, IReleases releases, IImages images, Checking checking, DeskSettings settings, TimeProvider clock)
{
    /// <summary>Takes a submission.</summary>
    /// <param name="submission">Well formed.</param>
    /// <param name="person">Who submits.</param>
    /// <param name="cancel">Stops the call. The release may be stored; the timer goes on with it, and the same submission again finds it.</param>
    /// <returns>The release and whether it is new; or <c>product-unknown</c>, <c>hardware-foreign</c>, <c>release-version-conflict</c>,
    /// <c>release-svn-conflict</c>, <c>release-exists</c>, <c>image-unknown</c>, <c>image-size</c>.</returns>
    public async Task<Parsed<Submitted>> Submit(Submission submission, string person, CancellationToken cancel)
    {
        if (!(await repository.Read(submission.Product, cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault)) return fault;
        var before = await releases.Read(submission.Id, cancel).ConfigureAwait(false);
        if (before is not null && Settled(before.Record, submission, person) is { } settled) return settled;
        if (SubmissionRule.Judge(submission, standing.Policy, await checking.Earlier(submission, standing, cancel).ConfigureAwait(false)) is { } refused) return refused;
        if (await images.Look(submission.Image, cancel).ConfigureAwait(false) is not { } image) return new Fault("image-unknown", "image");
        if (SubmissionRule.Judge(submission, image) is { } wrongSize) return wrongSize;

        var now = clock.GetUtcNow();
        var inline = image.Bytes <= settings.InlineBytes;
        var record = new ReleaseRecord
        {
            Id = submission.Id,
            State = ReleaseState.Checking,
            SubmittedBy = person,
            SubmittedAt = now,
            Submission = submission,
            Image = image,
            HeldUntil = inline ? now + settings.Hold : now,
        };
        // The intent is durable before any work: from here on a crash costs time, and the timer takes over.
        var stored = before is null ? await releases.Create(record, cancel).ConfigureAwait(false) : await releases.Replace(before, record, cancel).ConfigureAwait(false);
        if (stored is null) return new Fault("release-exists", "version"); // someone else submits this version at this moment
        if (inline) stored = await checking.Work(stored, cancel).ConfigureAwait(false);
        return new Submitted(stored.Record, IsNew: true);
    }

    // What was submitted before under this id. Null: it may be submitted (again).
    private static Parsed<Submitted>? Settled(ReleaseRecord before, Submission submission, string person)
    {
        var same = before.Submission!.Equals(submission);
        return before.State switch
        {
            ReleaseState.Refused or ReleaseState.Stale => null,
            ReleaseState.Withdrawn => new Fault("release-exists", "version"),
            _ when same => new Submitted(before, IsNew: false),
            // Whoever submitted it may correct it as long as nothing is decided; approvals of the old text do not fit the new one.
            ReleaseState.Checking or ReleaseState.Proposed when before.SubmittedBy == person => null,
            _ => new Fault("release-exists", "version"),
        };
    }
}

/// <summary>A submission taken.</summary>
/// <param name="Record">The release.</param>
/// <param name="IsNew">False: it was there already.</param>
internal sealed record Submitted(ReleaseRecord Record, bool IsNew);
