using Serverless.Faults;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.Firmware.Releases;

/// <summary>Whose signature counts for a change of a product's role (FORMAT.md 9.3).</summary>
/// <remarks>Pure; policy and text come from the offline role and from what is published, not from the table, so that who writes the table
/// can neither add an approver nor change what was approved.</remarks>
public static class ApprovalRule
{
    /// <summary>Takes a signature, or refuses it.</summary>
    /// <param name="record">A change that awaits approvals.</param>
    /// <param name="policy">The product's policy now.</param>
    /// <param name="signed">The proposal, worked out from what is published.</param>
    /// <param name="given">Keyid, signature and the digest of what was signed.</param>
    /// <param name="person">Object id of the caller, from a verified token.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The record with the signature and in state proposed or approved; or <c>approval-stale</c> (another text was signed),
    /// <c>approval-key-forbidden</c> (not a key of this person for this product), <c>approval-submitter-forbidden</c>,
    /// <c>approval-person-forbidden</c> (this person has approved with another key), <c>approval-signature</c>. The same approval again
    /// gives the record unchanged.</returns>
    public static Parsed<ReleaseRecord> Take(ReleaseRecord record, ProductPolicy policy, JsonObject signed, GivenApproval given, string person, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(given);
        var proposal = record.Proposal ?? throw new InvalidOperationException("Nothing is proposed.");
        if (given.Sha256 != proposal.Sha256 || ProductRole.DigestOf(signed) != proposal.Sha256) return new Fault("approval-stale", "sha256");
        // The token and the key must be one person's: a stolen token without the key, or a key without the token, does nothing.
        if (!policy.Approvers.TryGetValue(given.KeyId, out var owner) || owner != person) return new Fault("approval-key-forbidden", "keyId");
        var counting = Counting(proposal, policy, signed);
        if (counting.Any(one => one.KeyId == given.KeyId)) return record;
        if (person == record.SubmittedBy && SubmitterIsBarred(record, policy)) return new Fault("approval-submitter-forbidden", "keyId");
        if (counting.Any(one => one.By == person)) return new Fault("approval-person-forbidden", "keyId");
        if (Hex(given.Signature) is not { } der || !policy.Keys[given.KeyId].Verifies(CanonicalJson.Encode(signed), der)) return new Fault("approval-signature", "signature");
        var approvals = counting.Append(new Approval(given.KeyId, given.Signature, person, now)).ToList();
        return record.After(approvals.Count >= policy.Threshold ? ReleaseEvent.Approved : ReleaseEvent.Signed) with
        {
            Proposal = proposal with { Approvals = approvals },
        };
    }

    /// <summary>The signatures of a proposal that count under a policy: of different people, with keys the policy names, over exactly this
    /// text. A key revoked after it approved no longer counts.</summary>
    /// <param name="proposal">The proposal.</param>
    /// <param name="policy">The product's policy now.</param>
    /// <param name="signed">The text.</param>
    public static IReadOnlyList<Approval> Counting(Proposal proposal, ProductPolicy policy, JsonObject signed)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        ArgumentNullException.ThrowIfNull(policy);
        var bytes = CanonicalJson.Encode(signed);
        var counting = new List<Approval>();
        foreach (var one in proposal.Approvals)
        {
            var owner = one.KeyId == policy.Pipeline ? Approval.Pipeline : policy.Approvers.GetValueOrDefault(one.KeyId);
            if (owner is null || owner != one.By || counting.Any(earlier => earlier.By == owner)) continue;
            if (Hex(one.Signature) is { } der && policy.Keys[one.KeyId].Verifies(bytes, der)) counting.Add(one);
        }
        return counting;
    }

    /// <summary>Keys whose signature would still count, and whose they are.</summary>
    /// <param name="record">The change.</param>
    /// <param name="policy">The product's policy now.</param>
    public static IEnumerable<KeyValuePair<string, string>> MayStillApprove(ReleaseRecord record, ProductPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(policy);
        var done = record.Proposal?.Approvals.Select(one => one.By).ToHashSet(StringComparer.Ordinal) ?? [];
        return policy.Approvers.Where(one => !done.Contains(one.Value) && !(one.Value == record.SubmittedBy && SubmitterIsBarred(record, policy)))
            .OrderBy(one => one.Key, StringComparer.Ordinal);
    }

    // What adds no image may be approved by whoever asked for it: stopping must not wait for a second person.
    private static bool SubmitterIsBarred(ReleaseRecord record, ProductPolicy policy) =>
        record.Id.Kind == FirmwareSigning.ReleaseApi.ReleaseKind.Release && policy.People == PeoplePolicy.TwoPerson;

    private static byte[]? Hex(string text)
    {
        if (text.Length is 0 or > 144 || text.Length % 2 != 0 || !text.All(char.IsAsciiHexDigitLower)) return null;
        return Convert.FromHexString(text);
    }
}

/// <summary>A signature as its maker sends it.</summary>
/// <param name="Sha256">Digest of the canonical bytes signed.</param>
/// <param name="KeyId">Keyid.</param>
/// <param name="Signature">DER, lower-case hex.</param>
public sealed record GivenApproval(string Sha256, string KeyId, string Signature);
