using System.Security.Cryptography;
using System.Text;

namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>Reads the PEM SubjectPublicKeyInfo of a key object (RFC 7468 section 13), and nothing else in the text.</summary>
internal static class Pem
{
    public static byte[]? TrySpki(string text)
    {
        if (!PemEncoding.TryFind(text, out var found) || text[found.Label] != "PUBLIC KEY") return null;
        // Nothing but white space around: text beside the key would be signed but unread.
        if (!text.AsSpan(0, found.Location.Start.Value).IsWhiteSpace() || !text.AsSpan(found.Location.End.Value).IsWhiteSpace()) return null;
        var der = new byte[found.DecodedDataLength];
        return Convert.TryFromBase64String(text[found.Base64Data], der, out var written) && written == der.Length ? der : null;
    }

    // LF and a trailing newline: FORMAT.md 3.1. PemEncoding writes LF but no last newline.
    public static string Write(ReadOnlySpan<byte> spki) =>
        new StringBuilder().Append(PemEncoding.Write("PUBLIC KEY", spki)).Append('\n').ToString();
}
