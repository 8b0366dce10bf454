using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>The ceremonies' rules one step either side of their limits, without the command line, which bounds some of them before.</summary>
public sealed class CeremonyRuleTests : IDisposable
{
    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(0, 0, "ceremony-holders")]
    [InlineData(2, 0, "ceremony-threshold")]
    [InlineData(2, 2, null)]
    [InlineData(2, 3, "ceremony-threshold")]
    [InlineData(16, 2, null)]
    [InlineData(17, 2, "ceremony-holders")]
    public void Holders_are_1_to_16_and_the_threshold_no_more_than_they(int holders, int threshold, string? code) =>
        Assert.Equal(code, RootCeremony.Refuses([.. Enumerable.Range(0, holders).Select(i => $"holder-{i}")], threshold, Custody.Shared)?.Code);

    [Theory]
    [InlineData(7, 2, "ceremony-key-unknown")]
    [InlineData(8, 2, null)]
    [InlineData(8, 0, "ceremony-threshold")]
    public void A_key_is_named_by_8_characters_and_no_root_needs_nobody(int characters, int threshold, string? code)
    {
        var keys = Enumerable.Range(0, 8).Select(i => TestKeys.Named($"ceremony-{i}").Key).ToArray();
        Assert.True(RootCeremony.First(keys[..3], keys[3..6], 2, keys[6], keys[7], Bench.Day0.AddDays(1)).TryGet(out var signed, out _));
        Assert.True(Root.Parse(signed).TryGet(out var root, out _));
        var change = new RootChange([], [], [keys[0].KeyId[..characters]], threshold, null, null, null);
        Assert.Equal(code, RootCeremony.Next(root, signed, change, Bench.Day0.AddDays(2), Custody.Shared).Fault?.Code);
    }

    [Fact]
    public void Targets_are_judged_under_a_root_only()
    {
        var file = SigningFile.Of(Draft.Targets(1, Bench.Day0.AddDays(1), new Dictionary<string, TargetFile>(), []));
        Assert.Equal(new Faults.Fault("root-version", "--root"), SigningJudge.For(file, null).Fault);
        Assert.Equal("field-missing", SigningJudge.For(SigningFile.Of(JsonObject.Of(("_type", "targets"))), null).Fault?.Code);
    }

    [Theory]
    [InlineData(64, null)]
    [InlineData(65, "product-name")]
    public void A_products_name_has_64_characters_at_most(int characters, string? code)
    {
        var first = TargetsCeremony.First(Bench.Day0.AddDays(1));
        Assert.True(Targets.Parse(first).TryGet(out var targets, out _));
        var product = new NewProduct(
            new string('p', characters), ["r1"], TestKeys.Named("policy").Key, [("aaaaaaaa-0000-4000-8000-000000000001", TestKeys.Named("person").Key)], 2, PeoplePolicy.TwoPerson);
        Assert.Equal(code, TargetsCeremony.WithProduct(first, targets, product, Bench.Day0.AddDays(2)).Fault?.Code);
    }

    [Theory]
    [InlineData("Vendor.example", "policy-suit")]
    [InlineData("vendor.example", null)]
    public void What_is_said_of_MCUs_is_what_the_pipeline_will_read(string vendor, string? code)
    {
        var first = TargetsCeremony.First(Bench.Day0.AddDays(1));
        Assert.True(Targets.Parse(first).TryGet(out var targets, out _));
        var product = new NewProduct("mcu7", ["r1"], TestKeys.Named("policy").Key, [("aaaaaaaa-0000-4000-8000-000000000001", TestKeys.Named("person").Key)], 2, PeoplePolicy.TwoPerson)
        {
            Suit = new SuitPolicy(vendor, "app"),
        };
        var made = TargetsCeremony.WithProduct(first, targets, product, Bench.Day0.AddDays(2));
        Assert.Equal(code, made.Fault?.Code);
        if (!made.TryGet(out var next, out _)) return;
        // A later ceremony on the same product keeps it.
        Assert.True(Targets.Parse(next).TryGet(out targets, out _));
        var joining = ("aaaaaaaa-0000-4000-8000-000000000002", TestKeys.Named("joining").Key);
        Assert.True(TargetsCeremony.WithoutKey(next, targets, TestKeys.Named("person").Key.KeyId, joining, Bench.Day0.AddDays(3)).TryGet(out var changed, out var fault), fault?.ToString());
        Assert.True(Targets.Parse(changed.Signed).TryGet(out targets, out _));
        Assert.True(ProductPolicy.ReadAll(changed.Signed, targets).TryGet(out var policies, out _));
        Assert.Equal(new SuitPolicy("vendor.example", "app"), policies["mcu7"].Suit);
    }

    [Fact]
    public void A_script_is_not_asked_for_a_passphrase_and_an_empty_one_is_none()
    {
        var asked = 0;
        string? Typed(string question)
        {
            asked++;
            return "";
        }
        var at = new Surroundings(TextWriter.Null, TextWriter.Null, 80, IsInteractive: false, Typed, Typed, _ => null, _bench.Clock);
        Assert.Equal("passphrase-missing", new KeyFiles(new Session(at, false, false, false, null), new Dictionary<string, string>()).NewPassphrase("alice").Fault?.Code);
        Assert.Equal(0, asked);
        Assert.Equal("passphrase-missing", new KeyFiles(new Session(at with { IsInteractive = true }, false, false, false, null), new Dictionary<string, string>()).NewPassphrase("alice").Fault?.Code);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_PEM_without_a_key_is_no_public_key()
    {
        await File.WriteAllTextAsync(_bench["no.pem"], "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", Bench.Cancel);
        Assert.Equal("public-key", KeyFiles.ReadPublic(_bench["no.pem"]).Fault?.Code);
        await File.WriteAllTextAsync(_bench["private.pem"], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", Bench.Cancel);
        Assert.Equal("public-key", KeyFiles.ReadPublic(_bench["private.pem"]).Fault?.Code);
    }

    [Fact]
    public async Task A_person_sees_a_bar_and_a_script_does_not()
    {
        async Task<string> Shown(bool interactive, bool json)
        {
            using var errors = new StringWriter();
            var at = new Surroundings(TextWriter.Null, errors, 80, interactive, _ => null, _ => null, _ => null, _bench.Clock);
            var done = await new Session(at, json, false, false, null).WithBar("hashing image.bin", 100, progress =>
            {
                progress.Report(100);
                return Task.FromResult(7);
            });
            Assert.Equal(7, done);
            return errors.ToString();
        }
        Assert.Contains("hashing image.bin", await Shown(interactive: true, json: false), StringComparison.Ordinal);
        Assert.Empty(await Shown(interactive: true, json: true)); // the result is for a program
        Assert.Empty(await Shown(interactive: false, json: false));
    }
}
