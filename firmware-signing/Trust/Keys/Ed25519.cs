using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>Ed25519 verification (RFC 8032 section 5.1.7), only verification: every value in it is public, so the arithmetic need not
/// be constant-time, and big integers keep it short enough to check against the RFC line by line.</summary>
/// <remarks>The base library has no Ed25519. Our own repositories use P-256 only (FORMAT.md 3.1); this serves repositories of
/// others. About 5 ms a signature, which a refresh of a handful of signatures affords. Strict: S below the group order, canonical
/// point encodings, no small-order public key, cofactorless equation.</remarks>
internal static class Ed25519
{
    private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", CultureInfo.InvariantCulture);
    private static readonly BigInteger D = Mod(-121665 * Inverse(121666));
    private static readonly BigInteger SqrtMinusOne = BigInteger.ModPow(2, (P - 1) / 4, P);
    private static readonly Point Neutral = new(0, 1, 1, 0);
    private static readonly Point Base = TryDecode(Convert.FromHexString("5866666666666666666666666666666666666666666666666666666666666666"), out var point)
        ? point
        : throw new System.Diagnostics.UnreachableException();

    // Extended homogeneous coordinates: x = X/Z, y = Y/Z, x*y = T/Z (RFC 8032 section 5.1.4).
    private readonly record struct Point(BigInteger X, BigInteger Y, BigInteger Z, BigInteger T);

    /// <summary>Whether the 32 bytes are a usable public key: on the curve, canonical, not of small order.</summary>
    public static bool IsKey(ReadOnlySpan<byte> publicKey) => TryDecode(publicKey, out var a) && !Same(Times(8, a), Neutral);

    /// <summary>Whether the signature is good.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != 64 || !IsKey(publicKey) || !TryDecode(publicKey, out var a) || !TryDecode(signature[..32], out var r)) return false;
        var s = Little(signature[32..]);
        if (s >= L) return false; // malleability: S + L would verify too
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData(signature[..32]);
        hash.AppendData(publicKey);
        hash.AppendData(message);
        var k = Little(hash.GetHashAndReset()) % L;
        return Same(Times(s, Base), Add(r, Times(k, a)));
    }

    private static bool TryDecode(ReadOnlySpan<byte> encoded, out Point point)
    {
        point = Neutral;
        if (encoded.Length != 32) return false;
        var y = Little(encoded);
        var sign = (encoded[31] & 0x80) != 0;
        y &= BigInteger.Pow(2, 255) - 1;
        if (y >= P) return false;
        // x^2 = (y^2 - 1) / (d y^2 + 1); the square root by RFC 8032 section 5.1.3.
        var u = Mod(y * y - 1);
        var v = Mod(D * y * y + 1);
        var x = Mod(u * BigInteger.ModPow(v, 3, P) * BigInteger.ModPow(u * BigInteger.ModPow(v, 7, P), (P - 5) / 8, P));
        var check = Mod(v * x * x);
        if (check != u)
        {
            if (check != Mod(-u)) return false;
            x = Mod(x * SqrtMinusOne);
        }
        if (x.IsZero && sign) return false;
        if (x.IsEven == sign) x = P - x;
        x = Mod(x);
        point = new Point(x, y, 1, Mod(x * y));
        return true;
    }

    private static Point Times(BigInteger scalar, Point point)
    {
        var sum = Neutral;
        for (var bit = (int)scalar.GetBitLength() - 1; bit >= 0; bit--)
        {
            sum = Add(sum, sum);
            if (!(scalar >> bit).IsEven) sum = Add(sum, point);
        }
        return sum;
    }

    // The complete addition law of RFC 8032 section 5.1.4; it doubles too.
    private static Point Add(Point p, Point q)
    {
        var a = Mod((p.Y - p.X) * (q.Y - q.X));
        var b = Mod((p.Y + p.X) * (q.Y + q.X));
        var c = Mod(2 * p.T * q.T * D);
        var d = Mod(2 * p.Z * q.Z);
        var (e, f, g, h) = (b - a, d - c, d + c, b + a);
        return new Point(Mod(e * f), Mod(g * h), Mod(f * g), Mod(e * h));
    }

    private static bool Same(Point p, Point q) => Mod(p.X * q.Z - q.X * p.Z).IsZero && Mod(p.Y * q.Z - q.Y * p.Z).IsZero;

    private static BigInteger Little(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true);

    private static BigInteger Inverse(BigInteger value) => BigInteger.ModPow(value, P - 2, P);

    private static BigInteger Mod(BigInteger value)
    {
        var rest = value % P;
        return rest.Sign < 0 ? rest + P : rest;
    }
}
