using System.Formats.Cbor;
using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Suit;

/// <summary>A SUIT envelope (draft-ietf-suit-manifest-37 section 8.2, the subset of FORMAT.md 8): a manifest, its digest, and COSE
/// signatures over the digest.</summary>
/// <remarks>What an MCU verifies before it boots. The device's key is pinned in it; there is no rotation here: that is what the
/// TUF repository around the envelope is for.</remarks>
public sealed class SuitEnvelope
{
    // SUIT_Envelope_Tagged = #6.107({ 2 => bstr .cbor [ bstr .cbor SUIT_Digest, * bstr .cbor COSE_Sign1_Tagged ], 3 => bstr .cbor SUIT_Manifest, * severed members })
    // SUIT_Digest = [ -16 (SHA-256), bstr ]      over the manifest *with* its bstr head
    // COSE_Sign1_Tagged = #6.18([ << {1: -7 / -9} >>, {}, nil, bstr 64 ])      payload detached: the SUIT_Digest
    private const CborTag EnvelopeTag = (CborTag)107;
    private const CborTag Sign1Tag = (CborTag)18;
    private const int Es256 = -7;
    private const int Esp256 = -9;
    private const int Sha256Id = -16;

    /// <summary>Longest envelope read, bytes: it must fit an MCU's buffer beside everything else.</summary>
    public const int WireBytesMax = 16 * 1024;

    private SuitEnvelope(SuitManifest manifest, ReadOnlyMemory<byte> manifestBytes)
    {
        Manifest = manifest;
        ManifestBytes = manifestBytes;
    }

    /// <summary>The manifest, authentic.</summary>
    public SuitManifest Manifest { get; }

    /// <summary>The manifest's own encoding, without the bstr head.</summary>
    public ReadOnlyMemory<byte> ManifestBytes { get; }

    /// <summary>Signs a manifest.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="signer">The key MCUs have pinned.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The envelope's bytes, or <c>signature-wrong</c>, or the signer's refusal.</returns>
    public static async Task<Parsed<byte[]>> Create(SuitManifest manifest, IDigestSigner signer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(signer);
        var wrapped = Wrap(manifest.Encode());
        var digest = WriteDigest(SHA256.HashData(wrapped));
        var toSign = SigStructure(ProtectedHeader(Es256), digest);
        if (!(await signer.Sign(SHA256.HashData(toSign), cancel).ConfigureAwait(false)).TryGet(out var raw, out var fault)) return fault;
        // COSE carries R||S as the vault gives it; only our verifier wants DER.
        if (raw.RAndS.Length != EcdsaDer.RawBytes || !signer.Key.Verifies(toSign, EcdsaDer.FromRaw(raw.RAndS.Span))) return new Fault("signature-wrong", "value");
        return Assemble(wrapped, digest, WriteSign1(raw.RAndS.Span));
    }

    /// <summary>Reads and verifies an envelope as an MCU does.</summary>
    /// <param name="wire">Hostile bytes.</param>
    /// <param name="key">The pinned key.</param>
    /// <returns>The envelope, or <c>suit-length</c>, <c>suit-cbor</c> (not deterministic CBOR of the expected shape),
    /// <c>suit-digest</c> (the digest is not the manifest's), <c>suit-signature</c> (no signature of the pinned key), or a fault of
    /// <see cref="SuitManifest.Read"/>.</returns>
    public static Parsed<SuitEnvelope> Open(ReadOnlyMemory<byte> wire, PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!Authenticate(wire, key).TryGet(out var members, out var fault)) return fault;
        // Only now is the manifest looked into: unauthenticated bytes get no further than the envelope.
        var inner = Unwrap(members[3]);
        return SuitManifest.Read(inner, members).TryGet(out var manifest, out fault) ? new SuitEnvelope(manifest, inner) : fault;
    }

    /// <summary>Verifies digest and signature only, for manifests that use commands outside our subset.</summary>
    /// <param name="wire">Hostile bytes.</param>
    /// <param name="key">The pinned key.</param>
    /// <returns>The envelope's members by key, each still encoded; or the faults of <see cref="Open"/> up to <c>suit-signature</c>.</returns>
    public static Parsed<IReadOnlyDictionary<int, ReadOnlyMemory<byte>>> Authenticate(ReadOnlyMemory<byte> wire, PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (wire.Length is 0 or > WireBytesMax) return new Fault("suit-length", "envelope");
        try
        {
            var members = ReadMembers(wire);
            if (!members.TryGetValue(2, out var wrapper) || !members.TryGetValue(3, out var manifest)) return new Fault("suit-cbor", "envelope");
            var authentication = new CborReader(Unwrap(wrapper), CborConformanceMode.Canonical);
            var count = authentication.ReadStartArray() ?? 0;
            if (count is < 1 or > 8) return new Fault("suit-cbor", "authentication");
            var digest = authentication.ReadByteString();
            if (!DigestOf(digest).AsSpan().SequenceEqual(SHA256.HashData(manifest.Span))) return new Fault("suit-digest", "authentication.digest");
            var signed = false;
            for (var i = 1; i < count; i++) signed |= IsSignedBy(authentication.ReadByteString(), digest, key);
            authentication.ReadEndArray(); // read to the end: a length that lies would be a second encoding
            if (authentication.BytesRemaining != 0) return new Fault("suit-cbor", "authentication");
            return signed ? members : new Fault("suit-signature", "authentication");
        }
        catch (Exception broken) when (broken is CborContentException or InvalidOperationException or OverflowException)
        {
            // CborReader's way to say that the bytes are not what was asked for; nothing else in this block throws these.
            return new Fault("suit-cbor", "envelope");
        }
    }

    internal static byte[] Wrap(ReadOnlySpan<byte> content)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteByteString(content);
        return writer.Encode();
    }

    internal static byte[] Unwrap(ReadOnlyMemory<byte> wrapped)
    {
        var reader = new CborReader(wrapped, CborConformanceMode.Canonical);
        var content = reader.ReadByteString();
        return reader.BytesRemaining == 0 ? content : throw new CborContentException("Bytes after the byte string.");
    }

    internal static byte[] WriteDigest(ReadOnlySpan<byte> sha256)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartArray(2);
        writer.WriteInt32(Sha256Id);
        writer.WriteByteString(sha256);
        writer.WriteEndArray();
        return writer.Encode();
    }

    internal static byte[] DigestOf(ReadOnlyMemory<byte> encoded)
    {
        var reader = new CborReader(encoded, CborConformanceMode.Canonical);
        if (reader.ReadStartArray() != 2 || reader.ReadInt32() != Sha256Id) throw new CborContentException("Not a SHA-256 SUIT_Digest.");
        var digest = reader.ReadByteString();
        reader.ReadEndArray();
        return digest.Length == 32 && reader.BytesRemaining == 0 ? digest : throw new CborContentException("Not a SHA-256 SUIT_Digest.");
    }

    private static Dictionary<int, ReadOnlyMemory<byte>> ReadMembers(ReadOnlyMemory<byte> wire)
    {
        var reader = new CborReader(wire, CborConformanceMode.Canonical);
        if (reader.PeekState() == CborReaderState.Tag && reader.ReadTag() != EnvelopeTag) throw new CborContentException("Another tag.");
        var members = new Dictionary<int, ReadOnlyMemory<byte>>();
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            // Text keys are integrated payloads (section 7.5); we never use them, and an MCU cannot hold one.
            int? member = null;
            if (reader.PeekState() == CborReaderState.TextString) reader.SkipValue();
            else member = reader.ReadInt32();
            var value = reader.ReadEncodedValue();
            if (member is { } known) members.Add(known, value);
        }
        reader.ReadEndMap();
        return reader.BytesRemaining == 0 ? members : throw new CborContentException("Bytes after the envelope.");
    }

    private static bool IsSignedBy(ReadOnlyMemory<byte> sign1, byte[] digest, PublicKey key)
    {
        var reader = new CborReader(sign1, CborConformanceMode.Canonical);
        if (reader.ReadTag() != Sign1Tag || reader.ReadStartArray() != 4) return false;
        var header = reader.ReadByteString();
        if (!header.AsSpan().SequenceEqual(ProtectedHeader(Es256)) && !header.AsSpan().SequenceEqual(ProtectedHeader(Esp256))) return false;
        if (reader.ReadStartMap() != 0) return false; // unprotected: hints nobody signed; with one pinned key none is needed
        reader.ReadEndMap();
        reader.ReadNull();
        var signature = reader.ReadByteString();
        reader.ReadEndArray();
        return signature.Length == EcdsaDer.RawBytes && reader.BytesRemaining == 0 && key.Verifies(SigStructure(header, digest), EcdsaDer.FromRaw(signature));
    }

    private static byte[] ProtectedHeader(int algorithm)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartMap(1);
        writer.WriteInt32(1);
        writer.WriteInt32(algorithm);
        writer.WriteEndMap();
        return writer.Encode();
    }

    // RFC 9052 section 4.4: [ "Signature1", protected, external_aad = h'', payload ]
    private static byte[] SigStructure(byte[] header, byte[] digest)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartArray(4);
        writer.WriteTextString("Signature1");
        writer.WriteByteString(header);
        writer.WriteByteString([]);
        writer.WriteByteString(digest);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static byte[] WriteSign1(ReadOnlySpan<byte> rAndS)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteTag(Sign1Tag);
        writer.WriteStartArray(4);
        writer.WriteByteString(ProtectedHeader(Es256));
        writer.WriteStartMap(0);
        writer.WriteEndMap();
        writer.WriteNull();
        writer.WriteByteString(rAndS);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static byte[] Assemble(byte[] wrappedManifest, byte[] digest, byte[] sign1)
    {
        var authentication = new CborWriter(CborConformanceMode.Canonical);
        authentication.WriteStartArray(2);
        authentication.WriteByteString(digest);
        authentication.WriteByteString(sign1);
        authentication.WriteEndArray();
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteTag(EnvelopeTag);
        writer.WriteStartMap(2);
        writer.WriteInt32(2);
        writer.WriteByteString(authentication.Encode());
        writer.WriteInt32(3);
        writer.WriteEncodedValue(wrappedManifest);
        writer.WriteEndMap();
        return writer.Encode();
    }
}
