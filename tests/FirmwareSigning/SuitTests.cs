using System.Security.Cryptography;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Keys;

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

    private static async Task<byte[]> Signed(SuitManifest manifest)
    {
        Assert.True((await SuitEnvelope.Create(manifest, TestKeys.Named("suit"), TestContext.Current.CancellationToken)).TryGet(out var wire, out _));
        return wire;
    }
}
