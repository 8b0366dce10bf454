using System.Formats.Cbor;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.Suit;

/// <summary>The commands of our subset (draft-ietf-suit-manifest-37 section 8.4.8 and 8.4.10).</summary>
internal enum SuitCommand
{
    VendorIdentifier = 1,
    ClassIdentifier = 2,
    ImageMatch = 3,
    SetComponentIndex = 12,
    OverrideParameters = 20,
    Fetch = 21,
    Invoke = 23,
}

/// <summary>The parameters of our subset (section 8.4.8.1).</summary>
internal enum SuitParameter
{
    VendorId = 1,
    ClassId = 2,
    ImageDigest = 3,
    ImageSize = 14,
    Uri = 21,
}

/// <summary>Walks command sequences, collecting what they set and which checks they make. A parameter once set keeps its value: a later
/// sequence that sets another would check one image and run another, so it is refused.</summary>
internal sealed class SuitSequences
{
    public byte[] VendorId { get; private set; } = [];

    public byte[] ClassId { get; private set; } = [];

    public byte[] ImageSha256 { get; private set; } = [];

    public long ImageBytes { get; private set; }

    public string Uri { get; private set; } = "";

    public bool ChecksVendor { get; private set; }

    public bool ChecksClass { get; private set; }

    public bool ChecksImage { get; private set; }

    // [ command, argument, command, argument, … ]; faults suit-command, suit-parameter. Throws what CborReader throws.
    public Fault? Run(ReadOnlyMemory<byte> sequence)
    {
        if (sequence.IsEmpty) return null;
        var reader = new CborReader(sequence, CborConformanceMode.Canonical);
        reader.ReadStartArray();
        while (reader.PeekState() != CborReaderState.EndArray)
        {
            switch ((SuitCommand)reader.ReadInt32())
            {
                case SuitCommand.VendorIdentifier: ChecksVendor = Policy(reader); break;
                case SuitCommand.ClassIdentifier: ChecksClass = Policy(reader); break;
                case SuitCommand.ImageMatch: ChecksImage = Policy(reader); break;
                case SuitCommand.Fetch or SuitCommand.Invoke: Policy(reader); break;
                case SuitCommand.SetComponentIndex:
                    if (reader.ReadInt32() != 0) return new Fault("suit-component", "sequence");
                    break;
                case SuitCommand.OverrideParameters:
                    if (ReadParameters(reader) is { } refused) return refused;
                    break;
                default: return new Fault("suit-command", "sequence");
            }
        }
        reader.ReadEndArray();
        return reader.BytesRemaining == 0 ? null : new Fault("suit-cbor", "sequence");
    }

    private Fault? ReadParameters(CborReader reader)
    {
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            var taken = (SuitParameter)reader.ReadInt32() switch
            {
                SuitParameter.VendorId => Take(VendorId, reader.ReadByteString(), value => VendorId = value),
                SuitParameter.ClassId => Take(ClassId, reader.ReadByteString(), value => ClassId = value),
                SuitParameter.ImageDigest => Take(ImageSha256, SuitEnvelope.DigestOf(reader.ReadByteString()), value => ImageSha256 = value),
                SuitParameter.ImageSize => TakeSize(reader.ReadInt64()),
                SuitParameter.Uri => TakeUri(reader.ReadTextString()),
                _ => false,
            };
            if (!taken) return new Fault("suit-parameter", "sequence");
        }
        reader.ReadEndMap();
        return null;
    }

    private static bool Take(byte[] held, byte[] value, Action<byte[]> set)
    {
        if (held.Length > 0 && !held.AsSpan().SequenceEqual(value)) return false;
        set(value);
        return true;
    }

    private bool TakeSize(long size)
    {
        if (ImageBytes != 0 && ImageBytes != size) return false;
        ImageBytes = size;
        return true;
    }

    private bool TakeUri(string uri)
    {
        if (uri.Length is 0 or > 1024 || (Uri.Length > 0 && Uri != uri)) return false;
        Uri = uri;
        return true;
    }

    private static bool Policy(CborReader reader)
    {
        _ = reader.ReadInt32(); // what to report; we report everything
        return true;
    }
}
