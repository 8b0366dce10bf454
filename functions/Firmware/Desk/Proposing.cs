using Serverless.Faults;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Suit;

namespace Serverless.Firmware.Desk;

/// <summary>Puts the pipeline's signature under the next version of a product's role, and before that on the envelopes it lists.</summary>
/// <param name="repository">What is published.</param>
/// <param name="keys">The policy key.</param>
/// <param name="clock">Wall time.</param>
internal sealed class Proposing(OtaRepository repository, ISigningKeys keys, TimeProvider clock)
{
    /// <summary>Proposes a change on top of what is published now.</summary>
    /// <param name="record">The change; of a release, checked.</param>
    /// <param name="standing">Its product, as published now.</param>
    /// <param name="cancel">Stops the call; nothing is stored here.</param>
    /// <returns>The change with its proposal, or a fault of <see cref="ProposalRule.Text"/>, <c>signing-key-conflict</c>, <c>signature-wrong</c>, or the key's own
    /// refusal.</returns>
    public async Task<Parsed<ReleaseRecord>> Propose(ReleaseRecord record, ProductStanding standing, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var expires = WholeSeconds(now + SubmissionRule.RoleLives);
        var version = await repository.FreeVersion(record.Id.Product, standing.Version, cancel).ConfigureAwait(false);
        if (!(await keys.Find(KeyUse.Policy, [standing.Policy.Pipeline], cancel).ConfigureAwait(false)).TryGet(out var signer, out var fault)) return fault;
        // Once, and kept: a second signature over the same manifest is other bytes, and the role says which.
        if (!(await Envelopes(record, standing.Policy, signer, cancel).ConfigureAwait(false)).TryGet(out var envelopes, out fault)) return fault;
        record = record with { Envelopes = envelopes };
        if (!ProposalRule.Text(record, standing.Role, version, expires).TryGet(out var signed, out fault)) return fault;
        if (!(await SignedFile.Sign(signed, signer, cancel).ConfigureAwait(false)).TryGet(out var der, out fault)) return fault;
        var pipeline = new Approval(signer.Key.KeyId, Convert.ToHexStringLower(der), Approval.Pipeline, now);
        return record with { Proposal = new Proposal(version, standing.Version, expires, ProductRole.DigestOf(signed), [pipeline]) };
    }

    private static async Task<Parsed<IReadOnlyList<SuitFile>>> Envelopes(ReleaseRecord record, ProductPolicy policy, IDigestSigner signer, CancellationToken cancel)
    {
        var envelopes = new List<SuitFile>();
        foreach (var hardware in policy.Suit is null ? [] : record.Submission?.Hardware ?? [])
        {
            var manifest = SuitRule.ManifestOf(record.Submission!, record.Image!.Bytes, SuitRule.ClassOf(policy, hardware)!);
            if (!(await SuitEnvelope.Create(manifest, signer, cancel).ConfigureAwait(false)).TryGet(out var content, out var fault)) return fault;
            envelopes.Add(new SuitFile(hardware, content));
        }
        return envelopes;
    }

    private static DateTimeOffset WholeSeconds(DateTimeOffset instant) => new(instant.Ticks - (instant.Ticks % TimeSpan.TicksPerSecond), instant.Offset);
}
