using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Desk;

/// <summary>Takes approvals; the one that reaches the threshold publishes.</summary>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="publishing">Publishes.</param>
/// <param name="settings">How large an image is copied while the caller waits.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where approvals are told.</param>
internal sealed class Approving(OtaRepository repository, IReleases releases, PublishWork publishing, DeskSettings settings, TimeProvider clock, ILogger<Approving> log)
{
    private const int Attempts = 8;

    /// <summary>Takes one signature.</summary>
    /// <param name="id">Which change.</param>
    /// <param name="given">The signature.</param>
    /// <param name="person">The caller, by a verified token.</param>
    /// <param name="cancel">Stops the call. The approval may be stored; the timer publishes, and the same call again finds it.</param>
    /// <returns>The change as it stands, or <c>release-unknown</c>, <c>release-state-conflict</c>, or a fault of
    /// <see cref="ApprovalRule.Take"/>.</returns>
    public async Task<Parsed<ReleaseRecord>> Approve(ReleaseId id, GivenApproval given, string person, CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await releases.Read(id, cancel).ConfigureAwait(false) is not { } stored) return new Fault("release-unknown", "id");
            var record = stored.Record;
            if (record.State != ReleaseState.Proposed)
                return IsKnown(record, given, person) ? record : new Fault("release-state-conflict", "state");
            if (!(await repository.Read(id.Product, cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault)) return fault;
            if (ProposalRule.TextAgain(record, standing.Role) is not { } signed || !SuitRule.Fits(record, standing.Policy))
            {
                await releases.Replace(stored, record.After(ReleaseEvent.Overtaken) with { Fault = new Fault("publish-stale", "proposal.baseVersion") }, cancel).ConfigureAwait(false);
                return new Fault("approval-stale", "sha256");
            }

            if (!ApprovalRule.Take(record, standing.Policy, signed, given, person, clock.GetUtcNow()).TryGet(out var next, out fault)) return fault;
            if (ReferenceEquals(next, record)) return record;
            var now = clock.GetUtcNow();
            var inline = next.State == ReleaseState.Approved && (next.Image?.Bytes ?? 0) <= settings.InlineBytes;
            if (await releases.Replace(stored, next with { HeldUntil = inline ? now + settings.Hold : now, DoneBytes = 0 }, cancel).ConfigureAwait(false) is not { } written) continue;
            Log.ReleaseApproved(log, id.Text, given.KeyId, person, written.Record.Proposal!.Approvals.Count);
            return inline ? (await publishing.Work(written, cancel).ConfigureAwait(false)).Record : written.Record;
        }
        return new Fault("release-state-conflict", "state"); // others approve and refuse at this very moment
    }

    // The same call again, after an answer that got lost.
    private static bool IsKnown(ReleaseRecord record, GivenApproval given, string person) =>
        record.State is ReleaseState.Approved or ReleaseState.Published && record.Proposal is { } proposal && proposal.Sha256 == given.Sha256
        && proposal.Approvals.Any(one => one.KeyId == given.KeyId && one.By == person);
}
