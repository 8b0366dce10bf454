namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>The one place where P-256 signatures change form: raw R||S (Key Vault, COSE; RFC 7518 section 3.4) and DER
/// <c>SEQUENCE { INTEGER r, INTEGER s }</c> (TUF, mcuboot; RFC 3279 section 2.2.3).</summary>
/// <remarks>A raw signature attached where DER belongs verifies nowhere; FORMAT.md 3.3.</remarks>
public static class EcdsaDer
{
    /// <summary>Bytes of R||S on P-256.</summary>
    public const int RawBytes = 64;

    /// <summary>2 + 2 × (2 + 33): the longest DER form.</summary>
    public const int DerBytesMax = 72;

    private const int Half = RawBytes / 2;

    /// <summary>DER of a raw signature.</summary>
    /// <param name="raw">R||S, 64 bytes, from a signer.</param>
    /// <exception cref="ArgumentException">Not 64 bytes: a signer broke its contract.</exception>
    public static byte[] FromRaw(ReadOnlySpan<byte> raw)
    {
        if (raw.Length != RawBytes) throw new ArgumentException("R||S of P-256 has 64 bytes.", nameof(raw));
        Span<byte> der = stackalloc byte[DerBytesMax];
        var at = 2;
        at += WriteInteger(der[at..], raw[..Half]);
        at += WriteInteger(der[at..], raw[Half..]);
        der[0] = 0x30;
        der[1] = (byte)(at - 2);
        return der[..at].ToArray();
    }

    /// <summary>Reads hostile DER. Only the shortest form is taken: one signature value has one encoding.</summary>
    /// <param name="der">The signature as received.</param>
    /// <param name="raw">At least <see cref="RawBytes"/> bytes; R||S on success.</param>
    /// <returns>Whether the bytes were strict DER of two integers of 1 to 256 bits. Range against the group order is the
    /// verifier's business.</returns>
    public static bool TryToRaw(ReadOnlySpan<byte> der, Span<byte> raw)
    {
        // 0x30 len (0x02 len r) (0x02 len s), all lengths in one byte, nothing after.
        if (der.Length is < 8 or > DerBytesMax || der[0] != 0x30 || der[1] != der.Length - 2) return false;
        raw[..RawBytes].Clear();
        var rest = der[2..];
        return TryReadInteger(ref rest, raw[..Half]) && TryReadInteger(ref rest, raw[Half..RawBytes]) && rest.IsEmpty;
    }

    private static int WriteInteger(Span<byte> der, ReadOnlySpan<byte> bigEndian)
    {
        var digits = bigEndian.TrimStart((byte)0);
        if (digits.IsEmpty) digits = bigEndian[^1..];
        var sign = digits[0] >= 0x80 ? 1 : 0; // a leading zero keeps the integer positive
        der[0] = 0x02;
        der[1] = (byte)(digits.Length + sign);
        if (sign == 1) der[2] = 0;
        digits.CopyTo(der[(2 + sign)..]);
        return 2 + sign + digits.Length;
    }

    private static bool TryReadInteger(ref ReadOnlySpan<byte> rest, Span<byte> half)
    {
        if (rest.Length < 3 || rest[0] != 0x02) return false;
        int length = rest[1];
        if (length is 0 or > Half + 1 || rest.Length < 2 + length) return false;
        var digits = rest.Slice(2, length);
        rest = rest[(2 + length)..];
        if (digits[0] >= 0x80) return false; // negative
        if (digits[0] == 0 && length > 1)
        {
            if (digits[1] < 0x80) return false; // not the shortest form
            digits = digits[1..];
        }
        if (digits.Length > Half) return false;
        digits.CopyTo(half[(Half - digits.Length)..]);
        return true;
    }
}
