using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Serverless.Devices.Tests;

public class NameTests
{
    public static TheoryData<string?, string?> Ids() => new()
    {
        { "a", null },
        { new string('a', 128), null },
        { "0", null },
        { "pump-7", null },
        { "a.b_c:d-e", null },
        { "ends-with-", null },
        { "-", null },
        { null, "device-id-length" },
        { "", "device-id-length" },
        { new string('a', 129), "device-id-length" },
        { "Pump", "device-id-case" },
        { "a b", "device-id-alphabet" },
        { "a/b", "device-id-alphabet" },
        { "a\0", "device-id-alphabet" },
        { "a!b", "device-id-alphabet" },
        { "ä", "device-id-alphabet" },
        { " a", "device-id-alphabet" },
        { "a.", "device-id-end" },
        { "a_", "device-id-end" },
        { "a:", "device-id-end" },
    };

    [Theory]
    [MemberData(nameof(Ids))]
    public void An_id_is_what_both_services_take_in_one_spelling(string? text, string? fault)
    {
        var parsed = DeviceId.Parse(text, "somewhere");
        Assert.Equal(fault, parsed.Fault?.Code);
        if (parsed.TryGet(out var id, out var refused)) Assert.Equal(text, id.Text);
        else Assert.Equal("somewhere", refused.Where);
    }

    [Fact]
    public void Any_text_parses_to_itself_or_to_a_fault()
    {
        var accepted = 0;
        var some = Gen.Elements("abz09-._:A!/ é\0".ToCharArray()).ArrayOf().Select(letters => new string(letters));
        Prop.ForAll(Arb.From(some), text =>
        {
            if (!DeviceId.Parse(text).TryGet(out var id, out var fault)) return fault.Code.StartsWith("device-id-", StringComparison.Ordinal);
            accepted++;
            return id.Text == text && DeviceId.From(id.Text) == id;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(6));
        Assert.True(accepted > 50);
    }

    [Theory]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", null)]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", "thumbprint-form")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555", "thumbprint-form")]
    [InlineData("E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "thumbprint-form")]
    [InlineData("", "thumbprint-form")]
    public void A_thumbprint_is_64_lower_case_hex_characters(string text, string? fault) => Assert.Equal(fault, KeyThumbprint.Parse(text).Fault?.Code);

    [Fact]
    public void The_thumbprint_of_nothing_is_the_published_one() =>
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", KeyThumbprint.Of(Encoding.UTF8.GetBytes("")).Text);

    [Fact]
    public void Words_are_what_rows_and_trails_hold()
    {
        Assert.Equal(["enrolled", "active", "contained", "decommissioned", "dead"], Enum.GetValues<DeviceState>().Select(Words.Of));
        Assert.Equal(["x509", "tpm", "symmetricKey"], Enum.GetValues<KeyKind>().Select(Words.Of));
        Assert.Equal(
            ["enroll", "admit", "observe", "rotate", "amend", "contain", "release", "decommission", "restore", "close", "bury", "succeed"],
            Enum.GetValues<Act>().Select(Words.Of));
        Assert.All(Enum.GetValues<DeviceState>(), state => Assert.True(Words.TryState(Words.Of(state), out var same) && same == state));
        Assert.All(Enum.GetValues<KeyKind>(), kind => Assert.True(Words.TryKind(Words.Of(kind), out var same) && same == kind));
        Assert.All(Enum.GetValues<Act>(), act => Assert.True(Words.TryAct(Words.Of(act), out var same) && same == act));
        Assert.False(Words.TryState("Dead", out _) || Words.TryAct("", out _) || Words.TryKind(null, out _));
    }
}
