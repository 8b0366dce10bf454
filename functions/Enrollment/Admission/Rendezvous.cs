using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Serverless.Enrollment.Admission;

/// <summary>Which hub a device belongs to: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by logarithm, Schindelhauer and
/// Schomaker 2005). Nothing is stored, every instance chooses the same, and a hub that comes or goes moves only the devices it wins or
/// loses.</summary>
public static class Rendezvous
{
    /// <summary>Chooses.</summary>
    /// <param name="id">Text of the device's id.</param>
    /// <param name="hubs">Hubs, each with a weight of 1 or more; their order does not matter, their case does not count.</param>
    /// <returns>The hub, or <see langword="null"/> of none.</returns>
    public static HubPolicy? Choose(string id, IReadOnlyList<HubPolicy> hubs)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(hubs);
        var best = default(HubPolicy);
        var least = double.PositiveInfinity;
        foreach (var hub in hubs)
        {
            var score = Score(id, hub);
            if (score > least || (score == least && string.CompareOrdinal(hub.Host, best!.Host) > 0)) continue;
            (best, least) = (hub, score);
        }

        return best;
    }

    /// <summary>Time to the first event of a process of the hub's weight: the smallest of several is each hub's in proportion to its weight.</summary>
    private static double Score(string id, HubPolicy hub)
    {
        Span<byte> text = stackalloc byte[512];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = Encoding.UTF8.GetBytes(hub.Host.ToLowerInvariant(), text);
        text[length++] = (byte)'\n';
        length += Encoding.UTF8.GetBytes(id, text[length..]);
        SHA256.HashData(text[..length], hash);
        // 53 bits, the precision of a double, in the open interval (0, 1).
        var uniform = ((BinaryPrimitives.ReadUInt64BigEndian(hash) >> 11) + 0.5) / (1UL << 53);
        return -Math.Log(uniform) / hub.Weight;
    }
}
