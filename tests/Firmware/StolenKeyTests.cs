using System.Security.Cryptography;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Tests;

/// <summary>The table of README.md, row by row: a thief who also owns the network, with one key more each time. Each ends with an honest update.</summary>
public sealed class StolenKeyTests : IAsyncLifetime
{
    private const string Malware = "gw100/9.9.9/image.bin";
    private Town _town = null!;
    private SimulatedClient _device = null!;

    public async ValueTask InitializeAsync()
    {
        _town = await Town.Found(products: ["gw100", "gw200"]);
        await _town.Release("1.0.0");
        await _town.Release("1.1.0");
        _device = _town.Device();
        Assert.Equal("", await _device.Download(Town.Target("1.0.0"), Town.Target("1.1.0")));
    }

    public ValueTask DisposeAsync()
    {
        _town.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task The_timestamp_key_freezes_and_does_not_roll_back_or_ship()
    {
        var key = _town.Keys.Of(KeyUse.Timestamp);
        var present = await Read();
        // Frozen: the thief keeps signing what is there.
        await _town.Release("1.2.0");
        Serve(("timestamp.json", await Timestamp(key, 50, present.Timestamp.Snapshot)));
        Assert.Equal("target-absent", await _device.Download(Town.Target("1.2.0")));
        // Back to a snapshot the device has left behind, or on to one of the thief's own.
        Serve(("timestamp.json", await Timestamp(key, 51, new MetaFile(1, null, null))));
        Assert.Equal("snapshot-rollback", await _device.Refresh());
        var forged = await Town.Signed(Draft.Snapshot(60, Far, present.Snapshot.Roles.ToDictionary()), key);
        Serve(("timestamp.json", await Timestamp(key, 52, MetaFile.Of(60, forged))), ("60.snapshot.json", forged));
        Assert.Equal("snapshot-threshold", await _device.Refresh());
        await RecoversBy(newTimestamp: true, newSnapshot: false);
    }

    [Fact]
    public async Task Snapshot_and_timestamp_keys_hide_releases_and_do_not_mix_remove_or_ship()
    {
        var old = await Role("1.gw100.json");
        var present = await Read();
        await OwnOnline(61, present.Snapshot.Roles.ToDictionary(role => role.Key, role => role.Key == "gw100" ? MetaFile.Of(1, old) : role.Value));
        Assert.Equal("targets-rollback", await _device.Refresh());
        Assert.Equal("target-absent", await _town.Device().Download(Town.Target("1.1.0"))); // hidden from a device that never saw it
        await OwnOnline(62, present.Snapshot.Roles.Where(role => role.Key != "gw100").ToDictionary());
        Assert.Equal("targets-removed", await _device.Refresh());
        Assert.Equal("targets-threshold", await Ships([_town.Keys.Of(KeyUse.Snapshot), _town.Keys.Of(KeyUse.Timestamp)]));
        await RecoversBy(newTimestamp: true, newSnapshot: true);
    }

    [Fact]
    public async Task The_policy_key_alone_ships_nothing()
    {
        Assert.Equal("targets-threshold", await Ships([_town.Keys.Of(KeyUse.Policy)]));
        await RecoversBy(newTimestamp: true, newSnapshot: true);
    }

    [Fact]
    public async Task The_policy_key_and_a_captured_gateway_reach_the_MCUs_behind_it_and_no_other()
    {
        // An MCU verifies one signature: whoever owns its gateway needs no second one.
        var policy = _town.Keys.Of(KeyUse.Policy);
        var mcu = new SuitClass("vendor.example", "mcu7-r1", "app");
        var malware = Town.ImageOf("mcu7", "9.9.9");
        Assert.True((await SuitEnvelope.Create(mcu.ManifestOf(9, SHA256.HashData(malware), malware.Length), policy, Town.Token)).TryGet(out var forged, out _));
        Assert.Null(SuitEnvelope.Open(forged, policy.Key).Fault);
        // Not with a lower security version than it has seen, not for another class: it checks both itself. And through an honest gateway not at all.
        Assert.True(SuitEnvelope.Open(forged, policy.Key).TryGet(out var opened, out _));
        Assert.NotEqual((mcu with { Hardware = "mcu7-r2" }).ManifestOf(9, SHA256.HashData(malware), malware.Length), opened.Manifest);
        Assert.Equal("targets-threshold", await Ships([policy]));
        await RecoversBy(newTimestamp: true, newSnapshot: true);
    }

    [Fact]
    public async Task The_whole_function_app_ships_nothing()
    {
        // Its identity: three keys, both containers, the table; and it sends what it likes to its own desk.
        Assert.Equal("targets-threshold", await Ships([_town.Keys.Of(KeyUse.Policy), _town.Keys.Of(KeyUse.Snapshot), _town.Keys.Of(KeyUse.Timestamp)]));
        Assert.Equal("targets-threshold", (await _town.Ceremony(null, await Town.Signed(
            _town.Policies(PeoplePolicy.SinglePerson, 2, ["gw100"], [Town.Alice], version: 2), _town.Keys.Of(KeyUse.Policy), _town.Keys.Of(KeyUse.Snapshot), _town.Keys.Of(KeyUse.Timestamp)))).Fault?.Code);
        await RecoversBy(newTimestamp: true, newSnapshot: true);
    }

    [Fact]
    public async Task An_engineers_key_alone_ships_nothing()
    {
        Assert.Equal("targets-threshold", await Ships([Town.KeyOf(Town.Bob)]));
        await _town.Submit(_town.Upload("2.0.0"));
        Assert.Equal("approval-key-forbidden", (await _town.Approve("gw100@2.0.0", "dddddddd-0000-4000-8000-000000000004", Town.KeyOf(Town.Bob))).Fault?.Code);
        await RecoversBy(newTimestamp: true, newSnapshot: true);
    }

    [Fact]
    public async Task An_engineers_token_alone_proposes_and_publishes_nothing()
    {
        Assert.Null((await _town.Submit(_town.Upload("9.9.9", svn: 9), Town.Bob)).Fault); // noise
        Assert.True(ReleaseId.Parse("gw100@1.1.0").TryGet(out var id, out _));
        Assert.Null((await _town.The<Changing>().Withdraw(id, "noise", Town.Bob, Town.Token)).Fault);
        foreach (var change in new[] { "gw100@9.9.9", "gw100@1.1.0~withdrawal" })
        {
            foreach (var key in new[] { TestKeys.Named("thief"), _town.Keys.Of(KeyUse.Policy) })
                Assert.Equal("approval-key-forbidden", (await _town.Approve(change, Town.Bob, key)).Fault?.Code);
        }
        Assert.Equal("", await _device.Refresh());
        Assert.Equal("target-absent", await _device.Download(Malware));
        await UpdatesNormally();
    }

    [Fact]
    public async Task An_engineers_token_and_key_withdraw_and_do_not_ship_without_another_persons_submission()
    {
        Assert.Null((await _town.Submit(_town.Upload("9.9.9", svn: 9), Town.Bob)).Fault);
        Assert.Equal("approval-submitter-forbidden", (await _town.Approve("gw100@9.9.9", Town.Bob)).Fault?.Code);
        Assert.True(ReleaseId.Parse("gw100@1.1.0").TryGet(out var id, out _));
        Assert.Null((await _town.The<Changing>().Withdraw(id, "denial", Town.Bob, Town.Token)).Fault);
        Assert.Null((await _town.Approve("gw100@1.1.0~withdrawal", Town.Bob)).Fault);
        Assert.Equal("target-absent", await _town.Device().Download(Town.Target("1.1.0")));
        await UpdatesNormally();
    }

    [Fact]
    public async Task Two_engineers_keys_need_the_online_keys_too()
    {
        var role = await MalwareRole(Town.KeyOf(Town.Bob), Town.KeyOf(Town.Carol));
        Serve(("3.gw100.json", role), ("2.gw100.json", role));
        Assert.Equal("target-absent", await _device.Download(Malware)); // no snapshot lists it
        Assert.NotEqual("", await _town.Device().Download(Malware));
        Assert.Equal("metadata-role-conflict", (await _town.Ceremony(null, null, ("gw100", role))).Fault?.Code); // and the pipeline publishes none but renewals
        await UpdatesNormally();
    }

    [Fact]
    public async Task The_pipelines_and_an_engineers_key_ship_to_that_product_and_no_further()
    {
        IDigestSigner[] both = [_town.Keys.Of(KeyUse.Policy), Town.KeyOf(Town.Bob)];
        Assert.Equal("", await Ships(both)); // two people's worth of theft
        // Another product's name in this role: that product's own role answers for it.
        var foreign = await Town.Signed(Draft.Targets(91, Far, new Dictionary<string, TargetFile> { ["gw200/9.9.9/image.bin"] = Entry("gw200") }, []), both);
        await OwnOnline(91, (await Read()).Snapshot.Roles.ToDictionary().With("gw100", MetaFile.Of(91, foreign)), ("91.gw100.json", foreign));
        Assert.Equal("targets-unlisted", await _town.Device().Download("gw200/9.9.9/image.bin"));
        // And the device's own checks stand: hardware, security version.
        Assert.Equal("update-hardware", new DeviceIdentity("gw100", "gw100-r9").Judge(Malware, Entry("gw100"), 1 << 20, 0).Fault?.Code);
        Assert.Equal("update-svn", new DeviceIdentity("gw100", "gw100-r1").Judge(Malware, Entry("gw100", svn: 1), 1 << 20, 2).Fault?.Code);
        await RecoversBy(newTimestamp: true, newSnapshot: true, newPolicy: true);
    }

    [Fact]
    public async Task The_offline_targets_key_needs_the_online_keys_to_be_seen_and_never_signs_a_root()
    {
        var targets = await Town.Signed(_town.Policies(PeoplePolicy.SinglePerson, 2, ["gw100"], [Town.Alice], version: 2), _town.Targets);
        Serve(("2.targets.json", targets), ("1.targets.json", targets));
        Assert.NotEqual("", await _town.Device().Refresh());
        Assert.Equal("root-threshold-old", (await _town.Ceremony(await Town.Signed(_town.RootDraft(2), _town.Targets), null)).Fault?.Code);
        await UpdatesNormally();
    }

    private static DateTimeOffset Far { get; } = Town.Day0.AddDays(30);

    private static Task<byte[]> Timestamp(IDigestSigner key, long version, MetaFile snapshot) => Town.Signed(Draft.Timestamp(version, Far, snapshot), key);

    private static TargetFile Entry(string product, int svn = 9) => new(
        3, Hashes.Of("bad"u8), new Release(product, [$"{product}-r1"], "9.9.9", svn, 64, "", Convert.ToHexStringLower(SHA256.HashData("x"u8)), Far).ToJson());

    private static Task<byte[]> MalwareRole(params IDigestSigner[] signers) =>
        Town.Signed(Draft.Targets(90, Far, new Dictionary<string, TargetFile> { [Malware] = Entry("gw100") }, []), signers);

    /// <summary>The thief ships an image with these keys under the role; snapshot and timestamp are theirs anyway, which is the worst case.</summary>
    private async Task<string> Ships(IDigestSigner[] signers)
    {
        var role = await MalwareRole(signers);
        await OwnOnline(90, (await Read()).Snapshot.Roles.ToDictionary().With("gw100", MetaFile.Of(90, role)), ("90.gw100.json", role), ($"gw100/9.9.9/{Convert.ToHexStringLower(SHA256.HashData("bad"u8))}.image.bin", "bad"u8.ToArray()));
        return await _device.Download(Malware);
    }

    private async Task OwnOnline(long version, Dictionary<string, MetaFile> roles, params (string Name, byte[] Content)[] files)
    {
        var snapshot = await Town.Signed(Draft.Snapshot(version, Far, roles), _town.Keys.Of(KeyUse.Snapshot));
        var timestamp = await Timestamp(_town.Keys.Of(KeyUse.Timestamp), version, MetaFile.Of(version, snapshot));
        Serve([("timestamp.json", timestamp), ($"{version}.snapshot.json", snapshot), .. files]);
    }

    private void Serve(params (string Name, byte[] Content)[] files) => _town.Ota.Mirror = path =>
        files.Where(file => path.EndsWith("/" + file.Name, StringComparison.Ordinal)).Select(file => new TransportAnswer(200, file.Content.Length, 0, new MemoryStream(file.Content))).FirstOrDefault();

    private Task<byte[]> Role(string name) => Task.FromResult(_town.Ota.Metadata[name].Content);

    private async Task<Publication> Read() => (await Publication.Read(_town.Ota, Town.Token)).TryGet(out var publication, out var fault) ? publication : throw new InvalidOperationException(fault.ToString());

    /// <summary>The stolen online keys are replaced by a root; devices forget the thief's versions and go on.</summary>
    private async Task RecoversBy(bool newTimestamp, bool newSnapshot, bool newPolicy = false)
    {
        if (newTimestamp) _town.Keys.Versions[KeyUse.Timestamp].Add(TestKeys.Named("timestamp after theft"));
        if (newSnapshot) _town.Keys.Versions[KeyUse.Snapshot].Add(TestKeys.Named("snapshot after theft"));
        Assert.Null((await _town.Ceremony(await Town.Signed(_town.RootDraft(2), _town.Root), null)).Fault);
        if (newPolicy)
        {
            // Both keys of the role are gone: the pipeline's is replaced, and so is Bob's.
            _town.Keys.Versions[KeyUse.Policy].Add(TestKeys.Named("policy after theft"));
            Assert.True((await _town.The<Changing>().Renew("gw100", "theft", Town.Carol, Town.Token)).TryGet(out var record, out _));
            Assert.True((await _town.The<Views>().Show(record, Town.Token)).TryGet(out var shown, out _));
            Assert.True(FirmwareSigning.Trust.Json.JsonReading.Read(Convert.FromBase64String(shown.Proposal!.Signed!)).TryGet(out var signed, out _));
            var role = await Town.Signed((FirmwareSigning.Trust.Json.JsonObject)signed, Town.KeyOf(Town.Carol));
            var targets = await Town.Signed(_town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100", "gw200"], [Town.Alice, Town.Carol], version: 2), _town.Targets);
            Assert.Null((await _town.Ceremony(null, targets, ("gw100", role))).Fault);
        }
        await UpdatesNormally(newPolicy ? Town.Carol : Town.Bob);
    }

    private async Task UpdatesNormally(string approver = Town.Bob)
    {
        _town.Ota.Mirror = _ => null;
        Assert.Null((await _town.Submit(_town.Upload("3.0.0", svn: 3))).Fault);
        Assert.True((await _town.Approve("gw100@3.0.0", approver)).TryGet(out var published, out var fault), fault?.ToString());
        Assert.Equal(ReleaseState.Published, published.State);
        Assert.Equal("", await _device.Download(Town.Target("3.0.0")));
    }
}

/// <summary>Dictionaries with one entry replaced.</summary>
internal static class DictionaryExtensions
{
    public static Dictionary<string, MetaFile> With(this Dictionary<string, MetaFile> roles, string role, MetaFile file) => new(roles) { [role] = file };
}
