using System.Security.Cryptography;
using Serverless.Local;
using Serverless.Local.Identity;
using Serverless.Local.Processes;

[assembly: AssemblyFixture(typeof(Serverless.ReleaseCommand.Tests.ReleaseDay))]

namespace Serverless.ReleaseCommand.Tests;

/// <summary>A local cloud with the real Firmware app, two release engineers with keys in the vault, and a repository that a ceremony began; started when
/// first asked for.</summary>
public sealed class ReleaseDay : IAsyncDisposable
{
    private readonly Lazy<Task> _started;
    private readonly Bench _bench = new() { Clock = TimeProvider.System };
    private int _targets = 2;

    public ReleaseDay() => _started = new Lazy<Task>(Start);

    public LocalCloud Cloud { get; private set; } = null!;

    /// <summary>Profile of who submits.</summary>
    public string Engineer { get; private set; } = "";

    /// <summary>Profile of who approves.</summary>
    public string Approver { get; private set; } = "";

    /// <summary>The approver's key that the product's policy names, with its version.</summary>
    public string ApproverKey { get; private set; } = "";

    /// <summary>Profile of who only looks.</summary>
    public string Ops { get; private set; } = "";

    /// <summary>The root devices are born with.</summary>
    public string Root => _bench["c/1.root.json"];

    /// <summary>Waits for everything; skips the test only where there is no Node, which storage runs on.</summary>
    public async Task Ready()
    {
        try
        {
            await _started.Value;
        }
        catch (LocalCloudException missing) when (missing.Message.Contains("Node", StringComparison.Ordinal))
        {
            Assert.Skip($"SKIPPED: {missing.Message} fwsign was NOT tried against the Firmware app");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Cloud is not null) await Cloud.DisposeAsync();
        _bench.Dispose();
    }

    private async Task Start()
    {
        Cloud = await LocalCloud.Start(new LocalCloudOptions(), TimeProvider.System, CancellationToken.None);
        await Cloud.StartApp("firmware", new Dictionary<string, string>
        {
            ["Firmware__blobServiceUri"] = Cloud.Storage.BlobServiceUri.ToString(),
            ["Ota__blobServiceUri"] = Cloud.Storage.BlobServiceUri.ToString(),
        }, CancellationToken.None);
        (Engineer, Approver, Ops) = (Profile(LocalTenant.ReleaseEngineer), Profile(LocalTenant.ReleaseApprover), Profile(LocalTenant.Ops));
        await Begin();
        // Now that there is a root, approvals are compared with what is published.
        (Engineer, Approver, Ops) = (Profile(LocalTenant.ReleaseEngineer), Profile(LocalTenant.ReleaseApprover), Profile(LocalTenant.Ops));
    }

    // From nothing to a repository with one product, with nothing but the command line.
    private async Task Begin()
    {
        foreach (var (profile, key) in new[] { (Ops, "tuf-snapshot"), (Ops, "tuf-timestamp"), (Ops, "tuf-policy"), (Engineer, "release-engineer"), (Approver, "release-approver") })
        {
            var exported = await _bench.Json("export-key", "--profile", profile, "--key", key, "--out", _bench[key + ".pem"]);
            if (key == "release-approver") ApproverKey = NameAndVersion((string)exported["key"]!);
        }
        string[] holders = ["--passphrase-file", _bench.Passphrase("alice"), _bench.Passphrase("bob")];
        await _bench.Json(["init", "--out", _bench["c"], "--holder", "alice", "bob", "--threshold", "2", "--snapshot", _bench["tuf-snapshot.pem"], "--timestamp", _bench["tuf-timestamp.pem"], .. holders]);
        await _bench.Json([
            "add-product", "--root", Root, "--targets", _bench["c/1.targets.json"], "--out", _bench["c"], "--product", "gw100", "--hardware", "gw100-r1", "gw100-r2", "--pipeline", _bench["tuf-policy.pem"],
            "--approver", $"{LocalTenant.ReleaseEngineer.ObjectId}={_bench["release-engineer.pem"]}", $"{LocalTenant.ReleaseApprover.ObjectId}={_bench["release-approver.pem"]}",
            "--key", _bench["c/alice.targets.pem"], _bench["c/bob.targets.pem"], .. holders]);
        await _bench.Json("publish", "--profile", Approver, "--root", Root, "--targets", _bench["c/2.targets.json"]);
    }

    /// <summary>A product more, by a ceremony of its own, and for it a key more of the approver.</summary>
    /// <returns>That key, with its version.</returns>
    /// <param name="product">Product id.</param>
    /// <param name="options">Further options of <c>add-product</c>.</param>
    public async Task<string> AddProduct(string product, params string[] options)
    {
        if (!Cloud.KeyVault.Rotate("release-approver").TryGet(out var next, out var fault)) throw new InvalidOperationException(fault.ToString());
        await _bench.Json("export-key", "--profile", Approver, "--key", NameAndVersion(next), "--out", _bench[product + ".pem"]);
        await _bench.Json([
            "add-product", "--root", Root, "--targets", _bench[$"c/{_targets}.targets.json"], "--out", _bench["c"], "--product", product, "--hardware", $"{product}-r1", "--pipeline", _bench["tuf-policy.pem"],
            "--approver", $"{LocalTenant.ReleaseEngineer.ObjectId}={_bench["release-engineer.pem"]}", $"{LocalTenant.ReleaseApprover.ObjectId}={_bench[product + ".pem"]}", .. options, .. Holders()]);
        _targets++;
        await _bench.Json("publish", "--profile", Approver, "--targets", _bench[$"c/{_targets}.targets.json"]);
        return NameAndVersion(next);
    }

    /// <summary>The targets role without the key that <see cref="AddProduct"/> made, not yet published.</summary>
    /// <returns>The file.</returns>
    public async Task<string> RevokeKey(string product)
    {
        var keyId = (string)(await _bench.Json("inspect", _bench[product + ".pem"]))["keyId"]!;
        var made = await _bench.Json([
            "revoke", "key", keyId[..16], "--root", Root, "--targets", _bench[$"c/{_targets}.targets.json"], "--out", _bench["c"], .. Holders()]);
        Assert.Equal([product], made["products"]!.AsArray().Select(one => (string?)one)); // others keep theirs
        _targets++;
        return (string)made["file"]!;
    }

    private static string NameAndVersion(string id) => string.Join('/', id.Split('/')[^2..]);

    private string[] Holders() =>
        ["--key", _bench["c/alice.targets.pem"], _bench["c/bob.targets.pem"], "--passphrase-file", _bench.Passphrase("alice"), _bench.Passphrase("bob")];

    /// <summary>A profile of anybody.</summary>
    public string Profile(Principal person) => ReleaseProfile.Write(Cloud, person, _bench["profiles"], File.Exists(Root) ? Root : null);
}

/// <summary>The command line against the real Firmware app, vault and storage of the local cloud.</summary>
public sealed class ReleaseDayTests(ReleaseDay day) : IDisposable
{
    private readonly Bench _bench = new() { Clock = TimeProvider.System };

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_release_is_submitted_approved_verified_as_a_device_would_and_taken_back()
    {
        await day.Ready();
        var (image, sha256) = await Image("image.bin", 9_000_000); // three blocks
        var dry = await _bench.Json([.. SubmitArgs("1.0.0", image), "--dry-run"]);
        Assert.Equal(sha256, (string?)dry["sha256"]);

        var submitted = await _bench.Json(SubmitArgs("1.0.0", image));
        Assert.Equal("proposed", (string?)submitted["state"]);
        Assert.Equal(sha256, (string?)submitted["image"]!["sha256"]);
        Assert.Equal("gw100@1.0.0", (string?)(await _bench.Json(SubmitArgs("1.0.0", image)))["id"]); // the same again is the same release

        // Neither the submitter, nor somebody else with the submitter's key.
        Assert.Equal("approval-key-forbidden", await _bench.Refused(Approve(day.Engineer, "gw100@1.0.0", "release-engineer")));
        Assert.Equal("key-forbidden", await _bench.Refused(Approve(day.Approver, "gw100@1.0.0", "release-engineer")));
        Assert.Equal("key-forbidden", await _bench.Refused(Approve(day.Ops, "gw100@1.0.0", day.ApproverKey)));

        var shown = await _bench.Json([.. Approve(day.Approver, "gw100@1.0.0", day.ApproverKey), "--dry-run"]);
        Assert.True((bool)shown["compared"]!);
        Assert.Equal(["added gw100/1.0.0/image.bin"], shown["changes"]!.AsArray().Select(change => $"{change!["change"]} {change["target"]}"));
        var (other, _) = await Image("other.bin", 9_000_000);
        Assert.Equal("proposal-image", await _bench.Refused([.. Approve(day.Approver, "gw100@1.0.0", day.ApproverKey), "--image", other]));
        var approved = await _bench.Json([.. Approve(day.Approver, "gw100@1.0.0", day.ApproverKey), "--image", image, "--wait"]);
        Assert.Equal("published", (string?)approved["state"]);

        var verified = await _bench.Json(Verify(image, "gw100-r1"));
        Assert.Equal("1.0.0", (string?)verified["release"]!["version"]);
        Assert.Equal("target-hash", await _bench.Refused(Verify(other, "gw100-r1")));
        Assert.Equal("update-hardware", await _bench.Refused(Verify(image, "gw100-r9")));
        Assert.Equal("update-svn", await _bench.Refused([.. Verify(image, "gw100-r1"), "--svn-min", "4"]));
        Assert.Equal("update-slot", await _bench.Refused([.. Verify(image, "gw100-r1"), "--slot-bytes", "8999999"]));

        var status = await _bench.Json("status", "--profile", day.Ops);
        Assert.Equal("published", status["releases"]!.AsArray().Where(one => (string?)one!["id"] == "gw100@1.0.0").Select(one => (string?)one!["state"]).Single());
        Assert.Equal("two-person", (string?)status["products"]![0]!["policy"]);
        Assert.Null(status["releases"]![0]!["proposal"]?["signed"]); // nobody signs what a status said
        Assert.Equal(0, await _bench.Run("status", "--profile", day.Ops));
        Assert.Contains("role timestamp", _bench.Output, StringComparison.Ordinal);

        var withdrawal = await _bench.Json("revoke", "release", "gw100@1.0.0", "--profile", day.Engineer, "--reason", "CVE");
        Assert.Equal("gw100@1.0.0~withdrawal", (string?)withdrawal["id"]);
        Assert.Equal("published", (string?)(await _bench.Json([.. Approve(day.Engineer, "gw100@1.0.0~withdrawal", "release-engineer"), "--wait"]))["state"]); // one person may stop
        Assert.Equal("target-absent", await _bench.Refused(Verify(image, "gw100-r1")));
    }

    [Fact]
    public async Task A_stolen_approvers_key_is_revoked_and_devices_go_on()
    {
        await day.Ready();
        var stolen = await day.AddProduct("mcu7", "--suit-vendor", "vendor.example");
        var (image, _) = await Image("mcu7.bin", 1000);
        await _bench.Json([.. SubmitArgs("1.0.0", image, product: "mcu7")]);
        var shown = await _bench.Json([.. Approve(day.Approver, "mcu7@1.0.0", stolen), "--dry-run"]);
        Assert.Equal(["mcu7/1.0.0/mcu7.bin", "mcu7/1.0.0/mcu7.bin.mcu7-r1.suit"], shown["changes"]!.AsArray().Select(change => (string?)change!["target"]).Order(StringComparer.Ordinal));
        await _bench.Json([.. Approve(day.Approver, "mcu7@1.0.0", stolen), "--wait"]);
        await AgreesWithExportSuit(image);

        // Gone from the policy, and what it had signed is signed again by the other approver: one publication.
        var targets = await day.RevokeKey("mcu7");
        await _bench.Json("renew", "mcu7", "--reason", "stolen key", "--profile", day.Approver);
        await _bench.Json([.. Approve(day.Engineer, "mcu7~renewal", "release-engineer"), "--out", _bench["mcu7.json"]]);
        await _bench.Json("publish", "--profile", day.Approver, "--targets", targets, "--role", $"mcu7={_bench["mcu7.json"]}");
        await _bench.Json("verify", image, "--target", "mcu7/1.0.0/mcu7.bin", "--hardware", "mcu7-r1", "--profile", day.Ops, "--metadata-dir", _bench["device"]);

        await _bench.Json([.. SubmitArgs("1.1.0", image, product: "mcu7")]);
        Assert.Equal("approval-key-forbidden", await _bench.Refused(Approve(day.Approver, "mcu7@1.1.0", stolen)));
    }

    // What `export-suit` writes for an image, and what the pipeline published for it, say the same; only the signature is another's.
    private async Task AgreesWithExportSuit(string image)
    {
        var container = day.Cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("ota");
        var status = await _bench.Json("status", "mcu7@1.0.0", "--profile", day.Ops);
        var digest = (string?)status["proposal"]!["envelopes"]![0]!["sha256"];
        var published = await container.GetBlobClient($"targets/mcu7/1.0.0/{digest}.mcu7.bin.mcu7-r1.suit").DownloadContentAsync(Bench.Cancel);
        await File.WriteAllBytesAsync(_bench["published.suit"], published.Value.Content.ToArray(), Bench.Cancel);
        await _bench.Json(
            "export-suit", image, "--out", _bench["exported.suit"], "--vendor", "vendor.example", "--class", "mcu7-r1", "--sequence", "3", "--key", "release-engineer", "--profile", day.Engineer);
        await _bench.Json("export-key", "--profile", day.Ops, "--key", "tuf-policy", "--out", _bench["pinned.pem"]);
        await _bench.Json("export-key", "--profile", day.Engineer, "--key", "release-engineer", "--out", _bench["own.pem"]);
        var theirs = await _bench.Json("inspect", _bench["published.suit"], "--suit-key", _bench["pinned.pem"]);
        var ours = await _bench.Json("inspect", _bench["exported.suit"], "--suit-key", _bench["own.pem"]);
        Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(ours, theirs), $"{ours} {theirs}");
        Assert.Equal("suit-signature", await _bench.Refused("inspect", _bench["published.suit"], "--suit-key", _bench["own.pem"]));
    }

    [Theory]
    [InlineData("--release-version", "not a version", "release-version")]
    [InlineData("--hardware", "foreign-1", "hardware-foreign")]
    [InlineData("--product", "gw999", "product-unknown")]
    [InlineData("--product", "GW100", "release-id")]
    [InlineData("--support-until", "soon", "expires-format")]
    [InlineData("--slot-bytes", "1", "image-size")]
    public async Task A_wrong_submission_is_refused_with_its_code(string option, string value, string expected)
    {
        await day.Ready();
        var (image, _) = await Image("wrong.bin", 1000);
        var args = SubmitArgs("9.0.1", image).ToList();
        var at = args.IndexOf(option);
        if (at < 0) args.AddRange([option, value]);
        else args[at + 1] = value;
        Assert.Equal(expected, await _bench.Refused([.. args]));
    }

    [Fact]
    public async Task Who_may_not_upload_is_told_so()
    {
        await day.Ready();
        var (image, _) = await Image("forbidden.bin", 1000);
        var args = SubmitArgs("9.0.3", image);
        args[3] = day.Profile(LocalTenant.Telemetry);
        Assert.Equal("blob-forbidden", await _bench.Refused(args));
    }

    [Fact]
    public async Task Publishing_nothing_and_verifying_nowhere_are_refused()
    {
        await day.Ready();
        Assert.Equal("publish-nothing", await _bench.Refused("publish", "--profile", day.Approver));
        var (image, _) = await Image("nowhere.bin", 10);
        Assert.Equal("repository-url", await _bench.Refused("verify", image, "--target", "gw100/1.0.0/x", "--hardware", "gw100-r1", "--metadata-url", "ftp://x/", "--root", day.Root));
        Assert.Equal("target-name", await _bench.Refused("verify", image, "--target", "image.bin", "--hardware", "gw100-r1", "--profile", day.Ops));
    }

    [Fact]
    public async Task A_broken_bill_of_materials_is_refused_by_the_pipeline()
    {
        await day.Ready();
        var (image, _) = await Image("sbomless.bin", 1000);
        await File.WriteAllTextAsync(_bench["sbom.json"], "{}", Bench.Cancel);
        Assert.Equal("sbom-format", await _bench.Refused(SubmitArgs("9.0.2", image, sbom: "{}")));
    }

    [Fact]
    public async Task A_key_of_the_vault_signs_a_SUIT_envelope()
    {
        await day.Ready();
        var (image, sha256) = await Image("mcu.bin", 5000);
        await _bench.Json("export-key", "--profile", day.Engineer, "--key", "release-engineer", "--out", _bench["engineer.pem"]);
        await _bench.Json(
            "export-suit", image, "--out", _bench["mcu.suit"], "--vendor", "vendor.example", "--class", "mcu7", "--sequence", "3", "--key", "release-engineer", "--profile", day.Engineer);
        var seen = await _bench.Json("inspect", _bench["mcu.suit"], "--suit-key", _bench["engineer.pem"]);
        Assert.Equal((3, sha256), ((int)seen["sequence"]!, (string?)seen["imageSha256"]));
        using var stranger = _bench.PublicKey("stranger.pem");
        Assert.Equal("suit-signature", await _bench.Refused("inspect", _bench["mcu.suit"], "--suit-key", _bench["stranger.pem"]));
        Assert.Equal("suit-key", await _bench.Refused("inspect", _bench["mcu.suit"]));
    }

    private static string[] Approve(string profile, string id, string key) => ["approve", id, "--key", key, "--profile", profile];

    private string[] Verify(string image, string hardware) =>
        ["verify", image, "--target", "gw100/1.0.0/image.bin", "--hardware", hardware, "--profile", day.Ops, "--metadata-dir", _bench["device"]];

    private string[] SubmitArgs(string version, string image, string? sbom = null, string product = "gw100")
    {
        File.WriteAllText(_bench["sbom.json"], sbom ?? """{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"zlib","version":"1.3"}]}""");
        return [
            "submit", image, "--profile", day.Engineer, "--product", product, "--release-version", version, "--hardware", $"{product}-r1", "--svn", "3", "--sbom", _bench["sbom.json"],
            "--support-until", "2031-01-01", "--notes", "first\nrelease", "--wait"];
    }

    private async Task<(string Path, string Sha256)> Image(string name, int bytes)
    {
        var content = new byte[bytes];
        new Random(BitConverter.ToInt32(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)))).NextBytes(content);
        await File.WriteAllBytesAsync(_bench[name], content, Bench.Cancel);
        return (_bench[name], Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
