using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;

namespace Serverless.Firmware.Tests;

/// <summary>A release from submission to devices.</summary>
public class ReleaseTests
{
    [Fact]
    public async Task A_release_submitted_by_one_person_and_approved_by_another_reaches_devices()
    {
        using var town = await Town.Found();
        var device = town.Device();
        Assert.True((await town.Submit(town.Upload("1.0.0"))).TryGet(out var proposed, out var fault), fault?.ToString());
        Assert.Equal(ReleaseState.Proposed, proposed.State);
        Assert.Equal("targets-unlisted", await device.Download(Town.Target("1.0.0"))); // no publication has the product's role yet
        Assert.Empty(town.Ota.Targets); // an unapproved image is not public

        Assert.True((await town.Approve("gw100@1.0.0")).TryGet(out var published, out fault), fault?.ToString());
        Assert.Equal(ReleaseState.Published, published.State);
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        Assert.Equal(Town.ImageOf("gw100", "1.0.0"), device.Downloads[Town.Target("1.0.0")]);
        Assert.Equal([4000, 4002, 4003], town.Log.Lines.Select(line => line.Id).Where(id => id is > 3999 and < 4010));
    }

    [Fact]
    public async Task Later_releases_join_the_role_and_earlier_ones_stay()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        await town.Release("1.1.0", svn: 2);
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0"), Town.Target("1.1.0")));
        var record = await town.Record("gw100@1.1.0");
        Assert.Equal((2L, 1L), (record.Proposal!.RoleVersion, record.Proposal.BaseVersion));
    }

    [Fact]
    public async Task Every_call_may_be_repeated()
    {
        using var town = await Town.Found();
        var body = town.Upload("1.0.0");
        Assert.True((await town.The<Submitting>().Submit(Town.Read(body), Town.Alice, Town.Token)).TryGet(out var first, out _));
        Assert.True((await town.The<Submitting>().Submit(Town.Read(body), Town.Alice, Town.Token)).TryGet(out var again, out _));
        Assert.Equal((true, false), (first.IsNew, again.IsNew));
        Assert.True(ReleaseId.Parse("gw100@1.0.0").TryGet(out var id, out _));
        Assert.True((await town.The<Views>().Show(id, Town.Token)).TryGet(out var shown, out _));
        var given = await Town.Sign(shown, Town.KeyOf(Town.Bob));
        var timestamps = new HashSet<long>();
        for (var i = 0; i < 3; i++)
        {
            Assert.True((await town.The<Approving>().Approve(id, given, Town.Bob, Town.Token)).TryGet(out var approved, out var fault), fault?.ToString());
            timestamps.Add(approved.Published!.TimestampVersion);
        }
        Assert.Single(timestamps);
        Assert.True((await town.The<Submitting>().Submit(Town.Read(body), Town.Alice, Town.Token)).TryGet(out again, out _));
        Assert.Equal((ReleaseState.Published, false), (again.Record.State, again.IsNew));
    }

    [Fact]
    public async Task A_long_image_is_hashed_and_copied_by_the_timer_and_says_how_far_it_is()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        Assert.True((await town.Submit(town.Upload("1.0.0"))).TryGet(out var waiting, out _));
        Assert.Equal(ReleaseState.Checking, waiting.State);
        Assert.True((await town.The<Views>().Show(waiting, Town.Token)).TryGet(out var shown, out _));
        Assert.Equal(new ProgressBody(0, 2000), shown.Progress);
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Proposed, (await town.Record("gw100@1.0.0")).State);
        Assert.True((await town.Approve("gw100@1.0.0")).TryGet(out var approved, out _));
        Assert.Equal(ReleaseState.Approved, approved.State);
        Assert.Equal("targets-unlisted", await town.Device().Download(Town.Target("1.0.0")));
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Published, (await town.Record("gw100@1.0.0")).State);
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
    }

    [Fact]
    public async Task A_worker_that_is_overtaken_stops_and_harms_nothing()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        await town.Submit(town.Upload("1.0.0"));
        var due = Assert.Single(await town.Releases.Due(town.Clock.GetUtcNow(), Town.Token));
        await town.TickAdvance(); // the other worker
        var mine = await town.The<Checking>().Work(due, Town.Token);
        Assert.Equal(ReleaseState.Proposed, mine.Record.State);
        Assert.Equal((await town.Record("gw100@1.0.0")).Proposal!.Sha256, mine.Record.Proposal!.Sha256);
        Assert.True((await town.Approve("gw100@1.0.0")).TryGet(out _, out _));
    }

    [Fact]
    public async Task Two_proposals_on_one_base_are_published_one_after_the_other()
    {
        using var town = await Town.Found();
        await town.Submit(town.Upload("1.0.0"));
        await town.Submit(town.Upload("1.1.0"));
        Assert.Null((await town.Approve("gw100@1.0.0")).Fault);
        // The second was shown before the first was published: its text is no longer what would be published.
        Assert.True(ReleaseId.Parse("gw100@1.1.0").TryGet(out var id, out _));
        Assert.True((await town.The<Views>().Show(id, Town.Token)).TryGet(out var shown, out _));
        Assert.Equal((ReleaseState.Stale, null), (shown.State, shown.Proposal!.Signed));
        var proposal = (await town.Record("gw100@1.1.0")).Proposal!;
        var late = await town.The<Approving>().Approve(id, new GivenApproval(proposal.Sha256, Town.KeyOf(Town.Bob).Key.KeyId, "00"), Town.Bob, Town.Token);
        Assert.Equal("approval-stale", late.Fault?.Code);
        Assert.Equal(ReleaseState.Stale, (await town.Record("gw100@1.1.0")).State);
        // Submitted again, it stands on top of the first.
        Assert.Null((await town.Submit(town.Upload("1.1.0"))).Fault);
        Assert.Null((await town.Approve("gw100@1.1.0")).Fault);
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0"), Town.Target("1.1.0")));
    }

    [Fact]
    public async Task Withdrawing_takes_one_person_and_is_visible_at_once()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        await town.Release("1.1.0", svn: 2);
        var device = town.Device();
        Assert.True((await town.The<Changing>().Withdraw(Id("gw100@1.1.0"), "bricks r2", Town.Alice, Town.Token)).TryGet(out var change, out var fault), fault?.ToString());
        Assert.Equal((ReleaseState.Proposed, "gw100@1.1.0~withdrawal"), (change.State, change.Id.Text));
        Assert.Equal("", await device.Download(Town.Target("1.1.0")));
        device.Downloads.Clear();
        Assert.True((await town.Approve("gw100@1.1.0~withdrawal", Town.Alice)).TryGet(out change, out fault), fault?.ToString()); // who asked may sign
        Assert.Equal(ReleaseState.Published, change.State);
        Assert.Equal("target-absent", await device.Download(Town.Target("1.1.0")));
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        Assert.Equal(ReleaseState.Withdrawn, (await town.Record("gw100@1.1.0")).State);
        // Asked for again it is done already; its version is spent, and so is everything below it.
        Assert.True((await town.The<Changing>().Withdraw(Id("gw100@1.1.0"), "bricks r2", Town.Bob, Town.Token)).TryGet(out change, out _));
        Assert.Equal(ReleaseState.Published, change.State);
        Assert.Equal("release-exists", (await town.Submit(town.Upload("1.1.0", svn: 2))).Fault?.Code);
        Assert.Equal("release-version-conflict", (await town.Submit(town.Upload("1.0.5", svn: 2))).Fault?.Code);
        Assert.Equal("release-svn-conflict", (await town.Submit(town.Upload("1.2.0", svn: 1))).Fault?.Code);
        await town.Release("1.2.0", svn: 2);
    }

    [Fact]
    public async Task What_is_not_published_cannot_be_withdrawn()
    {
        using var town = await Town.Found();
        var changing = town.The<Changing>();
        Assert.Equal("release-unknown", (await changing.Withdraw(Id("gw100@1.0.0"), "x", Town.Alice, Town.Token)).Fault?.Code);
        Assert.Equal("release-unknown", (await changing.Withdraw(Id("gw999@1.0.0"), "x", Town.Alice, Town.Token)).Fault?.Code);
        Assert.Equal("release-unknown", (await changing.Withdraw(Id("gw100~renewal"), "x", Town.Alice, Town.Token)).Fault?.Code);
        await town.Submit(town.Upload("1.0.0"));
        Assert.Equal("release-state-conflict", (await changing.Withdraw(Id("gw100@1.0.0"), "x", Town.Alice, Town.Token)).Fault?.Code);
        await town.Approve("gw100@1.0.0");
        Assert.Equal("field-range", (await changing.Withdraw(Id("gw100@1.0.0"), "", Town.Alice, Town.Token)).Fault?.Code);
        Assert.Equal("field-range", (await changing.Withdraw(Id("gw100@1.0.0"), new string('x', 1025), Town.Alice, Town.Token)).Fault?.Code);
        Assert.Null((await changing.Withdraw(Id("gw100@1.0.0"), new string('x', 1024), Town.Alice, Town.Token)).Fault);
    }

    [Fact]
    public async Task A_renewal_carries_the_same_images_into_another_year()
    {
        using var town = await Town.Found();
        Assert.Equal("release-state-conflict", (await town.The<Changing>().Renew("gw100", "yearly", Town.Bob, Town.Token)).Fault?.Code);
        Assert.Equal("product-unknown", (await town.The<Changing>().Renew("gw999", "yearly", Town.Bob, Town.Token)).Fault?.Code);
        await town.Release("1.0.0");
        var expires = (await town.Record("gw100@1.0.0")).Proposal!.Expires;
        town.Clock.Advance(TimeSpan.FromDays(200));
        Assert.Null((await town.The<Changing>().Renew("gw100", "yearly", Town.Bob, Town.Token)).Fault);
        Assert.True((await town.Approve("gw100~renewal")).TryGet(out var renewed, out var fault), fault?.ToString());
        Assert.Equal((ReleaseState.Published, expires.AddDays(200)), (renewed.State, renewed.Proposal!.Expires));
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
        // Next year again.
        town.Clock.Advance(TimeSpan.FromDays(100));
        Assert.Null((await town.The<Changing>().Renew("gw100", "yearly", Town.Bob, Town.Token)).Fault);
        Assert.True((await town.Approve("gw100~renewal", Town.Carol)).TryGet(out renewed, out fault), fault?.ToString());
        Assert.Equal(ReleaseState.Published, renewed.State);
    }

    [Fact]
    public async Task An_image_written_over_after_its_approval_is_not_published()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        await town.Submit(town.Upload("1.0.0"));
        await town.TickAdvance();
        await town.Approve("gw100@1.0.0");
        town.Images.Put("gw100/1.0.0/image.bin", Town.ImageOf("gw100", "6.6.6"));
        await town.TickAdvance();
        var record = await town.Record("gw100@1.0.0");
        Assert.Equal((ReleaseState.Refused, "image-digest"), (record.State, record.Fault?.Code));
        Assert.Empty(town.Ota.Targets);
        Assert.Equal("targets-unlisted", await town.Device().Download(Town.Target("1.0.0")));
    }

    [Fact]
    public async Task Storage_that_gives_other_bytes_than_were_hashed_publishes_nothing()
    {
        using var town = await Town.Found(inlineBytes: 1000);
        await town.Submit(town.Upload("1.0.0"));
        await town.TickAdvance();
        await town.Approve("gw100@1.0.0");
        town.Images.Blobs["gw100/1.0.0/image.bin"] = (Town.ImageOf("gw100", "6.6.6"), town.Images.Blobs["gw100/1.0.0/image.bin"].Tag);
        await town.TickAdvance();
        Assert.Equal("image-digest", (await town.Record("gw100@1.0.0")).Fault?.Code);
        Assert.Empty(town.Ota.Targets);
    }

    [Fact]
    public async Task A_version_that_a_crash_left_behind_is_passed_over()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        town.Ota.Metadata["2.gw100.json"] = ("of a change that was never published"u8.ToArray(), 0);
        await town.Release("1.1.0");
        Assert.Equal(3, (await town.Record("gw100@1.1.0")).Proposal!.RoleVersion);
        Assert.Equal("", await town.Device().Download(Town.Target("1.1.0")));
        // One that appears between proposal and publication makes the proposal stale: its file can never be written.
        await town.Submit(town.Upload("1.2.0"));
        town.Ota.Metadata["4.gw100.json"] = ("another's"u8.ToArray(), 0);
        Assert.True((await town.Approve("gw100@1.2.0")).TryGet(out var stale, out _));
        Assert.Equal(ReleaseState.Stale, stale.State);
        await town.Release("1.2.0");
    }

    [Fact]
    public async Task Lists_are_paged_and_name_the_policy_of_every_release()
    {
        using var town = await Town.Found(PeoplePolicy.SinglePerson, products: ["gw100", "gw200"]);
        for (var i = 0; i < Views.PageCount; i++) await town.Submit(town.Upload($"1.0.{i}"));
        await town.Submit(town.Upload("1.0.0", product: "gw200"));
        var views = town.The<Views>();
        Assert.True((await views.List(null, null, Town.Token)).TryGet(out var first, out _));
        Assert.Equal(Views.PageCount, first.Releases.Count);
        Assert.True((await views.List(null, first.Next, Town.Token)).TryGet(out var second, out _));
        Assert.Equal(("gw200@1.0.0", null), (Assert.Single(second.Releases).Id, second.Next));
        Assert.True((await views.List("gw200", null, Town.Token)).TryGet(out var only, out _));
        Assert.Single(only.Releases);
        Assert.All(first.Releases, one => Assert.Equal(("single-person", null), (one.Policy, one.Proposal!.Signed)));
        Assert.Equal("release-unknown", (await views.List(null, "' or 1 eq 1", Town.Token)).Fault?.Code);
        Assert.Equal("product-unknown", (await views.List("' or 1 eq 1", null, Town.Token)).Fault?.Code);
    }

    private static ReleaseId Id(string text) => ReleaseId.Parse(text).TryGet(out var id, out var fault) ? id : throw new InvalidOperationException(fault.ToString());
}
