using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.Firmware.Tests;

/// <summary>Whose signature counts (FORMAT.md 9).</summary>
public class ApprovalTests
{
    [Fact]
    public async Task The_submitter_does_not_approve()
    {
        using var town = await Town.Found();
        await town.Submit(town.Upload("1.0.0"));
        Assert.Equal("approval-submitter-forbidden", (await town.Approve("gw100@1.0.0", Town.Alice)).Fault?.Code);
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Bob)).Fault);
    }

    [Fact]
    public async Task With_the_single_person_policy_the_submitter_may_and_everyone_sees_it()
    {
        using var town = await Town.Found(PeoplePolicy.SinglePerson);
        Assert.True((await town.Submit(town.Upload("1.0.0"))).TryGet(out var proposed, out _));
        Assert.True((await town.The<Views>().Show(proposed, Town.Token)).TryGet(out var shown, out _));
        Assert.Equal("single-person", shown.Policy);
        Assert.True((await town.Approve("gw100@1.0.0", Town.Alice)).TryGet(out var published, out var fault), fault?.ToString());
        Assert.Equal(ReleaseState.Published, published.State);
        Assert.True((await town.The<Views>().Products(Town.Token)).TryGet(out var products, out _));
        Assert.Equal("single-person", Assert.Single(products.Products).Policy);
    }

    [Fact]
    public async Task A_threshold_of_three_takes_two_people_and_never_one_key_twice()
    {
        using var town = await Town.Found(threshold: 3);
        await town.Submit(town.Upload("1.0.0"));
        Assert.True((await town.Approve("gw100@1.0.0", Town.Bob)).TryGet(out var once, out _));
        Assert.True((await town.Approve("gw100@1.0.0", Town.Bob)).TryGet(out var twice, out _));
        Assert.Equal((ReleaseState.Proposed, 2), (twice.State, twice.Proposal!.Approvals.Count));
        Assert.Equal(once.Proposal!.Approvals, twice.Proposal.Approvals);
        Assert.True((await town.Approve("gw100@1.0.0", Town.Carol)).TryGet(out var published, out _));
        Assert.Equal((ReleaseState.Published, 3), (published.State, published.Proposal!.Approvals.Count));
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
    }

    [Fact]
    public async Task One_person_with_two_keys_is_one_person()
    {
        using var town = await Town.Found(threshold: 3);
        var second = TestKeys.Named(Town.Bob + " second");
        var targets = town.Policies(PeoplePolicy.TwoPerson, 3, ["gw100"], [Town.Alice, Town.Bob, Town.Bob + " second", Town.Carol], version: 2);
        Assert.Null((await town.Ceremony(null, await Town.Signed(targets, town.Targets))).Fault);
        await town.Submit(town.Upload("1.0.0"));
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Bob)).Fault);
        Assert.Equal("approval-person-forbidden", (await town.Approve("gw100@1.0.0", Town.Bob, second)).Fault?.Code);
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
    }

    [Fact]
    public async Task A_key_counts_only_with_its_own_persons_token_and_only_for_its_product()
    {
        using var town = await Town.Found();
        await town.Submit(town.Upload("1.0.0"));
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.0.0", Town.Carol, Town.KeyOf(Town.Bob))).Fault?.Code); // a stolen key
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.0.0", Town.Bob, Town.KeyOf(Town.Carol))).Fault?.Code); // a stolen token
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.0.0", Town.Bob, TestKeys.Named("stranger"))).Fault?.Code);
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.0.0", Approval.Pipeline, town.Keys.Of(Keys.KeyUse.Policy))).Fault?.Code);
    }

    [Fact]
    public async Task A_signature_must_be_over_exactly_what_is_proposed()
    {
        using var town = await Town.Found();
        await town.Submit(town.Upload("1.0.0"));
        await town.Submit(town.Upload("1.1.0"));
        Assert.True(ReleaseId.Parse("gw100@1.1.0").TryGet(out var other, out _));
        Assert.True((await town.The<Views>().Show(other, Town.Token)).TryGet(out var shown, out _));
        var foreign = await Town.Sign(shown, Town.KeyOf(Town.Bob));
        Assert.Equal("approval-stale", (await town.Approve("gw100@1.0.0", change: _ => foreign)).Fault?.Code);
        Assert.Equal("approval-signature", (await town.Approve("gw100@1.0.0", change: given => given with { Signature = foreign.Signature })).Fault?.Code);
        foreach (var nonsense in new[] { "", "0", "zz", "30", new string('a', 146), "3006020100020100" })
            Assert.Equal("approval-signature", (await town.Approve("gw100@1.0.0", change: given => given with { Signature = nonsense })).Fault?.Code);
        // Raw R||S instead of DER.
        Assert.Equal("approval-signature", (await town.Approve("gw100@1.0.0", change: given => given with { Signature = new string('1', 128) })).Fault?.Code);
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
    }

    [Fact]
    public async Task Only_what_awaits_approval_takes_it()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        Assert.Equal("release-unknown", (await town.Approve("gw100@1.0.0")).Fault?.Code);
        await town.Submit(town.Upload("1.0.0"));
        Assert.Equal("release-state-conflict", (await town.Approve("gw100@1.0.0")).Fault?.Code);
        await town.TickAdvance();
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Bob)).Fault);
        Assert.Equal("release-state-conflict", (await town.Approve("gw100@1.0.0", Town.Carol)).Fault?.Code);
    }

    [Fact]
    public async Task A_correction_by_the_submitter_leaves_no_approval_of_the_old_text()
    {
        using var town = await Town.Found(threshold: 3);
        var body = town.Upload("1.0.0");
        await town.Submit(body);
        await town.Approve("gw100@1.0.0", Town.Bob);
        Assert.Equal("release-exists", (await town.Submit(body with { Notes = "mine" }, Town.Carol)).Fault?.Code);
        Assert.True((await town.Submit(body with { Notes = "corrected" })).TryGet(out var corrected, out _));
        Assert.Equal(Approval.Pipeline, Assert.Single(corrected.Proposal!.Approvals).By);
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Bob)).Fault);
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Carol)).Fault);
        Assert.Equal("corrected", (await town.Record("gw100@1.0.0")).Submission!.Notes);
    }

    [Fact]
    public async Task A_key_revoked_between_approval_and_publication_no_longer_counts()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        await town.Submit(town.Upload("1.0.0"));
        await town.TickAdvance();
        await town.Approve("gw100@1.0.0", Town.Bob);
        Assert.Equal(ReleaseState.Approved, (await town.Record("gw100@1.0.0")).State);
        var targets = town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Carol], version: 2);
        Assert.Null((await town.Ceremony(null, await Town.Signed(targets, town.Targets))).Fault);
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
        Assert.Contains(town.Log.Lines, line => line.Id == 4005);
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.0.0", Town.Bob)).Fault?.Code);
        Assert.Null((await town.Approve("gw100@1.0.0", Town.Carol)).Fault);
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Published, (await town.Record("gw100@1.0.0")).State);
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
    }

    [Fact]
    public async Task Who_writes_the_table_ships_nothing()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        await town.Submit(town.Upload("1.0.0"));
        await town.TickAdvance();
        Assert.True(ReleaseId.Parse("gw100@1.0.0").TryGet(out var id, out _));
        // Straight to approved, with signatures of nobody.
        var forged = new Approval(Town.KeyOf(Town.Bob).Key.KeyId, "3006020101020101", Town.Bob, Town.Day0);
        town.Releases.Tamper(id, record => record with { State = ReleaseState.Approved, Proposal = record.Proposal! with { Approvals = [.. record.Proposal.Approvals, forged] } });
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
        // Another image under an approved text.
        await town.Approve("gw100@1.0.0");
        var other = town.Upload("6.6.6");
        town.Releases.Tamper(id, record => record with { Submission = Town.Read(other with { Version = "1.0.0" }) });
        Assert.Null(ProposalRule.TextAgain(await town.Record("gw100@1.0.0"), null)); // no longer the text that was shown
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Stale, (await town.Record("gw100@1.0.0")).State);
        Assert.Equal("targets-unlisted", await town.Device().Download(Town.Target("1.0.0")));
        Assert.Empty(town.Ota.Targets);
        // The submitter under another name still is not the owner of the key that is missing.
        await town.Submit(town.Upload("2.0.0"), Town.Bob);
        await town.TickAdvance();
        Assert.True(ReleaseId.Parse("gw100@2.0.0").TryGet(out id, out _));
        town.Releases.Tamper(id, record => record with { SubmittedBy = Town.Carol });
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@2.0.0", Town.Carol, Town.KeyOf(Town.Bob))).Fault?.Code);
    }

    [Fact]
    public async Task Whose_signature_would_still_count_is_shown()
    {
        using var town = await Town.Found(threshold: 3);
        Assert.True((await town.Submit(town.Upload("1.0.0"))).TryGet(out var record, out _));
        Assert.True((await town.The<Views>().Show(record, Town.Token)).TryGet(out var shown, out _));
        Assert.Equal(new[] { Town.Bob, Town.Carol }, shown.Proposal!.MayApprove.Select(one => one.Person).Order());
        Assert.Equal(3, shown.Proposal.Threshold);
        Assert.Equal("pipeline", Assert.Single(shown.Proposal.Approvals).By);
        Assert.True((await town.Approve("gw100@1.0.0", Town.Bob)).TryGet(out record, out _));
        Assert.True((await town.The<Views>().Show(record, Town.Token)).TryGet(out shown, out _));
        Assert.Equal(Town.Carol, Assert.Single(shown.Proposal!.MayApprove).Person);
    }
}
