using System.Security.Cryptography;
using System.Text;

namespace Serverless.FirmwareSigning.Suit;

/// <summary>UUIDs from names, version 5 (RFC 9562 section 5.5), as SUIT derives vendor and class ids.</summary>
public static class NameUuid
{
    /// <summary>Namespace of domain names (RFC 9562 section 6.6).</summary>
    public static ReadOnlyMemory<byte> Dns { get; } = Convert.FromHexString("6ba7b8109dad11d180b400c04fd430c8");

    /// <summary>16 bytes.</summary>
    /// <param name="space">Namespace, 16 bytes.</param>
    /// <param name="name">The name.</param>
    public static byte[] Of(ReadOnlyMemory<byte> space, string name)
    {
#pragma warning disable CA5350 // RFC 9562 derives version 5 with SHA-1; nothing is secured by it.
        var uuid = SHA1.HashData([.. space.Span, .. Encoding.UTF8.GetBytes(name)])[..16];
#pragma warning restore CA5350
        uuid[6] = (byte)((uuid[6] & 0x0F) | 0x50);
        uuid[8] = (byte)((uuid[8] & 0x3F) | 0x80);
        return uuid;
    }
}
