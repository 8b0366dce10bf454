using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>Certificates as somebody sent them, leaf first. Well formed and no more: <see cref="CertificateRules"/> judges them.</summary>
/// <param name="Certificates">DER of each, 1 to 8.</param>
public sealed record CertificateChain(ImmutableArray<ImmutableArray<byte>> Certificates)
{
    /// <summary>Most characters of a chain in text.</summary>
    public const int TextLengthMax = 32 * 1024;

    /// <summary>Most certificates of a chain.</summary>
    public const int LengthMax = 8;

    /// <summary>Reads PEM blocks, leaf first; or one certificate's DER in base64, as batches have it.</summary>
    /// <param name="text">The chain.</param>
    /// <param name="where">Path of the field.</param>
    /// <returns>The chain, or <c>chain-length</c> (empty, more than 8 certificates, or 32 KB of text), <c>chain-private-key</c>
    /// (a private key among them: whoever sent it should make a new one), <c>chain-malformed</c>.</returns>
    public static Parsed<CertificateChain> Parse(string? text, string where = "certificateChain")
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > TextLengthMax) return new Fault("chain-length", where);
        if (text.Contains("PRIVATE KEY", StringComparison.OrdinalIgnoreCase)) return new Fault("chain-private-key", where);
        var found = ImmutableArray.CreateBuilder<ImmutableArray<byte>>();
        if (!text.Contains("-----", StringComparison.Ordinal))
        {
            var bytes = new byte[text.Length];
            if (!Convert.TryFromBase64String(text, bytes, out var length) || !IsCertificate(bytes.AsSpan(0, length))) return new Fault("chain-malformed", where);
            return new CertificateChain([[.. bytes.AsSpan(0, length)]]);
        }

        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            if (!rest[..fields.Location.Start.GetOffset(rest.Length)].IsWhiteSpace() || rest[fields.Label] is not "CERTIFICATE") return new Fault("chain-malformed", where);
            if (found.Count == LengthMax) return new Fault("chain-length", where);
            var der = new byte[fields.DecodedDataLength];
            if (!Convert.TryFromBase64Chars(rest[fields.Base64Data], der, out var length) || !IsCertificate(der.AsSpan(0, length))) return new Fault("chain-malformed", where);
            found.Add([.. der.AsSpan(0, length)]);
            rest = rest[fields.Location.End.GetOffset(rest.Length)..];
        }

        return found.Count == 0 || !rest.IsWhiteSpace() ? new Fault("chain-malformed", where) : new CertificateChain(found.ToImmutable());
    }

    private static bool IsCertificate(ReadOnlySpan<byte> der)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return certificate.RawData.Length == der.Length; // nothing behind it
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
