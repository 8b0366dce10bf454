using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Tests;

/// <summary>Each rule, one step either side of its limit.</summary>
public class RuleTests
{
    [Theory]
    [InlineData("1.0.0", true)]
    [InlineData("0.0.0", true)]
    [InlineData("1.2.3-rc.1", true)]
    [InlineData("1.2.3-rc-1.0a", true)]
    [InlineData("2147483647.0.0", true)]
    [InlineData("2147483648.0.0", false)]
    [InlineData("1.0", false)]
    [InlineData("1.0.0.0", false)]
    [InlineData("01.0.0", false)]
    [InlineData("1.0.0-01", false)]
    [InlineData("1.0.0-", false)]
    [InlineData("1.0.0-a..b", false)]
    [InlineData("1.0.0+build", false)]
    [InlineData("v1.0.0", false)]
    [InlineData("1.0.0-ä", false)]
    [InlineData("-1.0.0", false)]
    [InlineData("", false)]
    public void Versions_are_semantic(string text, bool accepted)
    {
        var parsed = SemanticVersion.Parse(text);
        Assert.Equal(accepted ? null : "release-version", parsed.Fault?.Code);
        if (accepted) Assert.True(parsed.TryGet(out var version, out _) && version.Text == text);
    }

    [Fact]
    public void Versions_of_64_characters_are_the_longest()
    {
        Assert.Null(SemanticVersion.Parse("1.0.0-" + new string('a', 58)).Fault);
        Assert.NotNull(SemanticVersion.Parse("1.0.0-" + new string('a', 59)).Fault);
    }

    [Fact]
    public void Versions_are_ordered_as_the_specification_orders_them()
    {
        // Section 11.4 of Semantic Versioning 2.0.0, and the numbers around it.
        string[] ascending =
        [
            "0.9.9", "1.0.0-0", "1.0.0-2", "1.0.0-11", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.2", "1.0.10", "1.2.0", "1.10.0", "2.0.0", "10.0.0",
        ];
        var versions = ascending.Select(Version).ToList();
        for (var i = 0; i < versions.Count; i++)
        {
            for (var j = 0; j < versions.Count; j++)
            {
                Assert.Equal(Math.Sign(i.CompareTo(j)), Math.Sign(versions[i].CompareTo(versions[j])));
                var (less, more) = (versions[i] < versions[j], versions[i] > versions[j]);
                Assert.True(less == (i < j) && more == (i > j), $"{ascending[i]} and {ascending[j]}");
                Assert.True(versions[i] <= versions[j] != more && versions[i] >= versions[j] != less, $"{ascending[i]} and {ascending[j]}");
            }
        }
    }

    [Theory]
    [InlineData("gw100@1.4.0", "release")]
    [InlineData("gw100@1.4.0-rc.1", "release")]
    [InlineData("gw100@1.4.0~withdrawal", "withdrawal")]
    [InlineData("gw100~renewal", "renewal")]
    [InlineData("gw100", null)]
    [InlineData("gw100@", null)]
    [InlineData("@1.4.0", null)]
    [InlineData("GW100@1.4.0", null)]
    [InlineData("gw100@1.4.0~renewal", null)]
    [InlineData("gw100~withdrawal", null)]
    [InlineData("~renewal", null)]
    [InlineData("gw100@1.4.0'", null)]
    [InlineData("gw/100@1.4.0", null)]
    public void An_id_has_one_spelling(string text, string? kind)
    {
        var parsed = ReleaseId.Parse(text);
        if (kind is null) Assert.Equal("release-unknown", parsed.Fault?.Code);
        else Assert.True(parsed.TryGet(out var id, out _) && id.Text == text && id.Kind == kind);
    }

    public static TheoryData<string, string?> Changes() => new()
    {
        { "\"product\":\"gw100\"→\"product\":\"GW\"", "release-id" },
        { "\"product\":\"gw100\"→\"product\":\"\"", "release-id" },
        { "\"version\":\"1.0.0\"→\"version\":\"1\"", "release-version" },
        { "[\"gw100-r1\"]→[]", "release-hardware" },
        { "[\"gw100-r1\"]→[\"gw100-r1\",\"gw100-r1\"]", "release-hardware" },
        { "[\"gw100-r1\"]→[null]", "release-hardware" },
        { "\"svn\":1→\"svn\":-1", "field-range" },
        { "\"svn\":1→\"svn\":2147483647", null },
        { "\"svn\":1→\"svn\":2147483648", "json-body" },
        { "\"svn\":1→\"svn\":1.5", "json-body" },
        { "\"slotBytes\":1048576→\"slotBytes\":0", "field-range" },
        { "\"slotBytes\":1048576→\"slotBytes\":9007199254740991", null },
        { "\"slotBytes\":1048576→\"slotBytes\":9007199254740992", "field-range" },
        { "notes of 1.0.0→\\ud800", "json-body" },
        { "2031-01-01T00:00:00Z→2031-01-01T00:00:00.0Z", "expires-format" },
        { "\"file\":\"image.bin\"→\"file\":\".bin\"", "field-range" },
        { "\"file\":\"image.bin\"→\"file\":\"a/b\"", "field-range" },
        { "\"image\":\"gw100/→\"image\":\"../gw100/", "blob-name" },
        { "\"image\":\"gw100/→\"image\":\"/gw100/", "blob-name" },
        { "\"sbom\":\"gw100/→\"sbom\":\"gw100//", "blob-name" },
        { "\"sha256\":\"→\"sha256\":\"A", "hash-format" },
        { "{\"product\"→{\"extra\":1,\"product\"", "json-body" },
        { "{\"product\"→{\"svn\":1,\"product\"", "json-body" },
        { "\"svn\":1,→", "json-body" },
        { "\"notes\":→\"notes\":null,\"x\":", "json-body" },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_submission_is_read_strictly(string change, string? code)
    {
        var json = Json();
        var (from, to) = (change.Split('→')[0], change.Split('→')[1]);
        Assert.Contains(from, json, StringComparison.Ordinal);
        Assert.Equal(code, Submission.Parse(Encoding.UTF8.GetBytes(json.Replace(from, to, StringComparison.Ordinal))).Fault?.Code);
    }

    [Fact]
    public void A_submission_of_nothing_is_no_submission() => Assert.Equal("json-body", Submission.Parse("null"u8.ToArray()).Fault?.Code);

    [Fact]
    public void Text_worked_out_for_what_is_not_published_is_refused()
    {
        Assert.True(ReleaseId.Parse("gw100@1.0.0~withdrawal").TryGet(out var withdrawal, out _));
        foreach (var id in new[] { withdrawal, ReleaseId.Renewal("gw100") })
        {
            var record = new ReleaseRecord { Id = id, State = ReleaseState.Proposed, SubmittedBy = Town.Alice, SubmittedAt = Town.Day0 };
            Assert.Equal("release-state-conflict", ProposalRule.Text(record, null, 1, Town.Day0.AddDays(1)).Fault?.Code);
        }
    }

    [Fact]
    public async Task An_approval_counts_only_over_the_text_that_is_proposed()
    {
        using var town = await Town.Found();
        await town.Submit(town.Upload("1.0.0"));
        var record = await town.Record("gw100@1.0.0");
        Assert.True((await town.The<OtaRepository>().Read("gw100", Town.Token)).TryGet(out var standing, out _));
        var signed = ProposalRule.TextAgain(record, null)!;
        var given = new GivenApproval(record.Proposal!.Sha256, Town.KeyOf(Town.Bob).Key.KeyId, "00");
        Assert.Equal("approval-signature", ApprovalRule.Take(record, standing.Policy, signed, given, Town.Bob, Town.Day0).Fault?.Code);
        Assert.Equal("approval-stale", ApprovalRule.Take(record, standing.Policy, signed.With("x", 1L), given, Town.Bob, Town.Day0).Fault?.Code);
    }

    [Fact]
    public void Long_members_of_a_submission_meet_their_limits()
    {
        string? Code(string from, string to) => Submission.Parse(Encoding.UTF8.GetBytes(Json().Replace(from, to, StringComparison.Ordinal))).Fault?.Code;
        Assert.Null(Code("notes of 1.0.0\\nin two lines", new string('n', 4096)));
        Assert.Equal("field-range", Code("notes of 1.0.0\\nin two lines", new string('n', 4097)));
        var ids = Enumerable.Range(0, 65).Select(i => $"\"r{i}\"").ToList();
        Assert.Null(Code("\"gw100-r1\"", string.Join(',', ids.Take(64))));
        Assert.Equal("release-hardware", Code("\"gw100-r1\"", string.Join(',', ids)));
        Assert.Null(Code("gw100/1.0.0/sbom.json", string.Join('/', Enumerable.Repeat(new string('s', 63), 8))));
        Assert.Equal("blob-name", Code("gw100/1.0.0/sbom.json", string.Join('/', Enumerable.Repeat(new string('s', 63), 8)) + "/s"));
        Assert.Equal("blob-name", Code("gw100/1.0.0/sbom.json", new string('s', 65)));
    }

    [Fact]
    public void Hostile_bytes_never_throw()
    {
        var seed = Encoding.UTF8.GetBytes(Json());
        var accepted = 0;
        var mutated = from at in Gen.Choose(0, seed.Length - 1) from value in Gen.Choose(0, 255) from cut in Gen.Choose(0, 50) select (at, (byte)value, cut);
        Prop.ForAll(mutated.ToArbitrary(), change =>
        {
            var bytes = seed.ToArray();
            bytes[change.at] = change.Item2;
            var parsed = Submission.Parse(bytes.AsMemory(0, change.cut == 0 ? change.at : bytes.Length));
            if (parsed.TryGet(out _, out var fault)) accepted++;
            else Assert.NotEmpty(fault.Code);
            _ = BillOfMaterials.Judge(bytes);
            _ = ReleaseId.Parse(Encoding.Latin1.GetString(bytes));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
        Assert.True(accepted > 100, $"{accepted} of 3000 were accepted");
    }

    [Theory]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"zlib"}]}""", null)]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.7","components":[{"type":"library","name":"zlib"}],"services":[]}""", null)]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.1","components":[{"type":"library","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.8","components":[{"type":"library","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"cyclonedx","specVersion":"1.6","components":[{"type":"library","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library"}]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":""}]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":["zlib"]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":{}}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}""", "sbom-empty")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6"}""", "sbom-empty")]
    [InlineData("""{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"n","documentNamespace":"https://e/x","dataLicense":"CC0-1.0","packages":[{"name":"zlib","SPDXID":"SPDXRef-1"}]}""", null)]
    [InlineData("""{"spdxVersion":"SPDX-2.2","SPDXID":"SPDXRef-DOCUMENT","name":"n","documentNamespace":"https://e/x","dataLicense":"CC0-1.0","packages":[]}""", "sbom-empty")]
    [InlineData("""{"spdxVersion":"SPDX-2.1","SPDXID":"SPDXRef-DOCUMENT","name":"n","documentNamespace":"https://e/x","dataLicense":"CC0-1.0","packages":[{"name":"zlib","SPDXID":"SPDXRef-1"}]}""", "sbom-format")]
    [InlineData("""{"spdxVersion":"SPDX-2.3","SPDXID":"other","name":"n","documentNamespace":"https://e/x","dataLicense":"CC0-1.0","packages":[{"name":"zlib","SPDXID":"SPDXRef-1"}]}""", "sbom-format")]
    [InlineData("""{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"n","documentNamespace":"https://e/x","dataLicense":"CC0-1.0","packages":[{"name":"zlib","SPDXID":"1"}]}""", "sbom-format")]
    [InlineData("""{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"software_Package","name":"zlib"}]}""", null)]
    [InlineData("""{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo"}]}""", "sbom-empty")]
    [InlineData("""{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"name":"untyped"},{"type":"software_Package","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"@context":"https://example.org","@graph":[{"type":"software_Package","name":"zlib"}]}""", "sbom-format")]
    [InlineData("""{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[1]}""", "sbom-format")]
    [InlineData("""{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"\ud800"}]}""", "sbom-format")]
    [InlineData("""{"something":"else"}""", "sbom-format")]
    [InlineData("[]", "sbom-format")]
    [InlineData("<bom/>", "sbom-format")]
    [InlineData("", "sbom-format")]
    public void A_bill_of_materials_is_of_a_known_shape_and_lists_something(string json, string? code) =>
        Assert.Equal(code, BillOfMaterials.Judge(Encoding.UTF8.GetBytes(json))?.Code);

    [Fact]
    public async Task Each_check_of_a_submission_says_what_is_wrong()
    {
        using var town = await Town.Found();
        var body = town.Upload("1.0.0", svn: 3);
        async Task<string?> Code(SubmissionBody changed) => (await town.The<Submitting>().Submit(Town.Read(changed), Town.Alice, Town.Token)) is var taken && taken.TryGet(out var submitted, out var fault)
            ? submitted.Record.Fault?.Code : fault.Code;
        Assert.Equal("product-unknown", await Code(body with { Product = "gw999" }));
        Assert.Equal("hardware-foreign", await Code(body with { Hardware = ["gw100-r1", "gw100-r3"] }));
        Assert.Equal("image-unknown", await Code(body with { Image = "gw100/none" }));
        Assert.Equal("image-size", await Code(body with { SlotBytes = 1999 }));
        Assert.Equal("image-digest", await Code(body with { Sha256 = new string('0', 64) }));
        Assert.Equal("sbom-unknown", await Code(body with { Sbom = "gw100/none" }));
        Assert.Equal("sbom-format", await Code(body with { Sbom = body.Image }));
        town.Images.Put("big.json", new byte[BillOfMaterials.WireBytesMax + 1]);
        Assert.Equal("sbom-size", await Code(body with { Sbom = "big.json" }));
        town.Images.Put("empty.bin", []);
        Assert.Equal("image-size", await Code(body with { Image = "empty.bin" }));
        Assert.Null(await Code(body with { SlotBytes = 2000 }));
        Assert.Null((await town.Approve("gw100@1.0.0")).Fault);
        Assert.Equal("release-exists", await Code(body with { SlotBytes = 2000, Notes = "other" }));
        Assert.Equal("release-version-conflict", await Code(town.Upload("0.9.9", svn: 3)));
        Assert.Equal("release-version-conflict", await Code(town.Upload("1.0.0-rc.1", svn: 3)));
        Assert.Equal("release-svn-conflict", await Code(town.Upload("1.0.1", svn: 2)));
        Assert.Null(await Code(town.Upload("1.0.1", svn: 3)));
        // The table was lost: the role itself remembers.
        town.Releases.Forget();
        Assert.Equal("release-version-conflict", await Code(body));
        Assert.Equal("release-svn-conflict", await Code(town.Upload("1.0.2", svn: 2)));
    }

    [Fact]
    public void A_role_takes_no_image_twice_and_not_more_than_devices_read()
    {
        var entry = new TargetFile(1, Hashes.Of("x"u8), null);
        var expires = Town.Day0.AddDays(1);
        Assert.True(ProductRole.With(null, 1, expires, ("gw100/1.0.0/a", entry)).TryGet(out var role, out _));
        Assert.Equal("release-exists", ProductRole.With(role, 2, expires, ("gw100/1.0.0/a", entry)).Fault?.Code);
        Assert.Equal("release-state-conflict", ProductRole.Without(role, 2, expires, "gw100/1.0.0/b").Fault?.Code);
        var padded = role.With("x", new string('x', ProductRole.WireBytesMax));
        Assert.Equal("product-full", ProductRole.With(padded, 2, expires, ("gw100/1.0.1/a", entry)).Fault?.Code);
        // Members nobody here knows are kept.
        Assert.True(ProductRole.With(role.With("x", 1), 2, expires, ("gw100/1.0.1/a", entry)).TryGet(out var next, out _));
        Assert.NotNull(next.Find("x"));
    }

    [Fact]
    public void Every_pair_outside_the_table_of_states_is_a_bug()
    {
        string[] states = [ReleaseState.Checking, ReleaseState.Refused, ReleaseState.Proposed, ReleaseState.Approved, ReleaseState.Published, ReleaseState.Stale, ReleaseState.Withdrawn];
        foreach (var from in states)
        {
            foreach (var on in Enum.GetValues<ReleaseEvent>())
            {
                if (ReleaseStates.All.TryGetValue((from, on), out var to)) Assert.Equal(to, ReleaseStates.Next(from, on));
                else Assert.Throws<InvalidOperationException>(() => ReleaseStates.Next(from, on));
            }
        }
        // What devices have seen is never unseen; a release that was withdrawn stays so.
        Assert.DoesNotContain(ReleaseStates.All, row => row.Key.From == ReleaseState.Withdrawn);
        Assert.All(ReleaseStates.All.Where(row => row.Key.From == ReleaseState.Published), row => Assert.Equal(ReleaseState.Withdrawn, row.Value));
    }

    public static TheoryData<string, string> Policies() => new()
    {
        { "two-person→both", "policy-name" },
        { "\"hardware\":[\"gw100-r1\",\"gw100-r2\"]→\"hardware\":[]", "policy-hardware" },
        { "\"gw100-r2\"]→\"gw100-r1\"]", "policy-hardware" },
        { "\"gw100-r2\"]→\"GW\"]", "policy-hardware" },
        { "aaaaaaaa-0000→AAAAAAAA-0000", "policy-people" },
        { "aaaaaaaa-0000-4000-8000-000000000001→alice", "policy-people" },
        { "\"pipeline\":\"→\"pipeline\":\"0", "field-range" },
    };

    [Theory, MemberData(nameof(Policies))]
    public async Task A_policy_is_read_strictly(string change, string code)
    {
        using var town = await Town.Found();
        var draft = town.Policies(PeoplePolicy.TwoPerson, 2, ["gw100"], [Town.Alice, Town.Bob]);
        Assert.Null(Read(draft));
        var json = Encoding.UTF8.GetString(JsonWriting.Encode(draft));
        var (from, to) = (change.Split('→')[0], change.Split('→')[1]);
        Assert.Contains(from, json, StringComparison.Ordinal);
        Assert.True(JsonReading.Read(Encoding.UTF8.GetBytes(json.Replace(from, to, StringComparison.Ordinal))).TryGet(out var changed, out _));
        Assert.Equal(code, Read((JsonObject)changed));
    }

    [Fact]
    public async Task A_policy_agrees_with_its_delegation()
    {
        using var town = await Town.Found();
        var policy = town.Keys.Of(Keys.KeyUse.Policy);
        JsonObject With(int threshold, PeoplePolicy people, params string[] approvers) => town.Policies(people, threshold, ["gw100"], approvers);
        Assert.Equal("policy-threshold", Read(With(1, PeoplePolicy.TwoPerson, Town.Alice, Town.Bob)));
        Assert.Equal("policy-threshold", Read(With(3, PeoplePolicy.SinglePerson, Town.Alice, Town.Bob)));
        Assert.Equal("policy-people", Read(With(4, PeoplePolicy.TwoPerson, Town.Alice, Town.Bob)));
        Assert.Equal("policy-people", Read(With(3, PeoplePolicy.TwoPerson, Town.Alice, Town.Alice + " second"))); // one person with two keys is one person
        Assert.Null(Read(With(3, PeoplePolicy.TwoPerson, Town.Alice, Town.Bob)));

        var good = With(2, PeoplePolicy.TwoPerson, Town.Alice, Town.Bob);
        JsonObject Products(string role, string[] people, string pipeline) => good.With("products", JsonObject.Of((role, JsonObject.Of(
            ("policy", "two-person"), ("hardware", new JsonArray("r1")), ("pipeline", pipeline),
            ("people", JsonObject.Of(people.Select(person => (Town.KeyOf(person).Key.KeyId, (JsonValue)person))))))));
        Assert.Null(Read(Products("gw100", [Town.Alice, Town.Bob], policy.Key.KeyId)));
        Assert.Equal("policy-delegation", Read(Products("gw200", [Town.Alice, Town.Bob], policy.Key.KeyId)));
        Assert.Equal("policy-keys", Read(Products("gw100", [Town.Alice], policy.Key.KeyId))); // a key of nobody
        Assert.Equal("policy-keys", Read(Products("gw100", [Town.Alice, Town.Bob, Town.Carol], policy.Key.KeyId))); // a person who cannot sign
        Assert.Equal("policy-keys", Read(Products("gw100", [Town.Alice, Town.Bob], Town.KeyOf(Town.Bob).Key.KeyId))); // the pipeline as a person
        var wide = Draft.Targets(1, Town.Day0.AddDays(1), new Dictionary<string, TargetFile>(), [
            (new Delegation("gw100", new FirmwareSigning.Trust.Keys.RoleKeys([policy.Key.KeyId, Town.KeyOf(Town.Alice).Key.KeyId, Town.KeyOf(Town.Bob).Key.KeyId], 2), true, ["*/*/*"], null), [policy.Key, Town.KeyOf(Town.Alice).Key, Town.KeyOf(Town.Bob).Key])]);
        Assert.Equal("policy-delegation", Read(wide.With("products", good.Find("products")!))); // it could answer for other products
    }

    private static string? Read(JsonObject signed)
    {
        Assert.True(Targets.Parse(signed).TryGet(out var targets, out var fault), fault?.ToString());
        return ProductPolicy.ReadAll(signed, targets).Fault?.Code;
    }

    private static SemanticVersion Version(string text) => SemanticVersion.Parse(text).TryGet(out var version, out _) ? version : throw new InvalidOperationException(text);

    private static string Json() => Encoding.UTF8.GetString(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(
        new SubmissionBody(
            "gw100", "1.0.0", ["gw100-r1"], 1, 1 << 20, "notes of 1.0.0\nin two lines", "2031-01-01T00:00:00Z", "image.bin", "gw100/1.0.0/image.bin", new string('a', 64), "gw100/1.0.0/sbom.json"),
        ReleaseApiJson.Default.SubmissionBody));
}
