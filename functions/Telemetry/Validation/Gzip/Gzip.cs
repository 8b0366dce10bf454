using System.Buffers.Binary;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>One gzip member (RFC 1952), inflated into a bounded buffer without allocating.</summary>
/// <remarks>Own code because the framework's inflater is a stream that allocates per message. It is held against the framework's
/// by test and fuzzing. A bomb costs at most the profile's bytes: inflating stops at the first byte beyond them.</remarks>
internal static class Gzip
{
    private const int HeaderCrc = 2, Extra = 4, FileName = 8, Comment = 16;
    private static readonly uint[] CrcTable = MakeCrcTable();

    /// <summary>Inflates <paramref name="member"/>.</summary>
    /// <returns>How many bytes, or the fault <c>gzip-malformed</c> / <c>gzip-too-large</c>.</returns>
    public static int Inflate(ReadOnlySpan<byte> member, Span<byte> into, Inflater inflater, out Fault? fault)
    {
        fault = MessageFaults.GzipMalformed;
        var at = Header(member);
        if (at < 0 || member.Length - at < 8) return 0;
        var length = inflater.Inflate(member[at..^8], into, out var used);
        if (length == Inflater.TooLarge)
        {
            fault = MessageFaults.GzipTooLarge;
            return 0;
        }

        // The trailer must follow at once and be the end: a second member or padding is nobody's sensor reading.
        if (length < 0 || used != member.Length - at - 8) return 0;
        var trailer = member[^8..];
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer) != Crc(into[..length])) return 0;
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]) != (uint)length) return 0;
        fault = null;
        return length;
    }

    private static int Header(ReadOnlySpan<byte> member)
    {
        if (member.Length < 18 || member[0] != 0x1F || member[1] != 0x8B || member[2] != 8) return -1;
        var flags = member[3];
        if (flags > 31) return -1; // reserved bits
        var at = 10;
        if ((flags & Extra) != 0)
        {
            at += 2 + BinaryPrimitives.ReadUInt16LittleEndian(member[at..]);
            if (at > member.Length) return -1;
        }

        for (var texts = (flags & FileName) / FileName + (flags & Comment) / Comment; texts > 0; texts--)
        {
            var end = member[at..].IndexOf((byte)0);
            if (end < 0) return -1;
            at += end + 1;
        }

        if ((flags & HeaderCrc) == 0) return at;
        if (member.Length - at < 2) return -1;
        return BinaryPrimitives.ReadUInt16LittleEndian(member[at..]) == (ushort)(Crc(member[..at]) & 0xFFFF) ? at + 2 : -1;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var table = CrcTable;
        var crc = uint.MaxValue;
        foreach (var part in bytes) crc = table[(crc ^ part) & 0xFF] ^ (crc >> 8);
        return ~crc;
    }

    // RFC 1952 section 8: the reflected polynomial 0xEDB88320.
    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            table[i] = crc;
        }

        return table;
    }
}
