using System.Buffers.Binary;
using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Mcuboot;

/// <summary>An image as the boot loader mcuboot takes it (mcuboot design, "Image format"): header, body, protected records, and records that hold
/// digest, key hash and signature.</summary>
/// <remarks>The boot loader enforces what it says even when the updater above it is broken: one pinned P-256 key, and a security counter that
/// never goes back where the hardware keeps it.</remarks>
/// <param name="Version">Of the header; people read it, nothing else.</param>
/// <param name="SecurityCounter">The anti-rollback counter, protected by the signature.</param>
/// <param name="HeaderBytes">Where the body begins.</param>
/// <param name="BodyBytes">Length of the body.</param>
/// <param name="Sha256">Digest of header, body and protected records, 32 bytes: the image's name to the boot loader.</param>
public sealed record McubootImage(McubootVersion Version, uint SecurityCounter, int HeaderBytes, int BodyBytes, ReadOnlyMemory<byte> Sha256)
{
    // struct image_header { u32 magic; u32 loadAddress; u16 headerBytes; u16 protectedBytes; u32 bodyBytes; u32 flags; u8 major, minor; u16 revision; u32 build; u32 pad; }
    // struct tlv_info { u16 magic; u16 bytes; } tlv { u16 type; u16 bytes; u8 value[bytes]; }   little-endian; an area's length counts its own head
    private const uint Magic = 0x96f3b83d;
    private const ushort ProtectedMagic = 0x6908, PlainMagic = 0x6907;
    private const ushort KeyHash = 0x01, Sha256Record = 0x10, EcdsaSignature = 0x22, SecurityCounterRecord = 0x50;
    private const int HeadBytes = 4;
    private static readonly byte[] P256Prefix = Convert.FromHexString("3059301306072a8648ce3d020106082a8648ce3d03010703420004"); // SubjectPublicKeyInfo of an uncompressed point, RFC 5480

    /// <summary>Shortest header, bytes; a longer one aligns the body, as most vector tables need.</summary>
    public const int HeaderBytesMin = 32;

    /// <summary>Longest image made or read: 64 MiB. No microcontroller's slot is larger.</summary>
    public const int WireBytesMax = 64 * 1024 * 1024;

    /// <summary>Most bytes an image has once it is signed; a signature's length varies by a few.</summary>
    /// <param name="bodyBytes">Length of the body.</param>
    /// <param name="headerBytes">Length of the header.</param>
    public static long SignedBytesMax(long bodyBytes, int headerBytes) =>
        headerBytes + bodyBytes + (2 * HeadBytes) + (4 * HeadBytes) + 4 + (2 * SHA256.HashSizeInBytes) + EcdsaDer.DerBytesMax;

    /// <summary>Makes and signs an image.</summary>
    /// <param name="body">What the device runs, without a header.</param>
    /// <param name="version">For the header.</param>
    /// <param name="securityCounter">The anti-rollback counter; the release's svn.</param>
    /// <param name="headerBytes">Length of the header, <see cref="HeaderBytesMin"/> to 65,535: what the body was linked for.</param>
    /// <param name="signer">The key whose public part the boot loader was built with.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The image's bytes, opened as a boot loader would before they are given out; or <c>mcuboot-header</c> (a length out of range),
    /// <c>mcuboot-length</c> (an empty body, or more than <see cref="WireBytesMax"/>), <c>mcuboot-key</c> (not P-256), <c>signature-wrong</c>, or the
    /// signer's refusal.</returns>
    public static async Task<Parsed<byte[]>> Sign(
        ReadOnlyMemory<byte> body, McubootVersion version, uint securityCounter, int headerBytes, IDigestSigner signer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(signer);
        if (headerBytes is < HeaderBytesMin or > ushort.MaxValue) return new Fault("mcuboot-header", "headerBytes");
        if (body.IsEmpty || body.Length > WireBytesMax - headerBytes - 1024) return new Fault("mcuboot-length", "body");
        if (KeyHashOf(signer.Key) is not { } keyHash) return new Fault("mcuboot-key", "signer");

        var counter = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(counter, securityCounter);
        var protectedArea = Area(ProtectedMagic, (SecurityCounterRecord, counter));
        byte[] signed = [.. Header(version, headerBytes, protectedArea.Length, body.Length), .. body.Span, .. protectedArea];
        var digest = SHA256.HashData(signed);
        if (!(await signer.Sign(digest, cancel).ConfigureAwait(false)).TryGet(out var raw, out var fault)) return fault;
        // mcuboot wants DER; R||S attached as it comes from a vault boots nowhere.
        if (raw.RAndS.Length != EcdsaDer.RawBytes) return new Fault("signature-wrong", "length");
        byte[] image = [.. signed, .. Area(PlainMagic, (Sha256Record, digest), (KeyHash, keyHash), (EcdsaSignature, EcdsaDer.FromRaw(raw.RAndS.Span)))];
        return Open(image, signer.Key).TryGet(out _, out fault) ? image : new Fault("signature-wrong", fault.Code);
    }

    /// <summary>Reads and verifies an image as a boot loader does.</summary>
    /// <param name="wire">Hostile bytes. What lies behind the records (a slot's padding) is not looked at.</param>
    /// <param name="key">The key the boot loader was built with.</param>
    /// <returns>The image, or <c>mcuboot-key</c> (not P-256), <c>mcuboot-length</c>, <c>mcuboot-magic</c>, <c>mcuboot-header</c> (lengths that do not
    /// fit, or an encrypted, compressed or split image: flags other than 0), <c>mcuboot-records</c> (an area cut short, records that do not fit, one of those needed missing or
    /// there twice), <c>mcuboot-digest</c>, <c>mcuboot-signer</c> (another key's hash), <c>mcuboot-signature</c>.</returns>
    public static Parsed<McubootImage> Open(ReadOnlyMemory<byte> wire, PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (KeyHashOf(key) is not { } keyHash) return new Fault("mcuboot-key", "key");
        if (wire.Length is < HeaderBytesMin or > WireBytesMax) return new Fault("mcuboot-length", "image");
        var bytes = wire.Span;
        if (!Is(bytes)) return new Fault("mcuboot-magic", "header");
        int headerBytes = BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]), protectedBytes = BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]);
        long bodyBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]), end = headerBytes + bodyBytes;
        if (headerBytes < HeaderBytesMin || bodyBytes == 0 || end + protectedBytes > bytes.Length || BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) != 0) return new Fault("mcuboot-header", "header");

        var body = (int)end;
        if (!TryRecords(bytes[body..], ProtectedMagic, protectedBytes, out var kept) || !TryRecords(bytes[(body + protectedBytes)..], PlainMagic, null, out var plain)) return new Fault("mcuboot-records", "trailer");
        var whole = kept.TryGetValue(SecurityCounterRecord, out var counter) & plain.TryGetValue(Sha256Record, out var digest)
            & plain.TryGetValue(KeyHash, out var signer) & plain.TryGetValue(EcdsaSignature, out var signature);
        if (!whole || counter!.Length != 4) return new Fault("mcuboot-records", "trailer");

        var signed = bytes[..(body + protectedBytes)];
        if (!digest.AsSpan().SequenceEqual(SHA256.HashData(signed))) return new Fault("mcuboot-digest", "trailer.sha256");
        if (!signer.AsSpan().SequenceEqual(keyHash)) return new Fault("mcuboot-signer", "trailer.keyHash");
        if (!key.Verifies(signed, signature)) return new Fault("mcuboot-signature", "trailer.signature");
        var version = new McubootVersion(bytes[20], bytes[21], BinaryPrimitives.ReadUInt16LittleEndian(bytes[22..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]));
        return new McubootImage(version, BinaryPrimitives.ReadUInt32LittleEndian(counter), headerBytes, (int)bodyBytes, digest);
    }

    /// <summary>Whether bytes begin like an mcuboot image.</summary>
    public static bool Is(ReadOnlySpan<byte> bytes) => bytes.Length >= HeaderBytesMin && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic;

    private static byte[] Header(McubootVersion version, int headerBytes, int protectedBytes, int bodyBytes)
    {
        var header = new byte[headerBytes];
        header.AsSpan(HeaderBytesMin).Fill(0xff); // as erased flash reads
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)headerBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(10), (ushort)protectedBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)bodyBytes);
        (header[20], header[21]) = (version.Major, version.Minor);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(22), version.Revision);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(24), version.Build);
        return header;
    }

    private static byte[] Area(ushort magic, params ReadOnlySpan<(ushort Type, byte[] Value)> records)
    {
        var length = HeadBytes;
        foreach (var (_, value) in records) length += HeadBytes + value.Length;
        var area = new byte[length];
        Head(area, magic, length);
        var at = HeadBytes;
        foreach (var (type, value) in records)
        {
            Head(area.AsSpan(at), type, value.Length);
            value.CopyTo(area, at + HeadBytes);
            at += HeadBytes + value.Length;
        }

        return area;
    }

    private static void Head(Span<byte> to, ushort word, int length)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, word);
        BinaryPrimitives.WriteUInt16LittleEndian(to[2..], (ushort)length);
    }

    // A type that comes twice has two meanings for two readers; of those that nobody here knows, the first stands.
    private static bool TryRecords(ReadOnlySpan<byte> area, ushort magic, int? expected, out Dictionary<ushort, byte[]> records)
    {
        records = [];
        if (area.Length < HeadBytes || BinaryPrimitives.ReadUInt16LittleEndian(area) != magic) return false;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(area[2..]);
        if (length < HeadBytes || length > area.Length || (expected is { } bytes && length != bytes)) return false;
        for (var rest = area[HeadBytes..length]; !rest.IsEmpty;)
        {
            if (rest.Length < HeadBytes) return false;
            var (type, size) = (BinaryPrimitives.ReadUInt16LittleEndian(rest), BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]));
            if (size > rest.Length - HeadBytes) return false;
            if (!records.TryAdd(type, rest.Slice(HeadBytes, size).ToArray()) && type is KeyHash or Sha256Record or EcdsaSignature or SecurityCounterRecord) return false;
            rest = rest[(HeadBytes + size)..];
        }

        return true;
    }

    // The hash names the key as boot loaders hold it: its SubjectPublicKeyInfo with the whole point.
    private static byte[]? KeyHashOf(PublicKey key) =>
        key.Material.StartsWith("p256:", StringComparison.Ordinal) ? SHA256.HashData([.. P256Prefix, .. Convert.FromHexString(key.Material.AsSpan(5))]) : null;
}
