using System.Security.Cryptography;

namespace Serverless.EventHubs;

/// <summary>Names that no other client uses: link and container names must differ for as long as both live.</summary>
internal static class Nonce
{
    /// <summary>64 random bits, hexadecimal.</summary>
    public static string Next() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}
