using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Validation;

/// <summary>A 64-bit hash of bytes: multiply and fold, in the manner of wyhash. Not a keyed hash: use it only where a device
/// that finds a collision harms nobody but itself, or where the bytes are compared afterwards.</summary>
internal static class Mix
{
    private const ulong A = 0xa0761d6478bd642f;
    private const ulong B = 0xe7037ed1a0b428db;

    public static ulong Hash(ReadOnlySpan<byte> bytes, ulong seed = 0)
    {
        unchecked
        {
            var state = seed ^ A ^ (ulong)bytes.Length;
            while (bytes.Length >= 16)
            {
                state = Fold(MemoryMarshal.Read<ulong>(bytes) ^ B, MemoryMarshal.Read<ulong>(bytes[8..]) ^ state);
                bytes = bytes[16..];
            }

            ulong low = 0, high = 0;
            if (bytes.Length >= 8)
            {
                low = MemoryMarshal.Read<ulong>(bytes);
                high = MemoryMarshal.Read<ulong>(bytes[^8..]);
            }
            else if (bytes.Length >= 4)
            {
                low = MemoryMarshal.Read<uint>(bytes);
                high = MemoryMarshal.Read<uint>(bytes[^4..]);
            }
            else if (bytes.Length > 0)
            {
                low = ((ulong)bytes[0] << 16) | ((ulong)bytes[bytes.Length >> 1] << 8) | bytes[^1];
            }

            return Fold(B ^ low, state ^ high);
        }
    }

    public static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}
