using System.Diagnostics;
using System.Text.Json.Nodes;
using Serverless.FirmwareSigning.ReleaseCommand;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Suit;
using Spectre.Console;

namespace Serverless.ReleaseCommand.Tests;

public sealed class TerminalTests : IDisposable
{
    private const string Cloud = """
        {"api":"https://api.example/","audience":"api://serverless","blobs":"https://blobs.example/","vault":"https://kv.vault.azure.net/","signIn":"cli"}
        """;

    private const string Local = """
        {"api":"http://127.0.0.1:1/","audience":"a","blobs":"https://localhost:2/","vault":"https://localhost:3/","signIn":"local","tenant":"11111111-2222-3333-4444-555555555555",
         "clientId":"11111111-2222-3333-4444-555555555556","authority":"https://localhost:4/","secretFile":"s","trustRoot":"ca.pem"}
        """;

    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("plain text, kö 日本 🙂 [red]", "plain text, kö 日本 🙂 [red]")]
    [InlineData("\u001b[2J\u001b[1;1Hsafe", "\\u{1b}[2J\\u{1b}[1;1Hsafe")] // clears the screen
    [InlineData("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c")]
    [InlineData("\u009b31m", "\\u{9b}31m")] // the one-character CSI
    [InlineData("\u202e1.4.0", "\\u{202e}1.4.0")] // right-to-left override
    [InlineData("gw\u200b100", "gw\\u{200b}100")] // zero width
    [InlineData("\\u{1b}", "\\u{5c}u{1b}")] // what is shown as escaped was escaped
    public void Text_of_others_cannot_move_the_cursor(string hostile, string shown) => Assert.Equal(shown, Printable.Of(hostile));

    [Fact]
    public void A_lone_surrogate_is_shown_as_one() => Assert.Equal("\\u{fffd}", Printable.Of("\ud800"));

    [Fact]
    public void Long_text_is_cut_and_says_so()
    {
        Assert.Equal(4096, Printable.Of(new string('x', 4096)).Length);
        Assert.EndsWith("… (4097 characters)", Printable.Of(new string('x', 4097)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_person_reads_holds_no_escape_and_no_markup_of_others()
    {
        using var written = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.TrueColor, Out = new AnsiConsoleOutput(written) });
        const string Evil = "\u001b[8m[red]x[/]";
        new Outcome(Evil, FirmwareSigning.Trust.Json.JsonObject.Empty) { Facts = [(Evil, Evil)], Columns = ["c"], Rows = [[Evil]], Next = [Evil] }.Show(console);
        Assert.DoesNotContain("\u001b[8m", written.ToString(), StringComparison.Ordinal);
        Assert.Contains("[red]x[/]", written.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { "no-such-command" }, 2)]
    [InlineData(new[] { "approve" }, 2)]
    [InlineData(new[] { "approve", "x", "--key", "k", "--profile", "/nowhere/p.json" }, 1)]
    [InlineData(new[] { "--help" }, 0)]
    [InlineData(new[] { "init", "--out", "x", "--holder", "a", "--threshold", "17", "--snapshot", "s", "--timestamp", "t" }, 2)]
    [InlineData(new[] { "submit", "image", "--svn", "many" }, 2)]
    public async Task Exit_codes_tell_usage_from_refusal(string[] args, int expected) => Assert.Equal(expected, await _bench.Run(args));

    [Fact]
    public async Task A_refusal_says_its_code_and_what_to_do()
    {
        Assert.Equal(1, await _bench.Run("status", "--profile", _bench["absent.json"]));
        Assert.Contains("refused: profile-missing", _bench.Errors, StringComparison.Ordinal);
        Assert.Contains("--profile", _bench.Errors, StringComparison.Ordinal);
        Assert.Empty(_bench.Output);
        Assert.Equal("profile-missing", await _bench.Refused("status", "--profile", _bench["absent.json"]));
    }

    [Fact]
    public async Task A_service_that_cannot_be_reached_is_an_outage()
    {
        // Nobody listens on port 1; the token is asked first, from nobody.
        await File.WriteAllTextAsync(_bench["s"], "secret", Bench.Cancel);
        using var authority = System.Security.Cryptography.ECDsa.Create();
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=x", authority, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(Bench.Day0, Bench.Day0.AddDays(1));
        await File.WriteAllTextAsync(_bench["ca.pem"], certificate.ExportCertificatePem(), Bench.Cancel);
        await File.WriteAllTextAsync(_bench["p.json"], Local.Replace("localhost:4", "localhost:1", StringComparison.Ordinal), Bench.Cancel);
        Assert.Equal(3, await _bench.Run("status", "gw100@1.0.0", "--profile", _bench["p.json"], "--json"));
        Assert.NotNull(JsonNode.Parse(_bench.Output)!["outage"]);
        Assert.DoesNotContain("secret", _bench.Output + _bench.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_profile_of_the_cloud_and_one_of_this_machine_are_read()
    {
        Assert.True(Read(Cloud).TryGet(out var cloud, out var fault), fault?.ToString());
        Assert.Equal((SignInKind.Cli, null), (cloud.SignIn, cloud.TrustRootFile));
        Assert.True(Read(Local).TryGet(out var local, out fault), fault?.ToString());
        Assert.Equal((SignInKind.Local, "/f/ca.pem", "/f/s"), (local.SignIn, local.TrustRootFile, local.SecretFile));
    }

    [Theory]
    [InlineData("\"https://api.example/\"", "\"http://api.example/\"", "profile-value")] // a token over plain HTTP
    [InlineData("\"https://api.example/\"", "\"https://user@api.example/\"", "profile-value")]
    [InlineData("\"https://kv.vault.azure.net/\"", "\"http://127.0.0.1/\"", "profile-value")]
    [InlineData("\"cli\"", "\"anything\"", "profile-value")]
    [InlineData("\"cli\"", "\"local\"", "profile-value")]
    [InlineData("\"cli\"", "\"cli\",\"tenant\":\"x\"", "profile-value")]
    [InlineData("\"cli\"", "\"cli\",\"trustRoot\":\"ca.pem\"", "profile-value")] // somebody could read along
    [InlineData("\"cli\"", "\"cli\",\"password\":\"x\"", "profile-json")]
    [InlineData("\"cli\"", "\"cli\",\"signIn\":\"cli\"", "profile-json")]
    [InlineData("\"cli\"", "null", "profile-json")]
    public void A_profile_that_could_leak_is_refused(string good, string bad, string expected) =>
        Assert.Equal(expected, Read(Cloud.Replace(good, bad, StringComparison.Ordinal)).Fault?.Code);

    [Theory]
    [InlineData("api", "\"http://api.example/\"")]
    [InlineData("blobs", "\"http://blobs.example/\"")]
    [InlineData("vault", "\"ftp://kv/\"")]
    [InlineData("audience", "\"\"")]
    [InlineData("signIn", "\"password\"")]
    [InlineData("tenant", "\"contoso\"")]
    [InlineData("clientId", "\"7\"")]
    [InlineData("metadataUrl", "\"http://ota.example/\"")]
    [InlineData("targetsUrl", "\"ota\"")]
    [InlineData("authority", "\"ldap://x\"")]
    public void Each_member_of_a_profile_is_checked_and_named(string member, string value)
    {
        var profile = JsonNode.Parse(Cloud)!.AsObject();
        profile[member] = JsonNode.Parse(value);
        Assert.Equal(new Serverless.Faults.Fault("profile-value", member), Read(profile.ToJsonString()).Fault);
        Assert.Equal("profile-json", Read("null").Fault?.Code);
    }

    [Theory]
    [InlineData("tenant")]
    [InlineData("clientId")]
    [InlineData("authority")]
    [InlineData("secretFile")]
    public void A_local_sign_in_needs_all_of_its_members(string member)
    {
        var profile = JsonNode.Parse(Local)!.AsObject();
        profile.Remove(member);
        Assert.Equal(new Serverless.Faults.Fault("profile-value", "signIn"), Read(profile.ToJsonString()).Fault);
    }

    [Fact]
    public void A_local_profile_stays_on_this_machine() =>
        Assert.Equal("profile-value", Read(Local.Replace("https://localhost:3/", "https://kv.vault.azure.net/", StringComparison.Ordinal)).Fault?.Code);

    [Fact]
    public async Task A_cloud_profile_cannot_be_talked_into_a_local_sign_in()
    {
        await File.WriteAllTextAsync(_bench["p.json"], Cloud, Bench.Cancel);
        Assert.Equal("sign-in", await _bench.Refused("status", "--profile", _bench["p.json"], "--sign-in", "local"));
        Assert.Equal("sign-in", await _bench.Refused("status", "--profile", _bench["p.json"], "--sign-in", "password"));
        await File.WriteAllTextAsync(_bench["p.json"], Local, Bench.Cancel);
        Assert.Equal("file-missing", await _bench.Refused("status", "--profile", _bench["p.json"]));
        await File.WriteAllTextAsync(_bench["ca.pem"], "hello", Bench.Cancel);
        Assert.Equal("trust-root", await _bench.Refused("status", "--profile", _bench["p.json"]));
    }

    [Theory]
    [InlineData("fwsign rev", "revoke")]
    [InlineData("fwsign revoke ", "release key")]
    [InlineData("fwsign add-product --policy ", "two-person single-person")]
    [InlineData("fwsign init --custody ", "shared single-holder")]
    public async Task The_shell_may_ask_what_comes_next(string line, string expected)
    {
        Assert.Equal(0, await _bench.Run($"[suggest:{line.Length}]", line));
        var offered = _bench.Output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Assert.All(expected.Split(' '), word => Assert.Contains(word, offered));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public async Task Each_shell_has_a_script_that_calls_back(string shell)
    {
        Assert.Equal(0, await _bench.Run("completion", shell));
        Assert.Contains("[suggest:", _bench.Output, StringComparison.Ordinal);
        if (shell != "bash") return;
        await File.WriteAllTextAsync(_bench["completion.bash"], _bench.Output, Bench.Cancel);
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-n", _bench["completion.bash"]]))!;
        await bash.WaitForExitAsync(Bench.Cancel);
        Assert.Equal(0, bash.ExitCode);
    }

    [Fact]
    public void Name_based_ids_are_those_of_the_standard() =>
        // RFC 9562 appendix A.4.
        Assert.Equal("2ed6657de927568b95e12665a8aea6a2", Convert.ToHexStringLower(NameUuid.Of(NameUuid.Dns, "www.example.com")));

    [Fact]
    public async Task A_key_file_signs_a_SUIT_envelope_without_a_profile()
    {
        await _bench.Init();
        await File.WriteAllTextAsync(_bench["mcu.bin"], "image", Bench.Cancel);
        string[] args = ["export-suit", _bench["mcu.bin"], "--out", _bench["mcu.suit"], "--vendor", "vendor.example", "--class", "mcu7", "--sequence", "3", "--passphrase-file", _bench.Passphrase("alice")];
        Assert.Equal("key-choice", await _bench.Refused(args));
        Assert.Equal("suit-component", await _bench.Refused([.. args, "--key-file", _bench["c/alice.root.pem"], "--component", new string('x', 33)]));
        await _bench.Json([.. args, "--key-file", _bench["c/alice.root.pem"]]);
        Assert.Equal("file-exists", await _bench.Refused([.. args, "--key-file", _bench["c/alice.root.pem"]]));
    }

    private static Serverless.Faults.Parsed<FirmwareSigning.ReleaseCommand.Online.Profile> Read(string json) => FirmwareSigning.ReleaseCommand.Online.Profile.Parse(System.Text.Encoding.UTF8.GetBytes(json), "/f");
}
