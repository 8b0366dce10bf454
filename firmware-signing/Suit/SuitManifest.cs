using System.Formats.Cbor;
using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.Suit;

/// <summary>What our manifests say: one component, one image (draft-ietf-suit-manifest-37 section 8.4; FORMAT.md 8.2).</summary>
/// <param name="Sequence">Sequence number: the anti-rollback counter, 0 to 2^31-1.</param>
/// <param name="Component">The component's one-segment identifier, 1 to 32 bytes.</param>
/// <param name="VendorId">16 bytes, a UUID version 5 of the vendor's domain.</param>
/// <param name="ClassId">16 bytes, a UUID version 5 of the hardware class.</param>
/// <param name="ImageSha256">32 bytes.</param>
/// <param name="ImageBytes">Length of the image, bytes.</param>
/// <param name="Uri">Where the image is, or empty when the gateway brings it.</param>
public sealed record SuitManifest(
    int Sequence, ReadOnlyMemory<byte> Component, ReadOnlyMemory<byte> VendorId, ReadOnlyMemory<byte> ClassId, ReadOnlyMemory<byte> ImageSha256, long ImageBytes, string Uri)
{
    // SUIT_Manifest = { 1: version = 1, 2: sequence, 3: bstr .cbor common, ? 7: bstr validate, ? 9: bstr invoke, ? 16: payload-fetch, ? 20: install (bstr or SUIT_Digest when severed) }
    // SUIT_Common = { 2: [ + [ + bstr ] ], 4: bstr .cbor shared-sequence }
    private const int ReportAll = 15; // SUIT_Rep_Policy: report every outcome

    /// <summary>The manifest's deterministic encoding, without a bstr head.</summary>
    public byte[] Encode()
    {
        var writer = Map(Uri.Length > 0 ? 6 : 5);
        writer.WriteInt32(1);
        writer.WriteInt32(1);
        writer.WriteInt32(2);
        writer.WriteInt32(Sequence);
        writer.WriteInt32(3);
        writer.WriteByteString(EncodeCommon());
        writer.WriteInt32(7);
        writer.WriteByteString(Sequence2((int)SuitCommand.ImageMatch, ReportAll));
        writer.WriteInt32(9);
        writer.WriteByteString(Sequence2((int)SuitCommand.Invoke, 2));
        if (Uri.Length > 0)
        {
            writer.WriteInt32(20);
            writer.WriteByteString(EncodeInstall());
        }
        writer.WriteEndMap();
        return writer.Encode();
    }

    /// <summary>Reads an authentic manifest, still written by someone else: only what an updater of our class can do is taken.</summary>
    /// <param name="manifest">The manifest, without its bstr head.</param>
    /// <param name="envelope">The envelope's members, for severed sequences.</param>
    /// <returns>The manifest, or <c>suit-cbor</c>, <c>suit-version</c>, <c>suit-member</c> (a member outside the subset that would change the
    /// meaning), <c>suit-command</c> (a command outside the subset), <c>suit-digest</c> (a severed sequence that is not the one signed),
    /// <c>suit-component</c> (not exactly one component), <c>suit-parameter</c> (missing, or of a wrong size).</returns>
    public static Parsed<SuitManifest> Read(ReadOnlyMemory<byte> manifest, IReadOnlyDictionary<int, ReadOnlyMemory<byte>> envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        try
        {
            var reader = new CborReader(manifest, CborConformanceMode.Canonical);
            var seen = new SuitSequences();
            int? version = null, sequence = null;
            byte[]? component = null;
            reader.ReadStartMap();
            while (reader.PeekState() != CborReaderState.EndMap)
            {
                var member = reader.ReadInt32();
                switch (member)
                {
                    case 1: version = reader.ReadInt32(); break;
                    case 2: sequence = reader.ReadInt32(); break;
                    case 3:
                        if (!ReadCommon(reader.ReadByteString(), seen).TryGet(out component, out var common)) return common;
                        break;
                    case 7 or 9 or 16 or 20:
                        if (!Severable(reader, member, envelope).TryGet(out var commands, out var severed)) return severed;
                        if (seen.Run(commands) is { } refused) return refused;
                        break;
                    case 4: reader.SkipValue(); break; // reference-uri: for people
                    case 23 or 14: reader.SkipValue(); break; // text, set-coswid: likewise
                    default: return new Fault("suit-member", "manifest");
                }
            }
            reader.ReadEndMap();
            if (reader.BytesRemaining != 0) return new Fault("suit-cbor", "manifest");
            if (version != 1) return new Fault("suit-version", "manifest.version");
            if (sequence is not >= 0 || component is null) return new Fault("suit-cbor", "manifest");
            if (seen.VendorId.Length != 16 || seen.ClassId.Length != 16 || seen.ImageSha256.Length != 32 || seen.ImageBytes < 1) return new Fault("suit-parameter", "manifest");
            // A manifest that never checks vendor and class would install anywhere.
            if (!seen.ChecksVendor || !seen.ChecksClass || !seen.ChecksImage) return new Fault("suit-command", "manifest");
            return new SuitManifest(sequence.Value, component, seen.VendorId, seen.ClassId, seen.ImageSha256, seen.ImageBytes, seen.Uri);
        }
        catch (Exception broken) when (broken is CborContentException or InvalidOperationException or OverflowException)
        {
            return new Fault("suit-cbor", "manifest");
        }
    }

    /// <summary>By content.</summary>
    /// <param name="other">The other manifest.</param>
    public bool Equals(SuitManifest? other) => other is not null && Encode().AsSpan().SequenceEqual(other.Encode());

    /// <summary>By content.</summary>
    public override int GetHashCode() => HashCode.Combine(Sequence, ImageBytes, Uri);

    private static Parsed<byte[]> ReadCommon(ReadOnlyMemory<byte> common, SuitSequences seen)
    {
        var reader = new CborReader(common, CborConformanceMode.Canonical);
        byte[]? component = null;
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            switch (reader.ReadInt32())
            {
                case 2:
                    if (reader.ReadStartArray() != 1 || reader.ReadStartArray() != 1) return new Fault("suit-component", "manifest.common.components");
                    component = reader.ReadByteString();
                    reader.ReadEndArray();
                    reader.ReadEndArray();
                    if (component.Length is 0 or > 32) return new Fault("suit-component", "manifest.common.components");
                    break;
                case 4:
                    if (seen.Run(reader.ReadByteString()) is { } refused) return refused;
                    break;
                default: return new Fault("suit-member", "manifest.common"); // dependencies: another manifest could override this one
            }
        }
        reader.ReadEndMap();
        return component is not null && reader.BytesRemaining == 0 ? component : new Fault("suit-component", "manifest.common.components");
    }

    // A severed sequence stands in the envelope, and the manifest holds its digest (section 5.5).
    private static Parsed<byte[]> Severable(CborReader reader, int member, IReadOnlyDictionary<int, ReadOnlyMemory<byte>> envelope)
    {
        if (reader.PeekState() == CborReaderState.ByteString) return reader.ReadByteString();
        var digest = SuitEnvelope.DigestOf(reader.ReadEncodedValue());
        if (!envelope.TryGetValue(member, out var severed)) return Array.Empty<byte>(); // cut off on the way to save room: allowed
        return SHA256.HashData(severed.Span).AsSpan().SequenceEqual(digest) ? SuitEnvelope.Unwrap(severed) : new Fault("suit-digest", "envelope");
    }

    private byte[] EncodeCommon()
    {
        var writer = Map(2);
        writer.WriteInt32(2);
        writer.WriteStartArray(1);
        writer.WriteStartArray(1);
        writer.WriteByteString(Component.Span);
        writer.WriteEndArray();
        writer.WriteEndArray();
        writer.WriteInt32(4);
        writer.WriteByteString(EncodeShared());
        writer.WriteEndMap();
        return writer.Encode();
    }

    private byte[] EncodeShared()
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartArray(6);
        writer.WriteInt32((int)SuitCommand.OverrideParameters);
        writer.WriteStartMap(4);
        writer.WriteInt32((int)SuitParameter.VendorId);
        writer.WriteByteString(VendorId.Span);
        writer.WriteInt32((int)SuitParameter.ClassId);
        writer.WriteByteString(ClassId.Span);
        writer.WriteInt32((int)SuitParameter.ImageDigest);
        writer.WriteByteString(SuitEnvelope.WriteDigest(ImageSha256.Span));
        writer.WriteInt32((int)SuitParameter.ImageSize);
        writer.WriteInt64(ImageBytes);
        writer.WriteEndMap();
        writer.WriteInt32((int)SuitCommand.VendorIdentifier);
        writer.WriteInt32(ReportAll);
        writer.WriteInt32((int)SuitCommand.ClassIdentifier);
        writer.WriteInt32(ReportAll);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private byte[] EncodeInstall()
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartArray(6);
        writer.WriteInt32((int)SuitCommand.OverrideParameters);
        writer.WriteStartMap(1);
        writer.WriteInt32((int)SuitParameter.Uri);
        writer.WriteTextString(Uri);
        writer.WriteEndMap();
        writer.WriteInt32((int)SuitCommand.Fetch);
        writer.WriteInt32(2); // report failures
        writer.WriteInt32((int)SuitCommand.ImageMatch);
        writer.WriteInt32(ReportAll);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static byte[] Sequence2(int command, int argument)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartArray(2);
        writer.WriteInt32(command);
        writer.WriteInt32(argument);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static CborWriter Map(int members)
    {
        var writer = new CborWriter(CborConformanceMode.Canonical);
        writer.WriteStartMap(members);
        return writer;
    }
}
