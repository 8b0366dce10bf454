using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Serverless.Local.EventHubs;

/// <summary>Event Hubs' mapping of a partition key to a partition: Bob Jenkins' lookup3 (<c>hashlittle2</c>, public domain, 2006) over
/// the key's UTF-8, both words xored, cut to 16 bits signed, modulo the number of partitions.</summary>
/// <remarks>The tests compare it with what the real JavaScript client computes for the same keys.</remarks>
public static class PartitionKeyHash
{
    /// <summary>The partition of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="partitions">Number of partitions, 1 to 32.</param>
    public static int Partition(string key, int partitions)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        var (first, second) = Lookup3(bytes);
        return Math.Abs(unchecked((short)(first ^ second)) % partitions);
    }

    private static (uint First, uint Second) Lookup3(ReadOnlySpan<byte> key)
    {
        unchecked
        {
            var a = 0xdeadbeef + (uint)key.Length;
            var (b, c) = (a, a);
            while (key.Length > 12)
            {
                a += BinaryPrimitives.ReadUInt32LittleEndian(key);
                b += BinaryPrimitives.ReadUInt32LittleEndian(key[4..]);
                c += BinaryPrimitives.ReadUInt32LittleEndian(key[8..]);
                Mix(ref a, ref b, ref c);
                key = key[12..];
            }

            if (key.IsEmpty) return (c, b);
            Span<byte> last = stackalloc byte[12];
            last.Clear();
            key.CopyTo(last);
            a += BinaryPrimitives.ReadUInt32LittleEndian(last);
            b += BinaryPrimitives.ReadUInt32LittleEndian(last[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(last[8..]);
            Final(ref a, ref b, ref c);
            return (c, b);
        }
    }

    private static void Mix(ref uint a, ref uint b, ref uint c)
    {
        unchecked
        {
            a -= c; a ^= BitOperations.RotateLeft(c, 4); c += b;
            b -= a; b ^= BitOperations.RotateLeft(a, 6); a += c;
            c -= b; c ^= BitOperations.RotateLeft(b, 8); b += a;
            a -= c; a ^= BitOperations.RotateLeft(c, 16); c += b;
            b -= a; b ^= BitOperations.RotateLeft(a, 19); a += c;
            c -= b; c ^= BitOperations.RotateLeft(b, 4); b += a;
        }
    }

    private static void Final(ref uint a, ref uint b, ref uint c)
    {
        unchecked
        {
            c ^= b; c -= BitOperations.RotateLeft(b, 14);
            a ^= c; a -= BitOperations.RotateLeft(c, 11);
            b ^= a; b -= BitOperations.RotateLeft(a, 25);
            c ^= b; c -= BitOperations.RotateLeft(b, 16);
            a ^= c; a -= BitOperations.RotateLeft(c, 4);
            b ^= a; b -= BitOperations.RotateLeft(a, 14);
            c ^= b; c -= BitOperations.RotateLeft(b, 24);
        }
    }
}
