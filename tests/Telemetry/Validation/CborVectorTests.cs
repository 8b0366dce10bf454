using System.Text.Json;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>RFC 8949 appendix A (examples), appendix F (what is not well-formed), and the bounds set here.</summary>
public class CborVectorTests
{
    // {"messageId":"m","sentAt":…,"sequence":1,"metrics":{"any": …
    private static readonly byte[] Front =
    [
        0xA4, 0x69, .. "messageId"u8, 0x61, .. "m"u8, 0x66, .. "sentAt"u8, 0x74, .. "2026-06-01T12:00:00Z"u8,
        0x68, .. "sequence"u8, 0x01, 0x67, .. "metrics"u8, 0xA1, 0x63,
    ];

    public static TheoryData<string> Items() => [.. Vectors.Read("cbor", "items.json").Select(vector => vector.Member("hex")!)];

    [Theory]
    [MemberData(nameof(Items))]
    public void An_item_is_well_formed_or_refused_as_stated(string hex)
    {
        var vector = Array.Find(Vectors.Read("cbor", "items.json"), vector => vector.Member("hex") == hex);
        var bench = new Bench { ContentType = "application/cbor", Profile = Profiles.Of(Profiles.AllMetrics, "unknownMetrics=\"drop\"") };
        byte[] body = [.. Front, .. "xyz"u8, .. Convert.FromHexString(hex)];
        var verdict = bench.Judged(body);
        Assert.Equal(vector.Member("expect"), verdict.Fault?.Code ?? "well-formed");
    }

    [Theory]
    [MemberData(nameof(Items))]
    public void A_number_becomes_JSON_without_loss(string hex)
    {
        var vector = Array.Find(Vectors.Read("cbor", "items.json"), vector => vector.Member("hex") == hex);
        if (vector.Member("json") is not { } json) return;
        var bench = new Bench { ContentType = "application/cbor" };
        byte[] body = [.. Front, .. "any"u8, .. Convert.FromHexString(hex)];
        Assert.Equal("accepted", Bench.Outcome(bench.Judged(body)));
        Assert.EndsWith($$$""","metrics":{"any":{{{json}}}}}""", bench.Normalised(body));
        Assert.Equal(double.Parse(json, System.Globalization.CultureInfo.InvariantCulture), bench.Readings.Value(6));
        using var parsed = JsonDocument.Parse(bench.Normalised(body));
        Assert.Equal(bench.Readings.Value(6), parsed.RootElement.GetProperty("metrics").GetProperty("any").GetDouble());
    }

    [Theory]
    [InlineData("messageId")]
    [InlineData("sentAt")]
    [InlineData("sequence")]
    [InlineData("deviceId")]
    public void A_member_of_the_message_said_twice_is_refused(string member)
    {
        var bench = new Bench { ContentType = "application/cbor" };
        var key = System.Text.Encoding.UTF8.GetBytes(member);
        byte[] twice = [0xA2, (byte)(0x60 + key.Length), .. key, 0x61, .. "m"u8, (byte)(0x60 + key.Length), .. key, 0x61, .. "m"u8];
        Assert.Equal("cbor-duplicate-key", bench.Judged(twice).Fault?.Code);
        // Said once, the same bytes are read to their end and refused for what is missing.
        Assert.NotEqual("cbor-duplicate-key", bench.Judged([0xA1, .. twice[1..(2 + key.Length + 2)]]).Fault?.Code);
    }

    [Theory]
    [InlineData(4096, "well-formed")]
    [InlineData(4097, "text-too-long")]
    public void A_text_is_at_most_as_long_as_a_buffer(int bytes, string expect)
    {
        var bench = new Bench { ContentType = "application/cbor", Profile = Profiles.Of(Profiles.AllMetrics, "unknownMetrics=\"drop\"") };
        byte[] text = [0x79, (byte)(bytes >> 8), (byte)(bytes & 0xFF), .. Enumerable.Repeat((byte)'n', bytes)];
        Assert.Equal(expect, bench.Judged([.. Front, .. "xyz"u8, .. text]).Fault?.Code ?? "well-formed");
    }

    [Fact]
    public void Self_described_CBOR_is_accepted_once_in_front_and_trailing_data_is_not()
    {
        var bench = new Bench { ContentType = "application/cbor" };
        byte[] message = [.. Front, .. "any"u8, 0x01];
        Assert.Equal("cbor-tag at body", Bench.Outcome(bench.Judged([0xD9, 0xD9, 0xF7, 0xD9, 0xD9, 0xF7, .. message])));
        Assert.Equal("cbor-trailing-data at body", Bench.Outcome(bench.Judged([.. message, 0x00])));
        Assert.Equal("message-not-object at body", Bench.Outcome(bench.Judged([0x83, 1, 2, 3])));
        Assert.Equal("accepted", Bench.Outcome(bench.Judged([0xD9, 0xD9, 0xF7, .. message])));
    }

    [Fact]
    public void The_same_message_as_CBOR_and_JSON_normalises_to_the_same_bytes()
    {
        var bench = new Bench();
        var json = """{"messageId":"m","sentAt":"2026-06-01T12:00:00Z","sequence":1,"metrics":{"n":1.50,"i":-5,"b":true,"e":"on","s":"\u00e9\"","v":[0.5,-1,0.25]}}""";
        Assert.Equal("accepted", Bench.Outcome(bench.Judged(json)));
        var fromJson = bench.Normalised(json);

        // Indefinite lengths, chunks, a half, a decimal fraction, a tag on the date: all the liberties CBOR takes.
        byte[] cbor =
        [
            0xBF, 0x67, .. "metrics"u8, 0xBF, 0x61, .. "v"u8, 0x9F, 0xF9, 0x38, 0x00, 0x20, 0xFA, 0x3E, 0x80, 0x00, 0x00, 0xFF,
            0x61, .. "s"u8, 0x7F, 0x62, .. "é"u8, 0x61, (byte)'"', 0xFF, 0x61, .. "e"u8, 0x62, .. "on"u8, 0x61, .. "b"u8, 0xF5,
            0x61, .. "i"u8, 0x38, 0x04, 0x7F, 0x61, .. "n"u8, 0xFF, 0xC4, 0x82, 0x21, 0x18, 0x96, 0xFF,
            0x68, .. "sequence"u8, 0x1B, 0, 0, 0, 0, 0, 0, 0, 1, 0x66, .. "sentAt"u8, 0xC0, 0x74, .. "2026-06-01T12:00:00Z"u8,
            0x69, .. "messageId"u8, 0x61, .. "m"u8, 0xFF,
        ];
        var other = new Bench { ContentType = "application/cbor" };
        Assert.Equal("accepted", Bench.Outcome(other.Judged(cbor)));
        // One text, two spellings: JSON keeps the device's escapes, CBOR has none.
        Assert.Equal(fromJson.Replace("\\u00e9", "é", StringComparison.Ordinal), other.Normalised(cbor));
    }
}
