using System.Text.Json.Nodes;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>Offline ceremonies with real files.</summary>
public sealed class CeremonyTests : IDisposable
{
    private const string Dave = "dddddddd-0000-4000-8000-000000000004";
    private const string Erin = "eeeeeeee-0000-4000-8000-000000000005";
    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task Init_makes_a_root_of_M_of_N_that_a_device_trusts_and_says_what_each_holder_keeps()
    {
        // The template is a real ceremony; File.Copy keeps modes.
        var said = await _bench.Init();
        var root = Device().Root;
        Assert.Equal((3, 2), (root.Roles["root"].KeyIds.Count, root.Roles["root"].Threshold));
        Assert.Equal((3, 2), (root.Roles["targets"].KeyIds.Count, root.Roles["targets"].Threshold));
        Assert.Equal(Bench.Day0.AddDays(365), root.Header.Expires);
        Assert.Equal(8, root.Keys.Count); // three root, three targets, two online: no key has two roles
        Assert.Equal(["alice.root.pem", "alice.targets.pem"], said["holders"]![0]!["keeps"]!.AsArray().Select(file => (string?)file));
        var sheet = await File.ReadAllTextAsync(_bench["c/HOLDERS.md"], Bench.Cancel);
        Assert.All(root.Roles["root"].KeyIds, id => Assert.Contains(id, sheet, StringComparison.Ordinal));
        Assert.Contains("1 may be lost", sheet, StringComparison.Ordinal);
        foreach (var holder in new[] { "alice", "bob", "carol" })
        {
            foreach (var role in new[] { "root", "targets" })
            {
                var pem = await File.ReadAllTextAsync(_bench[$"c/{holder}.{role}.pem"], Bench.Cancel);
                Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", pem, StringComparison.Ordinal);
                Assert.True(FileKey.Open(pem, $"correct horse battery {holder}").TryGet(out var key, out _));
                using (key) Assert.Contains(key.Key.KeyId, root.Roles[role].KeyIds);
                Assert.Equal("key-file", FileKey.Open(pem, "another passphrase").Fault?.Code);
                if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_bench[$"c/{holder}.{role}.pem"]));
            }
        }
    }

    [Fact]
    public async Task Init_never_writes_over_a_file()
    {
        await _bench.Init();
        var before = await File.ReadAllBytesAsync(_bench["c/alice.root.pem"], Bench.Cancel);
        Assert.Equal("file-exists", await _bench.Refused(InitArgs("c", 2, "alice", "bob", "carol")));
        Assert.Equal(before, await File.ReadAllBytesAsync(_bench["c/alice.root.pem"], Bench.Cancel));
        Assert.Equal("file-exists", await _bench.Refused(InitArgs("c", 2, "dave", "erin", "frank"))); // 1.root.json is there
        Assert.False(File.Exists(_bench["c/dave.root.pem"]));
    }

    [Theory]
    [InlineData(3, "ceremony-threshold", "alice", "bob")]
    [InlineData(1, "ceremony-threshold", "alice", "bob")]
    [InlineData(2, "ceremony-holders", "alice", "alice")]
    [InlineData(2, "ceremony-holders", "alice", "../bob")]
    [InlineData(2, null, "alice", "bob")]
    public async Task Who_holds_the_root_is_checked(int threshold, string? expected, params string[] holders)
    {
        if (expected is null) await _bench.Json(InitArgs("w", threshold, holders));
        else Assert.Equal(expected, await _bench.Refused(InitArgs("w", threshold, holders)));
        Assert.Equal(expected is null, File.Exists(_bench["w/1.root.json"]));
    }

    [Fact]
    public async Task A_single_holder_must_be_asked_for_by_name()
    {
        Assert.Equal("ceremony-threshold", await _bench.Refused(InitArgs("s", 1, "alice")));
        Assert.Equal(2, await _bench.Run([.. InitArgs("s", 1, "alice"), "--custody", "none"]));
        await _bench.Json([.. InitArgs("s", 1, "alice"), "--custody", "single-holder"]);
        Assert.True(File.Exists(_bench["s/1.root.json"]));
    }

    [Theory]
    [InlineData("fifteen chars..", "passphrase-short")]
    [InlineData("sixteen chars...", null)]
    public async Task A_passphrase_has_sixteen_characters_at_least(string passphrase, string? expected)
    {
        var args = InitArgs("p", 2, "alice", "bob");
        _bench.Passphrase("bob", passphrase);
        if (expected is null) await _bench.Json(args);
        else Assert.Equal(expected, await _bench.Refused(args));
    }

    [Fact]
    public async Task A_person_types_the_passphrase_twice_and_a_script_without_one_is_told_so()
    {
        var args = InitArgs("t", 2, "alice", "bob")[..^4];
        Assert.Equal("passphrase-missing", await _bench.Refused(args));
        _bench.Interactive = true;
        foreach (var typed in new[] { "correct horse battery", "correct horse battery", "another horse battery", "mistyped horse battery" }) _bench.Typed.Enqueue(typed);
        Assert.Equal("passphrase-mismatch", await _bench.Refused(args));
        foreach (var typed in new[] { "correct horse battery", "correct horse battery", "another horse battery", "another horse battery" }) _bench.Typed.Enqueue(typed);
        await _bench.Json(args);
    }

    [Fact]
    public async Task One_key_for_two_roles_is_refused()
    {
        var args = InitArgs("k", 2, "alice", "bob");
        File.Copy(_bench["snapshot.pem"], _bench["timestamp.pem"], overwrite: true);
        Assert.Equal("ceremony-key-twice", await _bench.Refused(args));
    }

    [Fact]
    public async Task A_file_that_is_no_public_key_is_refused()
    {
        var args = InitArgs("k", 2, "alice", "bob");
        await File.WriteAllTextAsync(_bench["timestamp.pem"], "hello", Bench.Cancel);
        Assert.Equal("public-key", await _bench.Refused(args));
        await File.WriteAllBytesAsync(_bench["timestamp.pem"], new byte[(64 * 1024) + 1], Bench.Cancel);
        Assert.Equal("file-size", await _bench.Refused(args));
        File.Delete(_bench["timestamp.pem"]);
        Assert.Equal("file-missing", await _bench.Refused(args));
    }

    [Fact]
    public async Task A_dry_run_writes_nothing()
    {
        await _bench.Json([.. InitArgs("d", 2, "alice", "bob"), "--dry-run"]);
        Assert.False(System.IO.Directory.Exists(_bench["d"]));
        await _bench.Init();
        await _bench.Json(["rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["r"], "--dry-run", .. _bench.Signing("root", "alice", "bob")]);
        Assert.False(System.IO.Directory.Exists(_bench["r"]));
    }

    [Fact]
    public async Task Holders_sign_the_next_root_in_turn_and_devices_follow()
    {
        await _bench.Init();
        using var online = _bench.PublicKey("timestamp2.pem");
        var first = await _bench.Json(["rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["r"], "--timestamp", _bench["timestamp2.pem"], .. _bench.Signing("root", "alice")]);
        Assert.False((bool)first["complete"]!);
        Assert.EndsWith("2.root.draft.json", (string?)first["file"], StringComparison.Ordinal);
        Assert.False(File.Exists(_bench["r/2.root.json"]));
        // The same holder again changes nothing.
        Assert.False((bool)(await _bench.Json(["sign", _bench["r/2.root.draft.json"], "--root", _bench["c/1.root.json"], .. _bench.Signing("root", "alice")]))["complete"]!);
        var second = await _bench.Json(["sign", _bench["r/2.root.draft.json"], "--root", _bench["c/1.root.json"], .. _bench.Signing("root", "carol")]);
        Assert.True((bool)second["complete"]!);
        Assert.False(File.Exists(_bench["r/2.root.draft.json"]));

        var device = Device();
        Assert.True(device.TakeRoot(await File.ReadAllBytesAsync(_bench["r/2.root.json"], Bench.Cancel)).TryGet(out var root, out var fault), fault?.ToString());
        Assert.Equal([online.Key.KeyId], root.Roles["timestamp"].KeyIds);
    }

    [Fact]
    public async Task A_holder_leaves_another_joins_and_both_roots_thresholds_are_needed()
    {
        await _bench.Init();
        var alice = Device().Root.Roles["root"].KeyIds[0];
        var targets = Device().Root.Roles["targets"].KeyIds[0];
        string[] args = [
            "rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["c"], "--remove-key", alice[..12], targets[..12], "--new-holder", "dave", "--passphrase-file", _bench.Passphrase("dave")];
        var drafted = await _bench.Json([.. args, .. _bench.Signing("root", "bob")]);
        // Of the old root bob; of the new one bob and dave, who signs with the key just made.
        Assert.Equal(["1/2", "2/2"], drafted["signatures"]!.AsArray().Select(need => $"{need!["have"]}/{need["need"]}"));
        Assert.True((bool)(await _bench.Json(["sign", _bench["c/2.root.draft.json"], "--root", _bench["c/1.root.json"], .. _bench.Signing("root", "alice")]))["complete"]!);

        var device = Device();
        Assert.True(device.TakeRoot(await File.ReadAllBytesAsync(_bench["c/2.root.json"], Bench.Cancel)).TryGet(out var root, out var fault), fault?.ToString());
        Assert.DoesNotContain(alice, root.Roles["root"].KeyIds);
        Assert.Equal((3, 2), (root.Roles["targets"].KeyIds.Count, root.Roles["targets"].Threshold));
        // The targets role must now be signed by those who hold it under the new root.
        string[] renew = ["renew-targets", "--root", _bench["c/2.root.json"], "--targets", _bench["c/1.targets.json"], "--out", _bench["n"]];
        Assert.Equal("ceremony-key-foreign", await _bench.Refused([.. renew, .. _bench.Signing("targets", "alice", "bob")]));
        Assert.True((bool)(await _bench.Json([.. renew, .. _bench.Signing("targets", "bob", "dave")]))["complete"]!);
    }

    [Theory]
    [InlineData("--remove-key", "0000000000000000", "ceremony-key-unknown")]
    [InlineData("--remove-key", "", "ceremony-key-unknown")] // every keyid begins with nothing
    [InlineData("--threshold", "4", "ceremony-threshold")]
    [InlineData("--threshold", "1", "ceremony-threshold")]
    [InlineData("--targets-threshold", "4", "ceremony-threshold")]
    public async Task A_root_that_could_not_work_is_refused_before_anybody_signs(string option, string value, string expected)
    {
        await _bench.Init();
        Assert.Equal(expected, await _bench.Refused(["rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["r"], option, value, .. _bench.Signing("root", "alice", "bob")]));
        Assert.False(System.IO.Directory.Exists(_bench["r"]));
    }

    [Fact]
    public async Task A_root_not_made_here_with_several_online_keys_asks_which_one_stays()
    {
        using var keys = new Disposables<FileKey>(Enumerable.Range(0, 5).Select(_ => FileKey.Create()));
        var draft = Draft.Root(1, Bench.Day0.AddDays(9), new Dictionary<string, RoleDraft>
        {
            ["root"] = new([keys[0].Key], 1),
            ["targets"] = new([keys[1].Key], 1),
            ["snapshot"] = new([keys[2].Key, keys[3].Key], 1),
            ["timestamp"] = new([keys[4].Key], 1),
        });
        Assert.True((await SignedFile.Create(draft, [keys[0]], Bench.Cancel)).TryGet(out var file, out _));
        await File.WriteAllBytesAsync(_bench["foreign.json"], file, Bench.Cancel);
        Assert.Equal("ceremony-online-keys", await _bench.Refused("rotate-root", "--root", _bench["foreign.json"], "--out", _bench["r"], "--custody", "single-holder"));
    }

    [Fact]
    public async Task A_draft_that_does_not_follow_the_root_given_is_refused()
    {
        await _bench.Init();
        await _bench.Json(["rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["c"], .. _bench.Signing("root", "alice", "bob")]);
        await _bench.Json(["rotate-root", "--root", _bench["c/2.root.json"], "--out", _bench["c"], .. _bench.Signing("root", "alice")]);
        Assert.Equal("root-version", await _bench.Refused(["sign", _bench["c/3.root.draft.json"], "--root", _bench["c/1.root.json"], .. _bench.Signing("root", "bob")]));
        Assert.Equal("metadata-type", await _bench.Refused(["sign", await Timestamp(), "--root", _bench["c/1.root.json"], .. _bench.Signing("root", "bob")]));
    }

    [Fact]
    public async Task Nobody_signs_what_was_not_confirmed()
    {
        await _bench.Init();
        string[] args = ["rotate-root", "--root", _bench["c/1.root.json"], "--out", _bench["r"], .. _bench.Signing("root", "alice", "bob")];
        _bench.Typed.Enqueue("sign"); // from a pipe: nobody sits there
        Assert.Equal(130, await _bench.Run(args));
        _bench.Typed.Clear();
        _bench.Interactive = true;
        _bench.Typed.Enqueue("no");
        Assert.Equal(130, await _bench.Run(args));
        Assert.Contains("not-confirmed", _bench.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(_bench["r/2.root.json"]));
        _bench.Typed.Enqueue("sign");
        Assert.Equal(0, await _bench.Run(args));
        Assert.True(File.Exists(_bench["r/2.root.json"]));
    }

    [Fact]
    public async Task A_product_names_the_pipelines_key_and_each_approvers()
    {
        await _bench.Init();
        using var pipeline = _bench.PublicKey("pipeline.pem");
        using var dave = _bench.PublicKey("dave.pem");
        using var erin = _bench.PublicKey("erin.pem");
        await AddProduct("2", $"{Dave}={_bench["dave.pem"]}", $"{Erin}={_bench["erin.pem"]}");
        var policy = Policies("c/2.targets.json")["gw100"];
        Assert.Equal(PeoplePolicy.TwoPerson, policy.People);
        Assert.Equal(["gw100-r1", "gw100-r2"], policy.Hardware);
        Assert.Equal(pipeline.Key.KeyId, policy.Pipeline);
        Assert.Equal(new Dictionary<string, string> { [dave.Key.KeyId] = Dave, [erin.Key.KeyId] = Erin }, policy.Approvers);
        Assert.Equal(2, policy.Threshold);
        Assert.True(Device().Root.Vouches("targets", Read("c/2.targets.json")));

        Assert.Equal("product-exists", await _bench.Refused(ProductArgs("gw100", "c/2.targets.json", "2", $"{Dave}={_bench["dave.pem"]}")));
        await _bench.Json(ProductArgs("mcu7", "c/2.targets.json", "2", $"{Dave}={_bench["dave.pem"]}"));
        Assert.Equal(["gw100", "mcu7"], Policies("c/3.targets.json").Keys.Order(StringComparer.Ordinal)); // the first one stays
    }

    [Fact]
    public async Task A_product_that_one_stolen_key_could_ship_is_refused()
    {
        await _bench.Init();
        using var pipeline = _bench.PublicKey("pipeline.pem");
        using var dave = _bench.PublicKey("dave.pem");
        File.Copy(_bench["pipeline.pem"], _bench["copy.pem"]);
        Assert.Equal("ceremony-key-twice", await _bench.Refused(ProductArgs("gw100", "c/1.targets.json", "2", $"{Dave}={_bench["copy.pem"]}")));
        Assert.Equal(2, await _bench.Run(ProductArgs("gw100", "c/1.targets.json", "1", $"{Dave}={_bench["dave.pem"]}")));
        Assert.Equal("policy-people", await _bench.Refused(ProductArgs("gw100", "c/1.targets.json", "3", $"{Dave}={_bench["dave.pem"]}")));
        Assert.Equal("policy-people", await _bench.Refused(ProductArgs("gw100", "c/1.targets.json", "2", $"dave={_bench["dave.pem"]}"))); // no object id
        Assert.Equal("pair", await _bench.Refused(ProductArgs("gw100", "c/1.targets.json", "2", _bench["dave.pem"])));
        Assert.Equal("product-name", await _bench.Refused(ProductArgs("targets", "c/1.targets.json", "2", $"{Dave}={_bench["dave.pem"]}"))); // would hide a top-level role
        Assert.Equal("product-name", await _bench.Refused(ProductArgs("GW100", "c/1.targets.json", "2", $"{Dave}={_bench["dave.pem"]}")));
        Assert.Equal("policy-hardware", await _bench.Refused([.. ProductArgs("gw100", "c/1.targets.json", "2", $"{Dave}={_bench["dave.pem"]}"), "--hardware", "gw100-r1"]));
    }

    [Fact]
    public async Task A_single_person_policy_is_asked_for_by_name_and_shown()
    {
        await _bench.Init();
        using var pipeline = _bench.PublicKey("pipeline.pem");
        using var dave = _bench.PublicKey("dave.pem");
        await _bench.Json([.. ProductArgs("gw100", "c/1.targets.json", "2", $"{Dave}={_bench["dave.pem"]}"), "--policy", "single-person"]);
        Assert.Equal(0, await _bench.Run("inspect", _bench["c/2.targets.json"], "--root", _bench["c/1.root.json"]));
        Assert.Contains("single-person", _bench.Output, StringComparison.Ordinal);
        Assert.Contains("enough signatures", _bench.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_revoked_key_leaves_every_product_and_another_may_take_its_place()
    {
        await _bench.Init();
        using var pipeline = _bench.PublicKey("pipeline.pem");
        using var dave = _bench.PublicKey("dave.pem");
        using var erin = _bench.PublicKey("erin.pem");
        await AddProduct("2", $"{Dave}={_bench["dave.pem"]}", $"{Erin}={_bench["erin.pem"]}");
        await _bench.Json(ProductArgs("mcu7", "c/2.targets.json", "2", $"{Dave}={_bench["dave.pem"]}"));
        string[] Args(string folder) => ["revoke", "key", dave.Key.KeyId[..10], "--root", _bench["c/1.root.json"], "--targets", _bench["c/3.targets.json"], "--out", _bench[folder], .. _bench.Signing("targets", "alice", "bob")];

        Assert.Equal("policy-people", await _bench.Refused(Args("x"))); // mcu7 would have nobody left
        using var new_ = _bench.PublicKey("dave2.pem");
        var said = await _bench.Json([.. Args("y"), "--replace", $"{Dave}={_bench["dave2.pem"]}"]);
        Assert.Equal(["gw100", "mcu7"], said["products"]!.AsArray().Select(one => (string?)one));
        var after = Policies("y/4.targets.json");
        Assert.Equal(new Dictionary<string, string> { [erin.Key.KeyId] = Erin, [new_.Key.KeyId] = Dave }, after["gw100"].Approvers);
        Assert.All(after.Values, policy => Assert.DoesNotContain(dave.Key.KeyId, policy.Keys.Keys));
        // Offline and online keys are not an approver's: they are rotated.
        Assert.Equal("ceremony-key-unknown", await _bench.Refused(["revoke", "key", pipeline.Key.KeyId, .. Args("z")[3..]]));
        Assert.Equal("ceremony-key-unknown", await _bench.Refused(["revoke", "key", dave.Key.KeyId[..7], .. Args("z")[3..]]));
    }

    private async Task<string> Timestamp()
    {
        using var key = FileKey.Create();
        var draft = Draft.Timestamp(1, Bench.Day0, MetaFile.Of(1, "x"u8));
        Assert.True((await SignedFile.Create(draft, [key], Bench.Cancel)).TryGet(out var file, out _));
        await File.WriteAllBytesAsync(_bench["timestamp.json"], file, Bench.Cancel);
        return _bench["timestamp.json"];
    }

    private TrustedMetadata Device() =>
        TrustedMetadata.Begin(File.ReadAllBytes(_bench["c/1.root.json"]), Bench.Day0).TryGet(out var trusted, out var fault) ? trusted : throw new InvalidOperationException(fault.ToString());

    private Envelope Read(string file) => Envelope.Read(File.ReadAllBytes(_bench[file])).TryGet(out var envelope, out var fault) ? envelope : throw new InvalidOperationException(fault.ToString());

    private IReadOnlyDictionary<string, ProductPolicy> Policies(string file)
    {
        var signed = Read(file).Signed;
        Assert.True(Targets.Parse(signed).TryGet(out var targets, out _));
        Assert.True(ProductPolicy.ReadAll(signed, targets).TryGet(out var policies, out var fault), fault?.ToString());
        return policies;
    }

    private Task<JsonObject> AddProduct(string threshold, params string[] approvers) => _bench.Json(ProductArgs("gw100", "c/1.targets.json", threshold, approvers));

    private string[] ProductArgs(string product, string targets, string threshold, params string[] approvers) =>
    [
        "add-product", "--root", _bench["c/1.root.json"], "--targets", _bench[targets], "--out", _bench["c"], "--product", product, "--hardware", $"{product}-r1", $"{product}-r2".ToLowerInvariant(),
        "--pipeline", _bench["pipeline.pem"], "--approver", .. approvers, "--threshold", threshold, .. _bench.Signing("targets", "alice", "bob"),
    ];

    private string[] InitArgs(string folder, int threshold, params string[] holders)
    {
        using var snapshot = _bench.PublicKey("snapshot.pem");
        using var timestamp = _bench.PublicKey("timestamp.pem");
        return [
            "init", "--out", _bench[folder], "--threshold", $"{threshold}", "--snapshot", _bench["snapshot.pem"], "--timestamp", _bench["timestamp.pem"], .. holders.SelectMany(holder => new[] { "--holder", holder }),
            .. holders.Distinct().Where(holder => !holder.Contains('/', StringComparison.Ordinal)).SelectMany(holder => new[] { "--passphrase-file", _bench.Passphrase(holder) })];
    }
}

/// <summary>Things that are dropped together.</summary>
internal sealed class Disposables<T>(IEnumerable<T> all) : List<T>(all), IDisposable
    where T : IDisposable
{
    public void Dispose() => ForEach(one => one.Dispose());
}
