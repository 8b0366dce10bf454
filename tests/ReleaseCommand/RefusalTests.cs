using Serverless.FirmwareSigning.ReleaseCommand.Commands;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>What is refused before anybody is asked: these run with a profile of the cloud and without a network.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("image.bin", "sbom.json", "5", null)]
    [InlineData("image.bin", "sbom.json", "4", "image-size")] // the slot must hold it
    [InlineData("none.bin", "sbom.json", "5", "file-missing")]
    [InlineData(".image", "sbom.json", "5", "target-name")]
    [InlineData("image.bin", "none.json", "5", "file-missing")]
    [InlineData("image.bin", ".sbom", "5", "target-name")]
    [InlineData("empty.bin", "sbom.json", "5", "image-size")]
    public async Task A_submission_is_judged_before_a_byte_is_sent(string image, string sbom, string slot, string? code)
    {
        foreach (var name in new[] { "image.bin", ".image" }) await File.WriteAllTextAsync(_bench[name], "image", Bench.Cancel);
        foreach (var name in new[] { "sbom.json", ".sbom" }) await File.WriteAllTextAsync(_bench[name], "{}", Bench.Cancel);
        await File.WriteAllTextAsync(_bench["empty.bin"], "", Bench.Cancel);
        string[] args = [
            "submit", _bench[image], "--profile", await Profile(), "--product", "gw100", "--release-version", "1.0.0", "--hardware", "gw100-r1", "--svn", "1", "--sbom", _bench[sbom],
            "--support-until", "2031-01-01", "--slot-bytes", slot, "--dry-run"];
        if (code is null) Assert.Equal("image.bin", (string?)(await _bench.Json(args))["file"]);
        else Assert.Equal(code, await _bench.Refused(args));
    }

    [Theory]
    [InlineData("a/b/c")]
    [InlineData("two words")]
    [InlineData("name/version")]
    [InlineData("")]
    public async Task A_key_that_no_vault_can_have_is_not_asked_for(string key) =>
        Assert.Equal("key-id", await _bench.Refused("export-key", "--profile", await Profile(), "--key", key, "--out", _bench["key.pem"]));

    [Fact]
    public async Task Nothing_is_not_published_and_a_dry_run_publishes_nothing_either()
    {
        Assert.Equal("publish-nothing", await _bench.Refused("publish", "--profile", await Profile()));
        await _bench.Init();
        Assert.Equal("root", (string?)(await _bench.Json("publish", "--profile", await Profile(), "--root", _bench["c/1.root.json"], "--dry-run"))["would"]);
        Assert.Equal("file-missing", await _bench.Refused("publish", "--profile", await Profile(), "--role", $"gw100={_bench["none.json"]}"));
    }

    [Theory]
    [InlineData("a=1", "b=2", true)]
    [InlineData("a=1=2", "b=2", true)]
    [InlineData("a=1", "a=2", false)]
    [InlineData("a=1", "b=", false)]
    [InlineData("a=1", "=b", false)]
    [InlineData("a=1", "b", false)]
    public void Pairs_have_a_name_a_value_and_come_once(string first, string second, bool good) =>
        Assert.Equal(good ? null : "pair", CommonSymbols.Pairs([first, second], "--x").Fault?.Code);

    [Theory]
    [InlineData("none.bin", "gw100/1.0.0/image.bin", "https://ota.example/", "file-missing")]
    [InlineData("image.bin", "gw100/image.bin", "https://ota.example/", "target-name")]
    [InlineData("image.bin", "GW100/1.0.0/image.bin", "https://ota.example/", "target-name")]
    [InlineData("image.bin", "gw100/1.0.0/image.bin", "ftp://ota.example/", "repository-url")]
    [InlineData("image.bin", "gw100/1.0.0/image.bin", "ota", "repository-url")]
    [InlineData("image.bin", "gw100/1.0.0/image.bin", null, "repository-url")] // nor does the profile know one
    public async Task A_file_is_verified_under_a_targets_name_at_a_repository(string file, string target, string? url, string code)
    {
        await File.WriteAllTextAsync(_bench["image.bin"], "image", Bench.Cancel);
        await _bench.Init();
        string[] where = url is null ? ["--profile", await Profile()] : ["--metadata-url", url, "--root", _bench["c/1.root.json"]];
        Assert.Equal(code, await _bench.Refused(["verify", _bench[file], "--target", target, "--hardware", "gw100-r1", "--metadata-dir", _bench["device"], .. where]));
    }

    [Fact]
    public async Task An_envelope_is_not_made_of_nothing_nor_by_a_dry_run_and_says_nothing_without_a_key()
    {
        await _bench.Init();
        string[] Args(string image) => [
            "export-suit", _bench[image], "--out", _bench["mcu.suit"], "--vendor", "vendor.example", "--class", "mcu7", "--sequence", "3", "--key-file", _bench["c/alice.root.pem"],
            "--passphrase-file", _bench.Passphrase("alice")];
        Assert.Equal("file-missing", await _bench.Refused(Args("none.bin")));
        await File.WriteAllTextAsync(_bench["mcu.bin"], "image", Bench.Cancel);
        Assert.Equal(5, (int)(await _bench.Json([.. Args("mcu.bin"), "--dry-run"]))["imageBytes"]!);
        Assert.False(File.Exists(_bench["mcu.suit"]));
        await _bench.Json(Args("mcu.bin"));
        Assert.Equal("suit-key", await _bench.Refused("inspect", _bench["mcu.suit"]));
    }

    [Fact]
    public async Task An_image_for_mcuboot_is_signed_by_a_key_file_and_read_with_the_boot_loaders_key_only()
    {
        await _bench.Init();
        await File.WriteAllBytesAsync(_bench["app.bin"], [.. new byte[512], .. "image"u8], Bench.Cancel);
        string[] sign = ["sign-mcuboot", _bench["app.bin"], "--out", _bench["app.signed.bin"], "--svn", "7", "--passphrase-file", _bench.Passphrase("alice"), "--release-version"];
        string[] by = ["--key-file", _bench["c/alice.root.pem"]];
        Assert.Equal("key-choice", await _bench.Refused([.. sign, "1.4.0"]));
        Assert.Equal("key-choice", await _bench.Refused([.. sign, "1.4.0", .. by, "--key", "mcu"]));
        Assert.Equal("mcuboot-version", await _bench.Refused([.. sign, "1.4.0-rc1", .. by]));
        Assert.Equal("file-missing", await _bench.Refused(["sign-mcuboot", _bench["none.bin"], .. sign[2..], "1.4.0", .. by]));
        Assert.Equal("mcuboot-slot", await _bench.Refused([.. sign, "1.4.0", .. by, "--header-reserved", "--slot-bytes", "600"]));
        Assert.Equal("mcuboot-reserved", await _bench.Refused([.. sign, "1.4.0", .. by, "--header-reserved", "--header-bytes", "513"]));
        await File.WriteAllBytesAsync(_bench["zero.bin"], new byte[512], Bench.Cancel);
        Assert.Equal("mcuboot-length", await _bench.Refused(["sign-mcuboot", _bench["zero.bin"], .. sign[2..], "1.4.0", .. by, "--header-reserved"]));
        Assert.Equal(2, await _bench.Run([.. sign, "1.4.0", .. by, "--header-bytes", "31"]));

        Assert.Equal("1.4.0+9", (string?)(await _bench.Json([.. sign, "1.4.0+9", .. by, "--header-reserved", "--dry-run"]))["version"]);
        Assert.False(File.Exists(_bench["app.signed.bin"]));
        var said = await _bench.Json([.. sign, "1.4.0+9", .. by, "--header-reserved", "--slot-bytes", "715"]);
        Assert.Equal((512, 5), ((int)said["headerBytes"]!, (int)said["bodyBytes"]!));
        Assert.Equal("file-exists", await _bench.Refused([.. sign, "1.4.0", .. by]));

        await File.WriteAllTextAsync(_bench["alice.pub.pem"], PublicPem(_bench["c/alice.root.pem"], _bench.Passphrase("alice")), Bench.Cancel);
        var seen = await _bench.Json("inspect", _bench["app.signed.bin"], "--mcuboot-key", _bench["alice.pub.pem"]);
        Assert.Equal(("1.4.0+9", 7, 512, 5), ((string?)seen["version"], (int)seen["svn"]!, (int)seen["headerBytes"]!, (int)seen["bodyBytes"]!));
        using var other = _bench.PublicKey("other.pem");
        Assert.Equal("mcuboot-signer", await _bench.Refused("inspect", _bench["app.signed.bin"], "--mcuboot-key", _bench["other.pem"]));
        Assert.Equal("mcuboot-magic", await _bench.Refused("inspect", _bench["app.bin"], "--mcuboot-key", _bench["other.pem"]));
    }

    private static string PublicPem(string file, string passphrase)
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        key.ImportFromEncryptedPem(File.ReadAllText(file), File.ReadAllText(passphrase[(passphrase.IndexOf('=', StringComparison.Ordinal) + 1)..]).TrimEnd('\n'));
        return key.ExportSubjectPublicKeyInfoPem();
    }

    private async Task<string> Profile()
    {
        await File.WriteAllTextAsync(
            _bench["cloud.json"],
            """{"api":"https://api.example/","audience":"api://serverless","blobs":"https://blobs.example/","vault":"https://kv.vault.azure.net/","signIn":"cli"}""",
            Bench.Cancel);
        return _bench["cloud.json"];
    }
}
