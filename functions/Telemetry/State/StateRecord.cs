using System.Buffers.Binary;
using System.Numerics;

namespace Serverless.Telemetry.State;

/// <summary>What a record of the state log says. Numbers are the format's and never reused.</summary>
internal enum StateRecordKind : byte
{
    /// <summary>First of every file: format version, generation, name of the snapshot the log goes on from.</summary>
    Header = 1,

    /// <summary>A process takes the partition over; whoever wrote before is stale from here on.</summary>
    Claim = 2,

    /// <summary>A change of state, complete with the parts before it.</summary>
    Commit = 3,

    /// <summary>A piece of a change too large for one block; void unless a commit follows before anything else.</summary>
    Part = 4,

    /// <summary>The log ends here and goes on in the next generation, from the snapshot named.</summary>
    Seal = 5,
}

/// <summary>Framing of the state files.</summary>
/// <remarks>
/// <code>
/// struct { uint32 length; uint32 crc32c; uint8 kind; uint8 payload[length - 1]; } record;   little-endian; the checksum covers kind and payload
/// </code>
/// The checksum guards against a tool or a hand that edited the blob: a record that does not add up is an outage of the
/// partition with a clear message, never a reason to start from nothing.
/// </remarks>
internal static class StateRecord
{
    /// <summary>Version of the whole format: framing, records and sections. A reader refuses any other.</summary>
    public const ushort FormatVersion = 1;

    /// <summary>Bytes before a record's kind.</summary>
    public const int FrameBytes = 8;

    /// <summary>Largest record in bytes, frame included: one block, with room for a claim beside it.</summary>
    public const int BytesMax = Blobs.BlobLimits.AppendBytesMax - 1024;

    /// <summary>Fills in the frame of a record whose kind and payload are written already.</summary>
    /// <param name="record">The whole record, from its frame on.</param>
    public static void Seal(Span<byte> record)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(record.Length - FrameBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Checksum(record[FrameBytes..]));
    }

    /// <summary>CRC-32C (RFC 3720 appendix B.4) of some bytes.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
