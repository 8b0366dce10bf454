using System.Security.Cryptography;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests;

public class SuitTests
{
    private static readonly PublicKey Key = TestKeys.Named("suit").Key;

    // The values of draft-ietf-suit-manifest appendix B, example 0.
    private static readonly SuitManifest Example0 = new(
        0, new byte[] { 0 }, Convert.FromHexString("fa6b4a53d5ad5fdfbe9de663e4d41ffe"), Convert.FromHexString("1492af1425695e48bf429b2d51f2ab45"),
        Convert.FromHexString("00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"), 34768, "");

    [Fact]
    public void The_drafts_first_example_encodes_to_the_drafts_digest()
    {
        // Known answer of appendix B.1: SHA-256 of the manifest with its bstr head (here 0x58, length).
        var manifest = Example0.Encode();
        byte[] wrapped = [0x58, (byte)manifest.Length, .. manifest];
        Assert.Equal("6658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af", Convert.ToHexStringLower(SHA256.HashData(wrapped)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("coaps://gateway.local/image")]
    public async Task An_envelope_opens_with_the_pinned_key_and_reads_as_written(string uri)
    {
        var manifest = Example0 with { Sequence = 7, Uri = uri };
        var wire = await Signed(manifest);
        Assert.True(SuitEnvelope.Open(wire, Key).TryGet(out var envelope, out var fault), fault?.ToString());
        Assert.Equal(manifest, envelope.Manifest);
        Assert.Equal("suit-signature", SuitEnvelope.Open(wire, TestKeys.Named("other").Key).Fault?.Code);
    }

    [Fact]
    public async Task Every_flipped_bit_is_noticed()
    {
        var wire = await Signed(Example0);
        for (var bit = 0; bit < wire.Length * 8; bit++)
        {
            var bad = wire.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotNull(SuitEnvelope.Open(bad, Key).Fault);
        }
    }

    [Fact]
    public async Task A_manifest_that_is_not_the_one_signed_is_refused()
    {
        var wire = await Signed(Example0);
        wire[wire.AsSpan().IndexOf(Example0.VendorId.Span)] ^= 1;
        Assert.Equal("suit-digest", SuitEnvelope.Open(wire, Key).Fault?.Code);
    }

    [Fact]
    public async Task Hostile_bytes_never_throw()
    {
        var wire = await Signed(Example0 with { Uri = "coap://x" });
        var random = new Random(20260301);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = wire.AsSpan(0, random.Next(4) == 0 ? random.Next(wire.Length) : wire.Length).ToArray();
            for (var change = random.Next(4); change > 0 && bytes.Length > 0; change--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            _ = SuitEnvelope.Open(bytes, Key);
            _ = SuitManifest.Read(bytes, new Dictionary<int, ReadOnlyMemory<byte>>());
        }
        Assert.Equal("suit-length", SuitEnvelope.Open(new byte[SuitEnvelope.WireBytesMax + 1], Key).Fault?.Code);
        Assert.Equal("suit-length", SuitEnvelope.Open(default, Key).Fault?.Code);
        Assert.Equal("suit-cbor", SuitEnvelope.Open(new byte[] { 0xA0 }, Key).Fault?.Code);
    }

    [Fact]
    public void Manifests_at_random_never_throw_and_what_is_read_encodes_the_same()
    {
        var manifest = (Example0 with { Uri = "coap://x" }).Encode();
        var random = new Random(1);
        var read = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = manifest.ToArray();
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (!SuitManifest.Read(bytes, new Dictionary<int, ReadOnlyMemory<byte>>()).TryGet(out var again, out _)) continue;
            read++;
            Assert.True(again.Sequence >= 0 && again.ImageSha256.Length == 32 && again.ImageBytes > 0);
        }
        Assert.True(read > 100);
    }

    [Theory]
    [InlineData("A5010102000350A2028181410004478114", "suit-cbor")]
    [InlineData("A301020200034BA202818141000443820C00", "suit-version")]
    [InlineData("A301010200034BA202818141000443820C01", "suit-component")]
    [InlineData("A301010200034BA202818141000443820F00", "suit-command")]
    [InlineData("A301010200034BA202818141000443820C00", "suit-parameter")]
    [InlineData("A301010200034EA202828141008141010443820C00", "suit-component")]
    [InlineData("A201010500", "suit-member")]
    public void Manifests_outside_the_subset_are_refused_by_name(string hex, string fault) =>
        Assert.Equal(fault, SuitManifest.Read(Convert.FromHexString(hex), new Dictionary<int, ReadOnlyMemory<byte>>()).Fault?.Code);

    private static readonly SuitClass Mcu = new("vendor.example", "mcu7-r1", "app");

    private const string Image = "mcu7/1.0.0/image.bin";

    private static Release Record(int svn = 3) => new("mcu7", ["mcu7-r1", "mcu7-r2"], "1.0.0", svn, 4096, "", new string('a', 64), new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
        Suit = new Dictionary<string, string> { ["mcu7-r1"] = SuitTarget.NameOf(Image, "mcu7-r1") },
    };

    /// <summary>What is wrong with an envelope, its entry or its image's, and what a gateway says.</summary>
    public static TheoryData<string, string?> Pairs() => new()
    {
        { "", null },
        { "image without record", "suit-link" },
        { "image with a broken record", "field-missing" },
        { "image names none", "suit-link" },
        { "image names another", "suit-link" },
        { "entry without custom", "suit-link" },
        { "entry of another image", "suit-link" },
        { "entry of other hardware", "suit-link" },
        { "entry names no image", "suit-link" },
        { "entry names no hardware", "suit-link" },
        { "other bytes", "suit-link" },
        { "entry of another length", "suit-link" },
        { "longer than its entry", "suit-link" },
        { "another key", "suit-signature" },
        { "another image", "suit-manifest" },
        { "another length", "suit-manifest" },
        { "an older svn", "suit-manifest" },
        { "another class", "suit-manifest" },
        { "another vendor", "suit-manifest" },
        { "another component", "suit-manifest" },
        { "a uri", "suit-manifest" },
        { "image without SHA-256", "suit-manifest" },
    };

    [Theory, MemberData(nameof(Pairs))]
    public async Task A_gateway_hands_over_only_an_image_and_its_own_envelope(string wrong, string? code)
    {
        var content = "image"u8.ToArray();
        var digest = SHA256.HashData(content);
        var manifest = wrong switch
        {
            "another image" => Mcu.ManifestOf(3, SHA256.HashData("other"u8), 5),
            "another length" => Mcu.ManifestOf(3, digest, 6),
            "an older svn" => Mcu.ManifestOf(2, digest, 5),
            "another class" => (Mcu with { Hardware = "mcu7-r2" }).ManifestOf(3, digest, 5),
            "another vendor" => (Mcu with { Vendor = "other.example" }).ManifestOf(3, digest, 5),
            "another component" => (Mcu with { Component = "boot" }).ManifestOf(3, digest, 5),
            "a uri" => Mcu.ManifestOf(3, digest, 5, "coap://x"),
            _ => Mcu.ManifestOf(3, digest, 5),
        };
        var envelope = await Signed(manifest);
        var record = wrong switch
        {
            "image names none" => Record() with { Suit = new Dictionary<string, string>() },
            "image names another" => Record() with { Suit = new Dictionary<string, string> { ["mcu7-r1"] = "mcu7/1.0.0/other.suit" } },
            _ => Record(),
        };
        var hashes = wrong == "image without SHA-256" ? new Hashes(null, SHA512.HashData(content)) : Hashes.Of(content);
        var file = new TargetFile(5, hashes, wrong switch { "image without record" => null, "image with a broken record" => JsonObject.Empty, _ => record.ToJson() });
        var entry = SuitTarget.EntryOf(wrong == "entry of another image" ? "mcu7/0.9.0/image.bin" : Image, wrong == "entry of other hardware" ? "mcu7-r2" : "mcu7-r1", envelope);
        if (wrong == "entry of another length") entry = entry with { Length = entry.Length + 1 };
        if (wrong == "entry without custom") entry = entry with { Custom = null };
        if (wrong == "entry names no image") entry = entry with { Custom = JsonObject.Of((SuitTarget.Member, ((JsonObject)entry.Custom!.Find(SuitTarget.Member)!).Without("image"))) };
        if (wrong == "entry names no hardware") entry = entry with { Custom = JsonObject.Of((SuitTarget.Member, ((JsonObject)entry.Custom!.Find(SuitTarget.Member)!).With("hardware", 1L))) };
        byte[] given = wrong switch { "other bytes" => await Signed(manifest), "longer than its entry" => [.. envelope, 0], _ => envelope };
        var key = wrong == "another key" ? TestKeys.Named("other").Key : Key;
        Assert.Equal(code, SuitTarget.Judge(Image, file, Mcu, entry, given, key).Fault?.Code);
    }

    [Theory]
    [InlineData("""{"mcu7-r1":"mcu7/1.0.0/image.bin.mcu7-r1.suit"}""", null)]
    [InlineData("""{"mcu7-r9":"mcu7/1.0.0/image.bin.mcu7-r9.suit"}""", "release-suit")]
    [InlineData("""{"mcu7-r1":"mcu7/0.9.0/image.bin.mcu7-r1.suit"}""", "release-suit")]
    [InlineData("""{"mcu7-r1":"mcu8/1.0.0/image.bin.mcu7-r1.suit"}""", "release-suit")]
    [InlineData("""{"mcu7-r1":"mcu7/1.0.0/.suit"}""", "release-suit")]
    [InlineData("""{"mcu7-r1":"mcu7/1.0.0/a/b.suit"}""", "release-suit")]
    [InlineData("""{"mcu7-r1":7}""", "release-suit")]
    [InlineData("""["mcu7-r1"]""", "field-type")]
    public void A_release_names_envelopes_of_its_own_hardware_and_version(string suit, string? code)
    {
        Assert.True(JsonReading.Read(System.Text.Encoding.UTF8.GetBytes(suit)).TryGet(out var value, out _));
        var read = Release.Parse(Record().ToJson().With("suit", value));
        Assert.Equal(code, read.Fault?.Code);
        if (code is null) Assert.True(read.TryGet(out var release, out _) && release.Suit.Single().Value == SuitTarget.NameOf(Image, "mcu7-r1"));
        Assert.Null((Record() with { Suit = new Dictionary<string, string>() }).ToJson().Find("suit")); // absent, not empty
    }

    private static async Task<byte[]> Signed(SuitManifest manifest)
    {
        Assert.True((await SuitEnvelope.Create(manifest, TestKeys.Named("suit"), TestContext.Current.CancellationToken)).TryGet(out var wire, out _));
        return wire;
    }
}
