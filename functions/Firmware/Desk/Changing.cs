using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Desk;

/// <summary>Proposes changes that add no image: withdrawals and renewals.</summary>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="proposing">Signs.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where proposals are told.</param>
internal sealed class Changing(OtaRepository repository, IReleases releases, Proposing proposing, TimeProvider clock, ILogger<Changing> log)
{
    /// <summary>Longest reason, characters.</summary>
    public const int ReasonMax = 1024;

    /// <summary>Proposes to take a published release back.</summary>
    /// <param name="id">The release.</param>
    /// <param name="reason">1 to <see cref="ReasonMax"/> characters.</param>
    /// <param name="person">Who asks.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The withdrawal, in state proposed (or further on, if it was asked for before); or <c>release-unknown</c>,
    /// <c>release-state-conflict</c> (not published), <c>field-range</c>.</returns>
    public async Task<Parsed<ReleaseRecord>> Withdraw(ReleaseId id, string reason, string person, CancellationToken cancel)
    {
        if (id.Kind != ReleaseKind.Release) return new Fault("release-unknown", "id");
        if (!(await repository.Read(id.Product, cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault))
            return fault.Code == "product-unknown" ? new Fault("release-unknown", "id") : fault;
        if (ProposalRule.TargetsOf(id, standing.Role).Count > 0) return await Propose(id.Withdrawal(), standing, reason, person, cancel).ConfigureAwait(false);
        // Not published: already withdrawn (perhaps by a worker that died before it could say so), or never seen by devices.
        if (await releases.Read(id.Withdrawal(), cancel).ConfigureAwait(false) is { Record.State: ReleaseState.Published or ReleaseState.Approved } done) return done.Record;
        return new Fault(await releases.Read(id, cancel).ConfigureAwait(false) is null ? "release-unknown" : "release-state-conflict", "id");
    }

    /// <summary>Proposes a product's role again, with a new expiry.</summary>
    /// <param name="product">The product.</param>
    /// <param name="reason">1 to <see cref="ReasonMax"/> characters.</param>
    /// <param name="person">Who asks.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The renewal, as <see cref="Withdraw"/>; or <c>product-unknown</c>, <c>release-state-conflict</c> (nothing was released).</returns>
    public async Task<Parsed<ReleaseRecord>> Renew(string product, string reason, string person, CancellationToken cancel) =>
        (await repository.Read(product, cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault)
            ? await Propose(ReleaseId.Renewal(product), standing, reason, person, cancel).ConfigureAwait(false)
            : fault;

    private async Task<Parsed<ReleaseRecord>> Propose(ReleaseId id, ProductStanding standing, string reason, string person, CancellationToken cancel)
    {
        if (reason.Length is 0 or > ReasonMax) return new Fault("field-range", "reason");
        var before = await releases.Read(id, cancel).ConfigureAwait(false);
        if (before is { Record.State: ReleaseState.Approved }
            || (before is { Record.State: ReleaseState.Proposed } && ProposalRule.TextAgain(before.Record, standing.Role) is not null))
        {
            return before.Record; // asked for before, and still as it was
        }

        var now = clock.GetUtcNow();
        var record = new ReleaseRecord { Id = id, State = ReleaseState.Proposed, SubmittedBy = person, SubmittedAt = now, Reason = reason, HeldUntil = now };
        if (!(await proposing.Propose(record, standing, cancel).ConfigureAwait(false)).TryGet(out var proposed, out var fault)) return fault;
        record = proposed;
        var stored = before is null ? await releases.Create(record, cancel).ConfigureAwait(false) : await releases.Replace(before, record, cancel).ConfigureAwait(false);
        if (stored is null) return new Fault("release-state-conflict", "state"); // someone else asks for it at this moment: look at theirs
        Log.ReleaseProposed(log, id.Text, record.Proposal!.RoleVersion, record.Proposal.Sha256);
        return record;
    }
}
