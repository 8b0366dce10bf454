using System.Text;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Keys;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Tests;

/// <summary>Offline files: first root, new products, rotated and revoked keys; each visible at once and whole.</summary>
public class CeremonyTests
{
    [Fact]
    public async Task A_product_joins_and_the_others_stay()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        Assert.Equal("product-unknown", (await town.Submit(town.Upload("1.0.0", product: "gw200"))).Fault?.Code);
        var targets = town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100", "gw200"], [Town.Alice, Town.Bob, Town.Carol], version: 2);
        Assert.Null((await town.Ceremony(null, await Town.Signed(targets, town.Targets))).Fault);
        await town.Release("1.0.0", product: "gw200");
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0"), Town.Target("1.0.0", "gw200")));
    }

    [Fact]
    public async Task A_revoked_engineers_key_is_out_at_once_and_the_releases_stay()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0"); // signed by the pipeline and Bob
        var device = town.Device();
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        var targets = await Town.Signed(town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Carol], version: 2), town.Targets);
        // Without new signatures the product's role would be refused by every device: so it is refused here.
        Assert.Equal("targets-threshold", (await town.Ceremony(null, targets)).Fault?.Code);

        var renewal = await Renewal(town, "gw100");
        Assert.Null((await town.Ceremony(null, targets, ("gw100", await Town.Signed(renewal, Town.KeyOf(Town.Carol))))).Fault);
        device.Downloads.Clear();
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        Assert.Equal((2L, 2L), (device.Version("targets"), device.Version("gw100")));
        await town.Submit(town.Upload("1.1.0"));
        Assert.Equal("approval-key-forbidden", (await town.Approve("gw100@1.1.0", Town.Bob)).Fault?.Code);
        Assert.Null((await town.Approve("gw100@1.1.0", Town.Carol)).Fault);
    }

    [Fact]
    public async Task The_pipeline_signs_nothing_here_but_the_published_role_renewed_by_its_approvers()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var renewal = await Renewal(town, "gw100");
        async Task<string?> Try(JsonObject role, params IDigestSigner[] signers) => (await town.Ceremony(null, null, ("gw100", await Town.Signed(role, signers)))).Fault?.Code;

        var evil = new TargetFile(3, Hashes.Of("bad"u8), null);
        var added = renewal.With("targets", ((JsonObject)renewal.Find("targets")!).With("gw100/9.9.9/image.bin", evil.ToJson()));
        Assert.Equal("metadata-role-conflict", await Try(added, Town.KeyOf(Town.Bob)));
        Assert.Equal("metadata-role-conflict", await Try(renewal.With("targets", JsonObject.Empty), Town.KeyOf(Town.Bob)));
        Assert.Equal("metadata-role-conflict", await Try(renewal.With("version", 1), Town.KeyOf(Town.Bob))); // not above the published one
        Assert.Equal("metadata-role-conflict", await Try(renewal.With("x", 1), Town.KeyOf(Town.Bob)));
        Assert.Equal("targets-threshold", await Try(renewal, TestKeys.Named("stranger")));
        Assert.Equal("targets-threshold", await Try(renewal, town.Keys.Of(KeyUse.Policy))); // the pipeline is not a person
        Assert.Equal("field-range", await Try(renewal.With("expires", "2099-01-01T00:00:00Z"), Town.KeyOf(Town.Bob)));
        Assert.Equal("product-unknown", (await town.Ceremony(null, null, ("gw999", await Town.Signed(renewal, Town.KeyOf(Town.Bob))))).Fault?.Code);
        Assert.Equal(1, (await Publication(town)).Snapshot.Roles["gw100"].Version);
        Assert.Null(await Try(renewal, Town.KeyOf(Town.Bob)));
        Assert.Equal(2, (await Publication(town)).Snapshot.Roles["gw100"].Version);
    }

    [Fact]
    public async Task A_stolen_policy_key_is_replaced_in_one_publication()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var stolen = town.Keys.Of(KeyUse.Policy);
        town.Keys.Versions[KeyUse.Policy].Add(TestKeys.Named("policy 2"));
        // The vault's newest version is not used before the metadata names it.
        await town.Submit(town.Upload("1.1.0"));
        Assert.Equal(stolen.Key.KeyId, (await town.Record("gw100@1.1.0")).Proposal!.Approvals[0].KeyId);

        var renewal = await Renewal(town, "gw100");
        var targets = await Town.Signed(town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Bob, Town.Carol], version: 2), town.Targets);
        Assert.Null((await town.Ceremony(null, targets, ("gw100", await Town.Signed(renewal, Town.KeyOf(Town.Bob))))).Fault);
        Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
        // What the stolen key signed for the old policy no longer counts: it is stale, and proposed anew.
        Assert.Equal("approval-stale", (await town.Approve("gw100@1.1.0")).Fault?.Code);
        await town.Release("1.1.0");
        Assert.Equal(town.Keys.Of(KeyUse.Policy).Key.KeyId, (await town.Record("gw100@1.1.0")).Proposal!.Approvals[0].KeyId);
    }

    [Fact]
    public async Task A_stolen_online_key_is_replaced_by_a_root_and_old_devices_follow()
    {
        using var town = await Town.Found();
        await town.Release("1.0.0");
        var device = town.Device();
        Assert.Equal("", await device.Refresh());
        town.Keys.Versions[KeyUse.Timestamp].Add(TestKeys.Named("timestamp 2"));
        town.Keys.Versions[KeyUse.Snapshot].Add(TestKeys.Named("snapshot 2"));
        await town.The<Refreshing>().Tick(Town.Token); // the old versions sign as long as the root names them
        Assert.Equal("", await device.Refresh());
        var root = await Town.Signed(town.RootDraft(2), town.Root);
        Assert.Null((await town.Ceremony(root, null)).Fault);
        Assert.Equal("", await device.Download(Town.Target("1.0.0")));
        Assert.Equal(2, device.Version("root"));
        await town.Release("1.1.0");
        Assert.Equal("", await device.Download(Town.Target("1.1.0")));
    }

    [Theory]
    [InlineData(Failing.Before)]
    [InlineData(Failing.AfterLanding)]
    internal async Task A_crash_at_any_call_of_a_root_rotation_freezes_devices_at_worst_until_it_is_repeated(Failing how)
    {
        using var before = await Town.Found();
        await before.Release("1.0.0");
        for (var failAt = 1; ; failAt++)
        {
            using var town = before.Fork();
            var device = town.Device();
            Assert.Equal("", await device.Refresh());
            town.Keys.Versions[KeyUse.Timestamp].Add(TestKeys.Named("timestamp 2"));
            var root = await Town.Signed(town.RootDraft(2), town.Root);
            (town.Plan.FailAt, town.Plan.How) = (town.Plan.Calls + failAt, how);
            var failed = false;
            try
            {
                Assert.Null((await town.Ceremony(root, null)).Fault);
            }
            catch (IOException)
            {
                failed = true;
            }
            town.Plan.FailAt = 0;
            var meanwhile = await town.Device().Download(Town.Target("1.0.0"));
            Assert.Contains(meanwhile, new[] { "", "timestamp-threshold" });
            if (meanwhile.Length > 0)
            {
                // The hourly timer finishes it as well as a repetition would.
                Assert.StartsWith("timestamp ", await town.The<Refreshing>().Tick(Town.Token), StringComparison.Ordinal);
                Assert.Equal("", await town.Device().Download(Town.Target("1.0.0")));
            }
            Assert.Null((await town.Ceremony(root, null)).Fault);
            Assert.Equal("", await device.Download(Town.Target("1.0.0")));
            Assert.Equal(2, device.Version("root"));
            if (!failed) break;
        }
    }

    [Fact]
    public async Task What_is_not_signed_by_the_offline_keys_or_malformed_is_refused()
    {
        using var town = await Town.Found();
        var targets = town.Policies(PeoplePolicy.SinglePerson, 2, ["gw100"], [Town.Alice], version: 2);
        Assert.Equal("targets-threshold", (await town.Ceremony(null, await Town.Signed(targets, town.Keys.Of(KeyUse.Policy)))).Fault?.Code); // the whole pipeline cannot appoint approvers
        Assert.Equal("root-threshold-old", (await town.Ceremony(await Town.Signed(town.RootDraft(2), TestKeys.Named("stranger")), null)).Fault?.Code);
        Assert.Equal("signing-key-conflict", (await town.Ceremony(await Town.Signed(town.RootDraft(2, timestamp: TestKeys.Named("nobody's")), town.Root), null)).Fault?.Code);
        Assert.Equal("publish-stale", (await town.Ceremony(null, await Town.Signed(town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Bob]), town.Targets))).Fault?.Code);
        foreach (var nonsense in new[] { "", "{}", "[]", "null", "{\"root\":\"%\"}", "{\"root\":1}", "{\"roles\":{}}", "{\"roles\":{\"gw100\":null}}", "{\"unknown\":\"\"}" })
            Assert.Equal("json-body", (await town.The<Ceremonies>().Publish(Encoding.UTF8.GetBytes(nonsense), Town.Token)).Fault?.Code);
        var many = new MetadataChangeBody(null, null, Enumerable.Range(0, 65).ToDictionary(i => $"p{i}", _ => ""));
        var utf8 = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(many, ReleaseApiJson.Default.MetadataChangeBody);
        Assert.Equal("field-range", (await town.The<Ceremonies>().Publish(utf8, Town.Token)).Fault?.Code);
    }

    [Fact]
    public async Task Before_the_first_ceremony_there_are_no_products()
    {
        using var full = await Town.Found();
        using var town = full.Fork();
        town.Ota.Metadata.Clear();
        Assert.Equal("product-unknown", (await town.Submit(town.Upload("1.0.0"))).Fault?.Code);
        Assert.Equal("publish-root", (await town.The<Views>().Products(Town.Token)).Fault?.Code);
        Assert.Equal("nothing is published yet", await town.The<Refreshing>().Tick(Town.Token));
        Assert.Equal("publish-root", (await town.Ceremony(null, await Town.Signed(town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Bob]), town.Targets))).Fault?.Code);
    }

    // What api/products/{product}/renewal shows.
    private static async Task<JsonObject> Renewal(Town town, string product)
    {
        Assert.True((await town.The<Changing>().Renew(product, "revocation", Town.Carol, Town.Token)).TryGet(out var record, out var fault), fault?.ToString());
        Assert.True((await town.The<Views>().Show(record, Town.Token)).TryGet(out var shown, out _));
        Assert.True(JsonReading.Read(Convert.FromBase64String(shown.Proposal!.Signed!)).TryGet(out var signed, out _));
        return (JsonObject)signed;
    }

    private static async Task<Publication> Publication(Town town) =>
        (await FirmwareSigning.Repository.Publication.Read(town.Ota, Town.Token)).TryGet(out var publication, out var fault) ? publication : throw new InvalidOperationException(fault.ToString());
}
