using System.Text;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.ReleaseCommand.Releases;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>What an approver is kept from signing when the pipeline lies. The pipeline is the attacker here.</summary>
public class ReviewTests
{
    private static readonly DateTimeOffset Expires = Bench.Day0.AddDays(365);
    private static readonly JsonObject Before = With(Draft.Targets(6, Bench.Day0, new Dictionary<string, TargetFile>(), []), "1.3.0", svn: 3);
    private static readonly JsonObject After = With(Before.With("version", 7L).With("expires", Header.Write(Expires)), "1.4.0", svn: 4);

    [Fact]
    public void An_honest_release_shows_one_target_more()
    {
        Assert.True(ProposalReview.Of(Proposed(After), Before, null).TryGet(out var review, out var fault), fault?.ToString());
        Assert.True(review.IsCompared);
        Assert.Equal([new TargetChange(ChangeKind.Added, "gw100/1.4.0/image.bin")], review.Changes);
        Assert.Equal(ProductRole.DigestOf(After), ProductRole.DigestOf(review.Signed));
    }

    [Fact]
    public void Without_a_publication_every_target_is_listed()
    {
        Assert.True(ProposalReview.Of(Proposed(After), null, null).TryGet(out var review, out _));
        Assert.False(review.IsCompared);
        Assert.Equal(["gw100/1.3.0/image.bin", "gw100/1.4.0/image.bin"], review.Changes.Select(change => change.Name).Order(StringComparer.Ordinal));
        Assert.All(review.Changes, change => Assert.Equal(ChangeKind.Listed, change.Kind));
    }

    [Fact]
    public void A_digest_of_other_bytes_is_refused() =>
        Refused("proposal-digest", Proposed(After) with { Proposal = Proposed(After).Proposal! with { Sha256 = ProductRole.DigestOf(Before) } });

    [Fact]
    public void A_role_of_another_product_is_refused() =>
        Refused("proposal-claims", Proposed(After) with { Proposal = Proposed(After).Proposal! with { Role = "mcu7" } });

    [Fact]
    public void Another_version_of_the_role_than_said_is_refused() =>
        Refused("proposal-claims", Proposed(After) with { Proposal = Proposed(After).Proposal! with { RoleVersion = 8 } });

    [Fact]
    public void Another_expiry_than_said_is_refused() =>
        Refused("proposal-claims", Proposed(After) with { Proposal = Proposed(After).Proposal! with { Expires = Header.Write(Expires.AddDays(1)) } });

    /// <summary>What the pipeline says of the release, each told wrong once.</summary>
    public static TheoryData<string, Func<ReleaseBody, ReleaseBody>> Lies() => new()
    {
        { "target", body => body with { Image = body.Image! with { Target = "gw100/1.5.0/image.bin" } } },
        { "older target", body => body with { Image = body.Image! with { Target = "gw100/1.3.0/image.bin" } } },
        { "bytes", body => body with { Image = body.Image! with { Bytes = 2 } } },
        { "sha256", body => body with { Image = body.Image! with { Sha256 = new string('0', 64) } } },
        { "sbom", body => body with { Image = body.Image! with { SbomSha256 = new string('0', 64) } } },
        { "no image", body => body with { Image = null } },
        { "version", body => body with { Version = "1.4.1" } },
        { "hardware", body => body with { Hardware = ["gw100-r1", "gw100-r2"] } },
        { "svn", body => body with { Svn = 5 } },
        { "slot", body => body with { SlotBytes = 1 } },
        { "notes", body => body with { Notes = "harmless" } },
        { "support", body => body with { SupportUntil = "2040-01-01T00:00:00Z" } },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Bytes_that_are_not_the_release_described_are_refused(string what, Func<ReleaseBody, ReleaseBody> lie)
    {
        var fault = ProposalReview.Of(lie(Proposed(After)), Before, null).Fault;
        Assert.True(fault?.Code == "proposal-claims", $"{what}: {fault}");
        Assert.Equal("proposal-claims", ProposalReview.Of(lie(Proposed(After)), null, null).Fault?.Code); // also without a publication
    }

    /// <summary>What the bytes do beside the release, each once.</summary>
    public static TheoryData<string, JsonObject> Riders() => new()
    {
        { "a second target", With(After, "1.4.9", svn: 4) },
        { "an older target gone", After.With("targets", ((JsonObject)After.Find("targets")!).Without("gw100/1.3.0/image.bin")) },
        { "an older target changed", With(After, "1.3.0", svn: 2) },
        { "an unknown member", After.With("x-hook", "on") },
        { "a specification nobody reads", After.With("spec_version", "1.0.99") },
    };

    [Theory]
    [MemberData(nameof(Riders))]
    public void Bytes_that_do_more_than_the_release_described_are_refused(string what, JsonObject signed)
    {
        var fault = ProposalReview.Of(Proposed(signed), Before, null).Fault;
        Assert.True(fault?.Code == "proposal-foreign", $"{what}: {fault}");
    }

    [Fact]
    public void Another_products_target_in_the_role_is_refused_even_without_a_publication()
    {
        var stray = After.With("targets", ((JsonObject)After.Find("targets")!).With("mcu7/1.4.0/image.bin", Entry("1.4.0", 4, "mcu7").ToJson()));
        Assert.Equal("proposal-foreign", ProposalReview.Of(Proposed(stray), null, null).Fault?.Code);
        var disguised = After.With("targets", ((JsonObject)After.Find("targets")!).With("gw100/9.9.9/image.bin", Entry("1.4.0", 4).ToJson()));
        Assert.Equal("proposal-foreign", ProposalReview.Of(Proposed(disguised), null, null).Fault?.Code);
    }

    [Fact]
    public void Delegations_inside_a_products_role_are_refused()
    {
        using var key = FirmwareSigning.Signing.FileKey.Create();
        var delegating = After.With("delegations", Draft.Targets(1, Expires, new Dictionary<string, TargetFile>(), [Draft.Product("gw100", [key.Key], 1)]).Find("delegations")!);
        Refused("proposal-claims", Proposed(delegating));
    }

    [Fact]
    public void A_withdrawal_only_removes_its_release()
    {
        var without = Before.With("version", 7L).With("expires", Header.Write(Expires)).With("targets", JsonObject.Empty);
        var body = Proposed(without) with { Id = "gw100@1.3.0~withdrawal", Kind = ReleaseKind.Withdrawal, Version = "1.3.0", Image = null };
        Assert.True(ProposalReview.Of(body, Before, null).TryGet(out var review, out var fault), fault?.ToString());
        Assert.Equal([new TargetChange(ChangeKind.Removed, "gw100/1.3.0/image.bin")], review.Changes);

        Assert.Equal("proposal-foreign", ProposalReview.Of(body with { Version = "1.2.0" }, Before, null).Fault?.Code); // removes another one
        Assert.Equal("proposal-claims", ProposalReview.Of(Said(After, body), Before, null).Fault is { Code: var code } ? code : null); // removes nothing
        var swapped = With(without, "1.2.0", svn: 1);
        Assert.Equal("proposal-foreign", ProposalReview.Of(Said(swapped, body), Before, null).Fault?.Code); // brings an old one back
    }

    [Fact]
    public void A_renewal_changes_nothing_but_version_and_expiry()
    {
        var renewed = Before.With("version", 7L).With("expires", Header.Write(Expires));
        var body = Proposed(renewed) with { Id = "gw100~renewal", Kind = ReleaseKind.Renewal, Version = null, Image = null };
        Assert.Null(ProposalReview.Of(body, Before, null).Fault);
        Assert.Equal("proposal-foreign", ProposalReview.Of(Said(After, body), Before, null).Fault?.Code);
        Assert.Equal("proposal-foreign", ProposalReview.Of(body with { Kind = "something-new" }, Before, null).Fault?.Code);
    }

    [Theory]
    [InlineData("published", "eyJ9", "proposal-state")]
    [InlineData("proposed", null, "proposal-state")]
    [InlineData("proposed", "not base64", "proposal-encoding")]
    [InlineData("proposed", "W10=", "proposal-encoding")] // []
    [InlineData("proposed", "eyJhIjoxLCJhIjoyfQ==", "json-duplicate")] // {"a":1,"a":2}: two readers could see two things
    [InlineData("proposed", "e30=", "field-missing")] // {}
    public void What_cannot_be_read_is_not_signed(string state, string? signed, string expected) =>
        Assert.Equal(expected, ProposalReview.Of(Proposed(After) with { State = state, Proposal = Proposed(After).Proposal! with { Signed = signed } }, Before, null).Fault?.Code);

    private static readonly FirmwareSigning.Signing.FileKey Pipeline = FirmwareSigning.Signing.FileKey.Create();

    private static readonly ProductPolicy Policy = new(
        "gw100", PeoplePolicy.TwoPerson, ["gw100-r1"], Pipeline.Key.KeyId, new Dictionary<string, string>(), new Dictionary<string, FirmwareSigning.Trust.Keys.PublicKey> { [Pipeline.Key.KeyId] = Pipeline.Key }, 2);

    private static readonly ProductPolicy Mcus = Policy with { Suit = new SuitPolicy("vendor.example", "app") };

    /// <summary>A release for MCUs, told wrong in one way, and what the approver is told.</summary>
    public static TheoryData<string, string?> Envelopes() => new()
    {
        { "", null },
        { "none, though the policy asks for them", "proposal-suit" },
        { "some, though the policy asks for none", "proposal-suit" },
        { "no publication to learn the key from", "proposal-suit" },
        { "not shown", "proposal-suit" },
        { "shown without its bytes", "proposal-suit" },
        { "not base64", "proposal-suit" },
        { "named, not listed", "proposal-suit" },
        { "other bytes than its digest", "suit-link" },
        { "of another image", "suit-manifest" },
        { "signed by somebody else", "suit-signature" },
        { "a second one, that no image names", "field-missing" },
        { "a second image, as an envelope of the first", "suit-link" },
    };

    [Theory]
    [MemberData(nameof(Envelopes))]
    public async Task Envelopes_that_are_not_the_images_own_are_not_approved(string wrong, string? code)
    {
        const string Image = "gw100/1.4.0/image.bin";
        var name = SuitTarget.NameOf(Image, "gw100-r1");
        var entry = Entry("1.4.0", 4);
        var mcu = new SuitClass("vendor.example", "gw100-r1", "app");
        using var stranger = FirmwareSigning.Signing.FileKey.Create();
        var manifest = mcu.ManifestOf(4, wrong == "of another image" ? new byte[32] : entry.Hashes.Sha256, entry.Length);
        Assert.True((await SuitEnvelope.Create(manifest, wrong == "signed by somebody else" ? stranger : Pipeline, Bench.Cancel)).TryGet(out var envelope, out _));
        Assert.True(Release.Parse(entry.Custom!).TryGet(out var record, out _));
        var pointsAt = wrong == "a second image, as an envelope of the first" ? "gw100/1.4.0/rider.bin" : name;
        var files = (JsonObject)Before.Find("targets")!;
        var without = wrong == "none, though the policy asks for them";
        files = files.With(Image, (entry with { Custom = (record with { Suit = without ? new Dictionary<string, string>() : new Dictionary<string, string> { ["gw100-r1"] = pointsAt } }).ToJson() }).ToJson());
        if (!without && wrong != "named, not listed") files = files.With(pointsAt, pointsAt == name ? SuitTarget.EntryOf(Image, "gw100-r1", envelope).ToJson() : Entry("1.4.0", 4).ToJson());
        if (wrong == "a second one, that no image names") files = files.With(name + ".suit", SuitTarget.EntryOf(Image, "gw100-r1", envelope).ToJson());
        var body = Proposed(After.With("targets", files));
        var content = wrong switch
        {
            "shown without its bytes" => null,
            "not base64" => "?",
            "other bytes than its digest" => Convert.ToBase64String([.. envelope, 0]),
            _ => Convert.ToBase64String(envelope),
        };
        if (wrong != "not shown") body = body with { Proposal = body.Proposal! with { Envelopes = [new EnvelopeBody(pointsAt, "gw100-r1", "", content)] } };
        var (published, policy) = wrong switch
        {
            "some, though the policy asks for none" => (Before, Policy),
            "no publication to learn the key from" => ((JsonObject?)null, null),
            _ => (Before, Mcus),
        };
        var judged = ProposalReview.Of(body, published, policy);
        Assert.Equal(code, judged.Fault?.Code);
        if (code is not null) return;
        Assert.True(judged.TryGet(out var review, out _));
        Assert.Equal(manifest, Assert.Single(review.Envelopes).Value);
        // Withdrawn, both go.
        var gone = body with { Kind = ReleaseKind.Withdrawal, Id = "gw100@1.4.0~withdrawal", Image = null };
        var published4 = After.With("targets", files);
        var next = Before.With("version", 7L).With("expires", Header.Write(Expires));
        Assert.Null(ProposalReview.Of(Said(next, gone), published4, Mcus).Fault);
        Assert.Equal("proposal-claims", ProposalReview.Of(Said(next.With("targets", files.Without(Image)), gone), published4, Mcus).Fault?.Code); // the envelope stays
    }

    private static void Refused(string expected, ReleaseBody body)
    {
        Assert.Equal(expected, ProposalReview.Of(body, Before, null).Fault?.Code);
        Assert.Equal(expected, ProposalReview.Of(body, null, null).Fault?.Code);
    }

    private static ReleaseBody Said(JsonObject signed, ReleaseBody body) => body with { Proposal = Proposed(signed).Proposal };

    private static ReleaseBody Proposed(JsonObject signed)
    {
        var entry = Entry("1.4.0", 4);
        var proposal = new ProposalBody(
            "gw100", 7, 6, Header.Write(Expires), ProductRole.DigestOf(signed), Convert.ToBase64String(JsonWriting.Encode(signed)), 2, [new SignedByBody("k", "pipeline", "2026-03-01T00:00:00Z")], []);
        return new ReleaseBody(
            "gw100@1.4.0", ReleaseKind.Release, "gw100", "1.4.0", "two-person", ReleaseState.Proposed, null, null, "3f0c", "2026-03-01T00:00:00Z", null,
            new ImageBody("gw100/1.4.0/image.bin", "b", entry.Length, Convert.ToHexStringLower(entry.Hashes.Sha256!), "s", new string('a', 64)),
            ["gw100-r1"], 4, 1 << 20, "notes of 1.4.0", "2031-01-01T00:00:00Z", proposal, null);
    }

    private static JsonObject With(JsonObject role, string version, int svn) =>
        role.With("targets", (role.Find("targets") as JsonObject ?? JsonObject.Empty).With($"gw100/{version}/image.bin", Entry(version, svn).ToJson()));

    private static TargetFile Entry(string version, int svn, string product = "gw100")
    {
        var content = Encoding.UTF8.GetBytes($"image {version}");
        var record = new Release(product, ["gw100-r1"], version, svn, 1 << 20, $"notes of {version}", new string('a', 64), new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return new TargetFile(content.Length, Hashes.Of(content), record.ToJson());
    }
}
