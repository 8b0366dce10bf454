using System.Security.Cryptography;

namespace Serverless.Local.FunctionsHost;

/// <summary>How the host names itself to handlers, and where its ids come from.</summary>
internal static class HostIdentity
{
    /// <summary>The version whose requests were recorded; part of every request.</summary>
    public const string Version = "4.1037.0.0";

    /// <summary><c>User-Agent</c> of the host, also appended to a forwarded one.</summary>
    public const string UserAgent = "Azure-Functions-Host/" + Version;

    /// <summary>A random GUID (version 4, RFC 9562), from the system's generator.</summary>
    public static Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
