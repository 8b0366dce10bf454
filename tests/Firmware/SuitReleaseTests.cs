using System.Text.Json;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Tests;

/// <summary>Releases for MCUs: a SUIT envelope beside the image (FORMAT.md 8.3).</summary>
public class SuitReleaseTests
{
    private const string Product = "mcu7";
    private static readonly string Image = Town.Target("1.0.0", Product);
    private static readonly SuitClass R1 = new("vendor.example", $"{Product}-r1", "app");
    private static readonly SuitClass R2 = new("vendor.example", $"{Product}-r2", "app");

    [Fact]
    public async Task An_envelope_a_hardware_id_is_published_beside_the_image_and_opens_with_the_pinned_key()
    {
        using var town = await Town.Found(products: [Product]);
        Assert.Null((await town.Submit(Both(town, "1.0.0", svn: 3))).Fault);
        Assert.Empty(town.Ota.Targets); // nor is an envelope public before someone approved
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);
        Assert.Equal(3, town.Ota.Targets.Count);
        foreach (var mcu in new[] { R1, R2 })
        {
            Assert.True((await Deliver(town, town.Device(), mcu, "1.0.0")).TryGet(out var manifest, out var fault), fault?.ToString());
            Assert.Equal((3, 2000L, ""), (manifest.Sequence, manifest.ImageBytes, manifest.Uri));
            // `fwsign export-suit` works the manifest out with the same function.
            Assert.Equal(mcu.ManifestOf(3, Hashes.Of(Town.ImageOf(Product, "1.0.0")).Sha256, 2000), manifest);
        }
    }

    [Fact]
    public async Task A_product_without_MCUs_has_no_envelopes()
    {
        using var town = await Town.Found();
        var record = await town.Release("1.0.0");
        Assert.Empty(record.Envelopes);
        Assert.Single(town.Ota.Targets);
        Assert.True((await town.The<Views>().Show(record, Town.Token)).TryGet(out var shown, out _));
        Assert.DoesNotContain("envelopes", JsonSerializer.Serialize(shown, ReleaseApiJson.Default.ReleaseBody), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_updater_that_is_offered_an_envelope_as_an_image_refuses_it()
    {
        using var town = await Town.Found(products: [Product]);
        await town.Release("1.0.0", product: Product);
        Assert.True((await town.Device().Session()).TryGet(out var session, out _));
        var name = SuitTarget.NameOf(Image, R1.Hardware);
        Assert.True((await session.Find(name, Town.Token)).TryGet(out var entry, out _));
        Assert.Equal("field-missing", new DeviceIdentity(Product, R1.Hardware).Judge(name, entry, 1 << 20, 0).Fault?.Code);
        Assert.True((await session.Find(Image, Town.Token)).TryGet(out entry, out _));
        Assert.Null(new DeviceIdentity(Product, R1.Hardware).Judge(Image, entry, 1 << 20, 0).Fault);
    }

    [Fact]
    public async Task A_withdrawal_takes_the_image_and_its_envelopes()
    {
        using var town = await Town.Found(products: [Product]);
        await town.Release("0.9.0", product: Product);
        Assert.Null((await town.Submit(Both(town, "1.0.0"))).Fault);
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);
        Assert.True(ReleaseId.Parse($"{Product}@1.0.0").TryGet(out var id, out _));
        Assert.Null((await town.The<Changing>().Withdraw(id, "bad", Town.Bob, Town.Token)).Fault);
        Assert.Null((await town.Approve($"{Product}@1.0.0~withdrawal")).Fault);
        foreach (var name in new[] { Image, SuitTarget.NameOf(Image, R1.Hardware), SuitTarget.NameOf(Image, R2.Hardware) })
            Assert.Equal("target-absent", await town.Device().Download(name));
        Assert.Null((await Deliver(town, town.Device(), R1, "0.9.0")).Fault);
        Assert.Equal("release-exists", (await town.Submit(Both(town, "1.0.0"))).Fault?.Code);
    }

    [Theory]
    [InlineData(Failing.Before)]
    [InlineData(Failing.AfterLanding)]
    internal async Task A_crash_at_any_call_leaves_image_and_envelopes_together_and_signs_no_second_envelope_for_devices(Failing how)
    {
        using var before = await Town.Found(products: [Product]);
        await before.Release("0.9.0", product: Product);
        for (var failAt = 1; ; failAt++)
        {
            using var town = before.Fork();
            var device = town.Device();
            Assert.Equal("", await device.Download(Town.Target("0.9.0", Product)));
            var body = Both(town, "1.0.0", svn: 2);
            (town.Plan.FailAt, town.Plan.How) = (town.Plan.Calls + failAt, how);
            var failed = false;
            try
            {
                await Whole(town, body);
            }
            catch (IOException injected) when (injected.Message.StartsWith("injected", StringComparison.Ordinal))
            {
                failed = true;
            }
            town.Plan.FailAt = 0;
            await SeesNeitherOrAll(town, device);
            await Whole(town, body);
            Assert.Null((await Deliver(town, device, R1, "1.0.0")).Fault);
            Assert.Null((await Deliver(town, device, R2, "1.0.0")).Fault);
            // Two signatures of one text differ: had one been made anew after the approval, there would be two files.
            Assert.Equal(3, town.Ota.Targets.Keys.Count(name => name.StartsWith($"{Product}/1.0.0/", StringComparison.Ordinal)));
            Assert.InRange(failAt, 1, 200);
            if (!failed)
            {
                Assert.InRange(failAt, 40, 200); // every call was failed once
                break;
            }
        }
    }

    [Fact]
    public async Task Only_an_approver_is_shown_the_envelope_before_it_is_published()
    {
        using var town = await Town.Found(products: [Product]);
        Assert.Null((await town.Submit(Both(town, "1.0.0"))).Fault);
        Assert.True(ReleaseId.Parse($"{Product}@1.0.0").TryGet(out var id, out _));
        var views = town.The<Views>();
        Assert.True((await views.Show(id, Town.Token)).TryGet(out var plain, out _));
        Assert.True((await views.ShowToApprover(id, Town.Token)).TryGet(out var full, out _));
        Assert.True((await views.List(null, null, Town.Token)).TryGet(out var list, out _));
        Assert.Equal([null, null], plain.Proposal!.Envelopes!.Select(one => one.Content));
        Assert.Equal([null, null], list.Releases[0].Proposal!.Envelopes!.Select(one => one.Content));
        Assert.Null(list.Releases[0].Proposal!.Signed);
        var key = town.Keys.Of(KeyUse.Policy).Key;
        Assert.All(full.Proposal!.Envelopes!, one => Assert.Null(SuitEnvelope.Open(Convert.FromBase64String(one.Content!), key).Fault));
        Assert.Equal([R1.Hardware, R2.Hardware], full.Proposal.Envelopes!.Select(one => one.Hardware));
        Assert.True((await views.Products(Town.Token)).TryGet(out var products, out _));
        Assert.Equal(new SuitBody("vendor.example", "app"), Assert.Single(products.Products).Suit);
        // Published it is everybody's, in the repository; the desk does not repeat it.
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);
        Assert.True((await views.ShowToApprover(id, Town.Token)).TryGet(out full, out _));
        Assert.Equal([null, null], full.Proposal!.Envelopes!.Select(one => one.Content));
    }

    [Fact]
    public async Task Who_writes_the_table_swaps_no_envelope()
    {
        using var town = await Town.Found(inlineBytes: 1000, products: [Product]);
        await town.Submit(Both(town, "1.0.0"));
        await town.TickAdvance();
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);
        Assert.True(ReleaseId.Parse($"{Product}@1.0.0").TryGet(out var id, out _));
        // Even one that the pipeline's own key signed: of the same manifest, another time.
        var manifest = R1.ManifestOf(1, Hashes.Of(Town.ImageOf(Product, "1.0.0")).Sha256, 2000);
        Assert.True((await SuitEnvelope.Create(manifest, town.Keys.Of(KeyUse.Policy), Town.Token)).TryGet(out var other, out _));
        town.Releases.Tamper(id, record => record with { Envelopes = [new SuitFile(R1.Hardware, other), record.Envelopes[1]] });
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Stale, (await town.Record(id.Text)).State);
        Assert.Empty(town.Ota.Targets);
        // Or takes them away.
        await town.Submit(Both(town, "1.0.0"));
        await town.TickAdvance();
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);
        town.Releases.Tamper(id, record => record with { Envelopes = [] });
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Stale, (await town.Record(id.Text)).State);
    }

    [Theory]
    [InlineData("dropped")]
    [InlineData("renamed")]
    [InlineData("added")]
    public async Task MCUs_that_a_ceremony_adds_drops_or_renames_make_a_proposal_stale(string what)
    {
        using var town = await Town.Found(inlineBytes: 1000, products: [what == "added" ? "gw100" : Product]);
        var product = what == "added" ? "gw100" : Product;
        await town.Submit(town.Upload("1.0.0", product: product));
        await town.Submit(town.Upload("1.1.0", product: product));
        await town.TickAdvance();
        Assert.Null((await town.Approve($"{product}@1.0.0")).Fault); // approved, not yet published
        town.SuitOf = _ => what == "dropped" ? null : new SuitPolicy("renamed.example", "app");
        var targets = town.Policies(PeoplePolicy.TwoPerson, 2, [product], [Town.Alice, Town.Bob, Town.Carol], version: 2);
        Assert.Null((await town.Ceremony(null, await Town.Signed(targets, town.Targets))).Fault);
        await town.TickAdvance();
        Assert.Equal(ReleaseState.Stale, (await town.Record($"{product}@1.0.0")).State);
        Assert.True(ReleaseId.Parse($"{product}@1.1.0").TryGet(out var id, out _));
        Assert.True((await town.The<Views>().Show(id, Town.Token)).TryGet(out var shown, out _));
        Assert.Equal((ReleaseState.Stale, null), (shown.State, shown.Proposal!.Signed)); // nobody is shown a text that could not be published
        var given = new GivenApproval(shown.Proposal.Sha256, Town.KeyOf(Town.Bob).Key.KeyId, "00");
        Assert.Equal("approval-stale", (await town.The<Approving>().Approve(id, given, Town.Bob, Town.Token)).Fault?.Code);
        Assert.Empty(town.Ota.Targets);
    }

    [Fact]
    public async Task The_names_and_the_number_of_envelopes_are_bounded()
    {
        using var town = await Town.Found(products: [Product]);
        // mcu7-r1 and .suit take 13 characters of a segment's 64.
        var body = town.Upload("1.0.0", product: Product);
        Assert.Equal(("field-range", "file"), await Refusal(town, body with { File = new string('a', 52) }));
        Assert.Null((await town.Submit(body with { File = new string('a', 51) })).Fault);
        Assert.Null((await town.Approve($"{Product}@1.0.0")).Fault);

        var hardware = Enumerable.Range(0, SuitRule.HardwareMax + 1).Select(i => $"{new string('h', 50)}-{i:D3}").ToArray();
        var policy = new ProductPolicy(Product, PeoplePolicy.TwoPerson, hardware, "", new Dictionary<string, string>(), new Dictionary<string, FirmwareSigning.Trust.Keys.PublicKey>(), 2)
        {
            Suit = new SuitPolicy(new string('v', 253), new string('c', 32)),
        };
        var most = Town.Read(body with { File = "i", Hardware = hardware[..^1], Notes = new string('\u00e9', 4096) });
        Assert.Null(SuitRule.Judge(most, policy));
        Assert.Equal(new Faults.Fault("field-range", "hardware"), SuitRule.Judge(most with { Hardware = hardware }, policy));
        Assert.Null(SuitRule.Judge(most with { Hardware = hardware }, policy with { Suit = null }));

        // The largest release fits its row: a column takes 32 K characters, a row 1 MiB.
        var record = (await town.Record($"{Product}@1.0.0")) with { Submission = most };
        var envelopes = new List<SuitFile>();
        foreach (var id in most.Hardware)
        {
            var manifest = SuitRule.ManifestOf(most, long.MaxValue, SuitRule.ClassOf(policy, id)!) with { Sequence = int.MaxValue };
            Assert.True((await SuitEnvelope.Create(manifest, TestKeys.Named("policy"), Town.Token)).TryGet(out var content, out _));
            envelopes.Add(new SuitFile(id, content));
        }
        var row = ReleaseRow.Write(record with { Envelopes = envelopes });
        Assert.All(row.Select(one => one.Value).OfType<string>(), text => Assert.InRange(text.Length, 0, 32 * 1024));
        Assert.Equal(SuitRule.HardwareMax, ReleaseRow.Read(row).Envelopes.Count);
    }

    [Theory]
    [InlineData("Vendor.example", "app", "policy-suit")]
    [InlineData("vendor example", "app", "policy-suit")]
    [InlineData("vendor.example", ".app", "policy-suit")]
    [InlineData("vendor.example", "a/b", "policy-suit")]
    [InlineData("vendor.example", "", "field-range")]
    [InlineData("", "app", "field-range")]
    [InlineData("vendor.example", "123456789012345678901234567890123", "field-range")]
    [InlineData("vendor.example", "12345678901234567890123456789012", null)]
    public async Task What_a_policy_says_of_MCUs_is_read_strictly(string vendor, string component, string? code)
    {
        using var town = await Town.Found();
        town.SuitOf = _ => new SuitPolicy(vendor, component);
        var draft = town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Bob]);
        Assert.True(Targets.Parse(draft).TryGet(out var targets, out _));
        var read = ProductPolicy.ReadAll(draft, targets);
        Assert.Equal(code, read.Fault?.Code);
        if (code is null) Assert.True(read.TryGet(out var policies, out _) && policies["gw100"].Suit == new SuitPolicy(vendor, component));
        var products = (JsonObject)draft.Find("products")!;
        var other = draft.With("products", products.With("gw100", ((JsonObject)products.Find("gw100")!).With("suit", "yes")));
        Assert.Equal("field-type", ProductPolicy.ReadAll(other, targets).Fault?.Code);
    }

    // As a gateway does: both targets through TUF, then whether they belong together; the MCU has the last word with its pinned key.
    private static async Task<Faults.Parsed<SuitManifest>> Deliver(Town town, SimulatedClient device, SuitClass mcu, string version)
    {
        var image = Town.Target(version, Product);
        var envelope = SuitTarget.NameOf(image, mcu.Hardware);
        if (await device.Download(image, envelope) is { Length: > 0 } code) return new Faults.Fault(code, "download");
        Assert.Equal(Town.ImageOf(Product, version), device.Downloads[image]);
        Assert.True((await device.Session()).TryGet(out var session, out _));
        Assert.True((await session.Find(image, Town.Token)).TryGet(out var file, out _));
        Assert.True((await session.Find(envelope, Town.Token)).TryGet(out var entry, out _));
        return SuitTarget.Judge(image, file, mcu, entry, device.Downloads[envelope], town.Keys.Of(KeyUse.Policy).Key);
    }

    private static async Task SeesNeitherOrAll(Town town, SimulatedClient old)
    {
        foreach (var device in new[] { old, town.Device() })
        {
            Assert.Equal("", await device.Download(Town.Target("0.9.0", Product)));
            var image = await device.Download(Image);
            foreach (var mcu in new[] { R1, R2 })
            {
                if (image == "target-absent") Assert.Equal("target-absent", await device.Download(SuitTarget.NameOf(Image, mcu.Hardware)));
                else Assert.Null((await Deliver(town, device, mcu, "1.0.0")).Fault);
            }
            device.Downloads.Clear();
        }
    }

    private static async Task Whole(Town town, SubmissionBody body)
    {
        Assert.True((await town.Submit(body)).TryGet(out var submitted, out var fault), fault?.ToString());
        if (submitted.State == ReleaseState.Checking)
        {
            town.Clock.Advance(TimeSpan.FromMinutes(2));
            await town.TickAdvance();
            submitted = await town.Record($"{Product}@1.0.0");
        }
        if (submitted.State == ReleaseState.Proposed) Assert.True((await town.Approve($"{Product}@1.0.0")).TryGet(out submitted, out fault), fault?.ToString());
        if (submitted.State == ReleaseState.Approved)
        {
            town.Clock.Advance(TimeSpan.FromMinutes(2));
            await town.TickAdvance();
        }
    }

    private static async Task<(string?, string?)> Refusal(Town town, SubmissionBody body)
    {
        var fault = (await town.Submit(body)).Fault;
        return (fault?.Code, fault?.Where);
    }

    private static SubmissionBody Both(Town town, string version, int svn = 1) => town.Upload(version, svn, Product) with { Hardware = [R1.Hardware, R2.Hardware] };
}
