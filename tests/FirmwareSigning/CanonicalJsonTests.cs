using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Tests;

public class CanonicalJsonTests
{
    [Theory]
    [InlineData("""{ "b" : 1, "a" : [ true, null, "x" ] }""", """{"a":[true,null,"x"],"b":1}""")]
    [InlineData("""{"a":"\"\\\/\u0041"}""", """{"a":"\"\\/A"}""")]
    [InlineData("""{"a":"line\nend\u0000"}""", "{\"a\":\"line\nend\0\"}")] // control characters raw
    [InlineData("""{"B":1,"a":2,"_":3}""", """{"B":1,"_":3,"a":2}""")]
    [InlineData("""{"a":"\ud83d\ude00é"}""", """{"a":"😀é"}""")]
    [InlineData("-9007199254740991", "-9007199254740991")]
    [InlineData("{}", "{}")]
    [InlineData("[]", "[]")]
    public void A_value_has_one_canonical_form(string json, string canonical)
    {
        Assert.True(JsonReading.Read(Encoding.UTF8.GetBytes(json)).TryGet(out var value, out _));
        Assert.Equal(canonical, Encoding.UTF8.GetString(CanonicalJson.Encode(value)));
    }

    [Theory]
    [InlineData("", "json-syntax")]
    [InlineData("{", "json-syntax")]
    [InlineData("{} x", "json-syntax")]
    [InlineData("{}{}", "json-syntax")]
    [InlineData("// c\n{}", "json-syntax")]
    [InlineData("[1,]", "json-syntax")]
    [InlineData("1.0", "json-number")]
    [InlineData("1e3", "json-number")]
    [InlineData("-0", "json-number")]
    [InlineData("9007199254740992", "json-number")]
    [InlineData("99999999999999999999", "json-number")]
    [InlineData("""{"a":1,"a":1}""", "json-duplicate")]
    [InlineData("""{"a":1,"\u0061":2}""", "json-duplicate")]
    [InlineData("""{"é":1}""", "json-member-name")]
    [InlineData("""["\ud800"]""", "json-text")]
    [InlineData("""{"\ud800":1}""", "json-text")]
    public void What_two_readers_could_see_differently_is_refused(string json, string fault) =>
        Assert.Equal(fault, JsonReading.Read(Encoding.UTF8.GetBytes(json)).Fault?.Code);

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused() => Assert.Equal("json-syntax", JsonReading.Read([(byte)'"', 0xC0, 0x80, (byte)'"']).Fault?.Code);

    [Theory]
    [InlineData(32, null)]
    [InlineData(33, "json-syntax")]
    public void Depth_is_bounded(int depth, string? fault) =>
        Assert.Equal(fault, JsonReading.Read(Encoding.UTF8.GetBytes(new string('[', depth) + new string(']', depth))).Fault?.Code);

    private static readonly Gen<string> Texts = Gen.Elements("", "a", "\"", "\\", "\n", "é", "😀", "z/z", "0").Four().Select(four => four.Item1 + four.Item2 + four.Item3 + four.Item4);

    private static Gen<JsonValue> Values(int depth) => depth == 0
        ? Gen.OneOf(
            Texts.Select(text => (JsonValue)text),
            Gen.Choose(-1000, 1000).Select(number => (JsonValue)(number * 9_007_199_254_740L)),
            Gen.Elements<JsonValue>(JsonBoolean.True, JsonBoolean.False, JsonNull.Value))
        : Gen.OneOf(
            Values(0),
            Values(depth - 1).ArrayOf(3).Select(items => (JsonValue)new JsonArray(items)),
            Values(depth - 1).Three().Select(three => (JsonValue)JsonObject.Of(("b", three.Item1), ("a\"", three.Item2), ("\t", three.Item3))));

    [Fact]
    public void Written_and_read_again_a_value_is_the_same() => Prop.ForAll(Arb.From(Values(3)), value =>
    {
        Assert.True(JsonReading.Read(JsonWriting.Encode(value)).TryGet(out var again, out _));
        return CanonicalJson.Encode(value).AsSpan().SequenceEqual(CanonicalJson.Encode(again));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Hostile_bytes_never_throw()
    {
        var seedDocument = Encoding.UTF8.GetBytes("""{"signed":{"_type":"root","version":1,"x":["\u0041",1,true]},"signatures":[{"keyid":"a","sig":"00"}]}""");
        var random = new Random(20260301);
        var accepted = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = seedDocument.ToArray();
            for (var change = random.Next(3); change >= 0; change--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (Envelope.Read(bytes).Fault is null) accepted++;
        }
        Assert.InRange(accepted, 100, 19_000); // both sides are reached
    }

    [Fact]
    public void Signed_bytes_keep_members_nobody_knows()
    {
        var file = """{"signatures":[],"signed":{"z":{"unknown":[1,"é"]},"_type":"root"},"extra":1}"""u8.ToArray();
        Assert.True(Envelope.Read(file).TryGet(out var envelope, out _));
        Assert.Equal("""{"_type":"root","z":{"unknown":[1,"é"]}}""", Encoding.UTF8.GetString(envelope.SignedBytes.Span));
        Assert.Equal(file, envelope.File.ToArray());
    }
}
