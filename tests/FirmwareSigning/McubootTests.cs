using System.Buffers.Binary;
using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Mcuboot;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>Images for a boot loader that verifies by itself, against those of its own tool.</summary>
public sealed class McubootTests : IDisposable
{
    private static readonly byte[] Body = [.. Enumerable.Range(0, 1000).Select(i => (byte)(((i * 7) + (i / 256)) % 251))];
    private readonly FileKey _key = FileKey.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _key.Dispose();

    [Theory]
    [InlineData("counter.bin", "1.2.3+4", 7u, 512)]
    [InlineData("records.bin", "9.0.65535+4294967295", 4294967295u, 32)]
    public void An_image_of_the_boot_loaders_own_tool_opens(string file, string version, uint counter, int headerBytes)
    {
        var image = Opened(Vector(file), ToolKey());
        Assert.Equal((version, counter, headerBytes, Body.Length), (image.Version.ToString(), image.SecurityCounter, image.HeaderBytes, image.BodyBytes));
    }

    [Fact]
    public async Task Ours_is_byte_for_byte_what_the_tool_makes_up_to_the_key()
    {
        var (ours, theirs) = (await Signed(), Vector("counter.bin"));
        var keyHash = theirs.Length - BinaryPrimitives.ReadUInt16LittleEndian(theirs.AsSpan(theirs.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0x07, 0x69, 0x97]) + 2)) + 4 + 36;
        Assert.Equal((ushort)0x01, BinaryPrimitives.ReadUInt16LittleEndian(theirs.AsSpan(keyHash)));
        var areaLength = 512 + Body.Length + 12 + 2; // the area's length counts the signature, whose own varies
        Assert.Equal(theirs[..areaLength], ours[..areaLength]);
        Assert.Equal(theirs[(areaLength + 2)..(keyHash + 4)], ours[(areaLength + 2)..(keyHash + 4)]);
        Assert.Equal(0x22, ours[keyHash + 36]);
        Assert.Equal(0x30, ours[keyHash + 40]); // DER, not R||S
    }

    [Fact]
    public async Task What_was_signed_opens_with_its_key_and_with_no_other()
    {
        var wire = await Signed();
        var image = Opened(wire, _key.Key);
        Assert.Equal(("1.2.3+4", 7u, 512, 1000), (image.Version.ToString(), image.SecurityCounter, image.HeaderBytes, image.BodyBytes));
        Assert.Equal(SHA256.HashData(wire.AsSpan(0, 512 + 1000 + 12)), image.Sha256.ToArray());
        Assert.InRange(wire.Length, 1, McubootImage.SignedBytesMax(Body.Length, 512));
        Assert.InRange(McubootImage.SignedBytesMax(Body.Length, 512) - wire.Length, 0, 4);
        using var other = FileKey.Create();
        Assert.Equal("mcuboot-signer", Refusal(wire, other.Key));
        Assert.True(McubootImage.Open(Padded(wire), _key.Key).TryGet(out _, out _)); // as it lies in a slot
    }

    [Fact] // exhaustive: a short image, every bit
    public async Task No_bit_of_it_can_be_changed_and_no_byte_cut_off()
    {
        var wire = (await McubootImage.Sign(Body.AsMemory(0, 40), default, 3, 32, _key, Cancel)).TryGet(out var bytes, out _) ? bytes : [];
        for (var bit = 0; bit < wire.Length * 8; bit++)
        {
            var changed = wire.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(McubootImage.Open(changed, _key.Key).TryGet(out _, out _), $"bit {bit}");
        }

        for (var length = 0; length < wire.Length; length++) Assert.False(McubootImage.Open(wire.AsMemory(0, length), _key.Key).TryGet(out _, out _), $"{length} bytes");
    }

    [Fact]
    public void Garbage_that_begins_like_an_image_is_refused_and_nothing_is_thrown()
    {
        var random = new Random(5);
        for (var i = 0; i < 20_000; i++)
        {
            var garbage = new byte[random.Next(0, 200)];
            random.NextBytes(garbage);
            if (garbage.Length >= 32)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(garbage, 0x96f3b83d);
                (garbage[9], garbage[11], garbage[13], garbage[14], garbage[15]) = (0, 0, 0, 0, 0);
                garbage.AsSpan(16, 4).Clear();
            }

            Assert.False(McubootImage.Open(garbage, _key.Key).TryGet(out _, out _));
        }
    }

    [Fact]
    public async Task Each_refusal_has_its_code()
    {
        var wire = await Signed();
        Assert.Equal("mcuboot-length", Refusal([], _key.Key));
        Assert.Equal("mcuboot-magic", Refusal(Changed(wire, 0, 0), _key.Key));
        Assert.Equal("mcuboot-header", Refusal(Changed(wire, 9, 0), _key.Key)); // a header shorter than itself
        Assert.Equal("mcuboot-header", Refusal(Changed(wire, 15, 0x7f), _key.Key)); // a body longer than the file
        Assert.Equal("mcuboot-header", Refusal(Changed(wire, 16, 4), _key.Key)); // encrypted
        Assert.Equal("mcuboot-records", Refusal(Changed(wire, 10, 11), _key.Key)); // protected records of another length than their head says
        Assert.Equal("mcuboot-digest", Refusal(Changed(wire, 600, 0xee), _key.Key));
        Assert.Equal("mcuboot-digest", Refusal(Changed(wire, 512 + 1000 + 8, 9), _key.Key)); // the security counter
        Assert.Equal("mcuboot-signature", Refusal(Changed(wire, wire.Length - 1, (byte)(wire[^1] ^ 1)), _key.Key));
        Assert.Equal("mcuboot-records", Refusal(Vector("nocounter.bin"), ToolKey()));
        Assert.Equal("mcuboot-records", Refusal(Twice(wire), _key.Key));
        Assert.Equal("mcuboot-key", Refusal(wire, Ed25519Key()));
    }

    [Theory]
    [InlineData(31, 10, "mcuboot-header")]
    [InlineData(65_536, 10, "mcuboot-header")]
    [InlineData(32, 0, "mcuboot-length")]
    public async Task What_no_boot_loader_could_hold_is_not_signed(int headerBytes, int bodyBytes, string code) =>
        Assert.Equal(code, (await McubootImage.Sign(new byte[bodyBytes], default, 0, headerBytes, _key, Cancel)).Fault!.Code);

    [Fact]
    public async Task A_signer_that_answers_with_anothers_signature_gets_nothing_out()
    {
        using var other = FileKey.Create();
        Assert.Equal("signature-wrong", (await McubootImage.Sign(Body, default, 0, 32, new Liar(_key.Key, other), Cancel)).Fault!.Code);
    }

    [Theory]
    [InlineData("1", "1.0.0+0")]
    [InlineData("1.2", "1.2.0+0")]
    [InlineData("255.255.65535+4294967295", "255.255.65535+4294967295")]
    [InlineData("256", null)]
    [InlineData("1.2.65536", null)]
    [InlineData("1.2.3+4294967296", null)]
    [InlineData("1.2.3.4", null)]
    [InlineData("1..2", null)]
    [InlineData("", null)]
    [InlineData("1.2.3+", null)]
    [InlineData("-1", null)]
    [InlineData(" 1", null)]
    public void A_version_is_what_the_header_can_hold(string text, string? expected) =>
        Assert.Equal(expected, McubootVersion.Parse(text).TryGet(out var version, out _) ? version.ToString() : null);

    private static byte[] Vector(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors/mcuboot", name));

    private static PublicKey ToolKey()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors/mcuboot/key.pub.pem")));
        return PublicKey.From(key);
    }

    private static PublicKey Ed25519Key() => PublicKey.Parse(
        Trust.Json.JsonObject.Of(("keytype", "ed25519"), ("scheme", "ed25519"), ("keyval", Trust.Json.JsonObject.Of(("public", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))), "key") // RFC 8032 section 7.1
        .TryGet(out var key, out var fault) ? key : throw new InvalidOperationException(fault.ToString());

    private static McubootImage Opened(byte[] wire, PublicKey key) => McubootImage.Open(wire, key).TryGet(out var image, out var fault) ? image : throw new InvalidOperationException(fault.ToString());

    private static string Refusal(byte[] wire, PublicKey key) => McubootImage.Open(wire, key).Fault!.Code;

    private static byte[] Changed(byte[] wire, int at, byte value)
    {
        var changed = wire.ToArray();
        changed[at] = value;
        return changed;
    }

    private static byte[] Padded(byte[] wire) => [.. wire, .. Enumerable.Repeat((byte)0xff, 500)];

    // The digest's record a second time, at the end.
    private static byte[] Twice(byte[] wire)
    {
        var area = 512 + Body.Length + 12;
        byte[] twice = [.. wire, .. wire[(area + 4)..(area + 40)]];
        BinaryPrimitives.WriteUInt16LittleEndian(twice.AsSpan(area + 2), (ushort)(twice.Length - area));
        return twice;
    }

    private async Task<byte[]> Signed() => (await McubootImage.Sign(Body, new McubootVersion(1, 2, 3, 4), 7, 512, _key, Cancel)).TryGet(out var wire, out var fault) ? wire : throw new InvalidOperationException(fault.ToString());

    private sealed class Liar(PublicKey key, FileKey other) : IDigestSigner
    {
        public PublicKey Key => key;

        public Task<Parsed<RawSignature>> Sign(ReadOnlyMemory<byte> sha256, CancellationToken cancel) => other.Sign(sha256, cancel);
    }
}
