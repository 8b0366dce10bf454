using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Releases;

/// <summary>What an approver is about to sign, read from the very bytes and held against what the pipeline says of them.</summary>
/// <param name="Signed">The signed part: this object is shown, and this object is signed.</param>
/// <param name="Targets">The same, parsed.</param>
/// <param name="Changes">Against what devices see now, one a target; without it every target, as <see cref="ChangeKind.Listed"/>.</param>
/// <param name="IsCompared">Whether there was a publication to compare with.</param>
internal sealed record ProposalReview(JsonObject Signed, Targets Targets, IReadOnlyList<TargetChange> Changes, bool IsCompared)
{
    /// <summary>What the release's SUIT envelopes say, by target name.</summary>
    public IReadOnlyDictionary<string, SuitManifest> Envelopes { get; private init; } = new Dictionary<string, SuitManifest>();

    /// <summary>Reads a proposal.</summary>
    /// <param name="release">As the pipeline shows it: not trusted beyond being something to compare with.</param>
    /// <param name="published">Signed part of the role devices see now, verified; an empty role before the first release; <see langword="null"/> when
    /// there is nothing to compare with.</param>
    /// <param name="policy">The product's policy, from the publication; <see langword="null"/> when there is nothing to compare with.</param>
    /// <returns>The review, or <c>proposal-state</c> (nothing awaits a signature), <c>proposal-encoding</c>, a fault of <see cref="Targets.Parse"/> or
    /// <see cref="Release.Parse"/>, <c>proposal-digest</c> (the pipeline would not count a signature of these bytes), <c>proposal-claims</c> (the bytes are not
    /// the release described: another image, version, hardware or svn), <c>proposal-foreign</c> (they do more than that: other
    /// targets come, go or change, or members nobody here knows), or a fault of <see cref="EnvelopeReview.Judge"/>.</returns>
    public static Parsed<ProposalReview> Of(ReleaseBody release, JsonObject? published, ProductPolicy? policy)
    {
        if (release.State != ReleaseState.Proposed || release.Proposal is not { Signed: { } text } proposal) return new Fault("proposal-state", "state");
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out var length)) return new Fault("proposal-encoding", "proposal.signed");
        if (!JsonReading.Read(bytes.AsSpan(0, length)).TryGet(out var value, out var fault)) return fault;
        if (value is not JsonObject signed) return new Fault("proposal-encoding", "proposal.signed");
        if (!Targets.Parse(signed).TryGet(out var targets, out fault)) return fault;
        if (ProductRole.DigestOf(signed) != proposal.Sha256) return new Fault("proposal-digest", "proposal.sha256");
        if (proposal.Role != release.Product || targets.Header.Version != proposal.RoleVersion || Header.Write(targets.Header.Expires) != proposal.Expires || targets.Delegations.Count > 0)
            return new Fault("proposal-claims", "proposal");
        var review = new ProposalReview(signed, targets, Compare(signed, published), published is not null);
        if (review.Judge(release, published) is { } refused) return refused;
        return release.Kind == ReleaseKind.Release
            ? EnvelopeReview.Judge(release, targets, policy).Then<ProposalReview>(envelopes => review with { Envelopes = envelopes })
            : review;
    }

    private Fault? Judge(ReleaseBody release, JsonObject? published)
    {
        var imageOf = EnvelopeReview.Named(Targets);
        foreach (var change in Changes.Where(change => change.Kind is ChangeKind.Added or ChangeKind.Listed))
        {
            if (imageOf.ContainsKey(change.Name)) continue; // an image of the role names it; whether it is that image's is asked below
            if (!ReleaseOf(change.Name).TryGet(out var record, out var fault)) return fault;
            if (!change.Name.StartsWith($"{release.Product}/{record.Version}/", StringComparison.Ordinal) || record.Product != release.Product)
                return new Fault("proposal-foreign", "proposal.targets");
        }

        if (release.Kind == ReleaseKind.Release && MatchesClaims(release) is { } claim) return claim;
        if (release.Kind == ReleaseKind.Withdrawal && Targets.Files.Keys.Any(name => name.StartsWith($"{release.Product}/{release.Version}/", StringComparison.Ordinal)))
            return new Fault("proposal-claims", "proposal.targets");
        if (published is null) return null;
        if (!ProductRole.IsRenewalOf(Signed.Without("targets"), published.Without("targets"))) return new Fault("proposal-foreign", "proposal.members");
        var expected = release.Kind switch
        {
            ReleaseKind.Release => Changes.All(change => change.Kind == ChangeKind.Added && imageOf.GetValueOrDefault(change.Name, change.Name) == release.Image!.Target),
            ReleaseKind.Withdrawal => Changes.Count > 0
                && Changes.All(change => change.Kind == ChangeKind.Removed && change.Name.StartsWith($"{release.Product}/{release.Version}/", StringComparison.Ordinal)),
            ReleaseKind.Renewal => Changes.Count == 0,
            _ => false,
        };
        return expected ? null : new Fault("proposal-foreign", "proposal.targets");
    }

    /// <summary>The release record of a target.</summary>
    /// <param name="target">Its name.</param>
    /// <returns>The record, or <c>proposal-claims</c> (no record), or a fault of <see cref="Release.Parse"/>.</returns>
    public Parsed<Release> ReleaseOf(string target) =>
        Targets.Files.TryGetValue(target, out var file) && file.Custom is { } custom ? Release.Parse(custom) : new Fault("proposal-claims", "proposal.targets");

    private Fault? MatchesClaims(ReleaseBody release)
    {
        if (release.Image is not { } image || !Targets.Files.TryGetValue(image.Target, out var file)) return new Fault("proposal-claims", "image.target");
        if (!ReleaseOf(image.Target).TryGet(out var record, out var fault)) return fault;
        if (file.Length != image.Bytes || file.Hashes.Sha256 is not { } sha256 || Convert.ToHexStringLower(sha256) != image.Sha256) return new Fault("proposal-claims", "image.sha256");
        if (record.SbomSha256 != image.SbomSha256) return new Fault("proposal-claims", "image.sbomSha256");
        if (record.Version != release.Version) return new Fault("proposal-claims", "version");
        if (release.Hardware is null || !record.Hardware.SequenceEqual(release.Hardware, StringComparer.Ordinal)) return new Fault("proposal-claims", "hardware");
        if (record.Svn != release.Svn) return new Fault("proposal-claims", "svn");
        if (record.SlotBytes != release.SlotBytes) return new Fault("proposal-claims", "slotBytes");
        return Header.Write(record.SupportUntil) == release.SupportUntil && record.Notes == release.Notes ? null : new Fault("proposal-claims", "notes");
    }

    private static TargetChange[] Compare(JsonObject signed, JsonObject? published)
    {
        var next = signed.Find("targets") as JsonObject ?? JsonObject.Empty;
        if (published is null) return [.. next.Names.Select(name => new TargetChange(ChangeKind.Listed, name))];
        var before = published.Find("targets") as JsonObject ?? JsonObject.Empty;
        return
        [
            .. next.Names.Where(name => before.Find(name) is null).Select(name => new TargetChange(ChangeKind.Added, name)),
            .. before.Names.Where(name => next.Find(name) is null).Select(name => new TargetChange(ChangeKind.Removed, name)),
            .. next.Names.Where(name => before.Find(name) is { } old && !Same(old, next.Find(name)!)).Select(name => new TargetChange(ChangeKind.Changed, name)),
        ];
    }

    private static bool Same(JsonValue one, JsonValue other) =>
        SHA256.HashData(CanonicalJson.Encode(JsonObject.Of(("v", one)))).AsSpan().SequenceEqual(SHA256.HashData(CanonicalJson.Encode(JsonObject.Of(("v", other)))));
}

/// <summary>What happens to a target.</summary>
internal enum ChangeKind
{
    /// <summary>It is in the role; what it was before is not known.</summary>
    Listed,

    /// <summary>It is new.</summary>
    Added,

    /// <summary>It goes.</summary>
    Removed,

    /// <summary>It stays under its name, with other content.</summary>
    Changed,
}

/// <summary>A target that changes.</summary>
/// <param name="Kind">How.</param>
/// <param name="Name">Its name.</param>
internal sealed record TargetChange(ChangeKind Kind, string Name);
