using Serverless.Faults;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.Firmware.Desk;

/// <summary>Puts the pipeline's signature under the next version of a product's role.</summary>
/// <param name="repository">What is published.</param>
/// <param name="keys">The policy key.</param>
/// <param name="clock">Wall time.</param>
internal sealed class Proposing(OtaRepository repository, ISigningKeys keys, TimeProvider clock)
{
    /// <summary>Proposes a change on top of what is published now.</summary>
    /// <param name="record">The change; of a release, checked.</param>
    /// <param name="standing">Its product, as published now.</param>
    /// <param name="cancel">Stops the call; nothing is stored here.</param>
    /// <returns>The proposal, or a fault of <see cref="ProposalRule.Text"/>, <c>signing-key-conflict</c>, or the key's own refusal.</returns>
    public async Task<Parsed<Proposal>> Propose(ReleaseRecord record, ProductStanding standing, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var expires = WholeSeconds(now + SubmissionRule.RoleLives);
        var version = await repository.FreeVersion(record.Id.Product, standing.Version, cancel).ConfigureAwait(false);
        if (!ProposalRule.Text(record, standing.Role, version, expires).TryGet(out var signed, out var fault)) return fault;
        if (!(await keys.Find(KeyUse.Policy, [standing.Policy.Pipeline], cancel).ConfigureAwait(false)).TryGet(out var signer, out fault)) return fault;
        if (!(await SignedFile.Sign(signed, signer, cancel).ConfigureAwait(false)).TryGet(out var der, out fault)) return fault;
        var pipeline = new Approval(signer.Key.KeyId, Convert.ToHexStringLower(der), Approval.Pipeline, now);
        return new Proposal(version, standing.Version, expires, ProductRole.DigestOf(signed), [pipeline]);
    }

    private static DateTimeOffset WholeSeconds(DateTimeOffset instant) => new(instant.Ticks - (instant.Ticks % TimeSpan.TicksPerSecond), instant.Offset);
}
