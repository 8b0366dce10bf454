using System.Security.Cryptography;

namespace Serverless.KeyVault;

/// <summary>A curve the vault signs on, and what comes with it (RFC 7518 section 3.4).</summary>
/// <param name="Name"><c>crv</c> of the JWK.</param>
/// <param name="Algorithm"><c>alg</c> of the request.</param>
/// <param name="DigestBytes">What the vault signs.</param>
/// <param name="CoordinateBytes">Width of each of x, y, R and S.</param>
/// <param name="Curve">The curve.</param>
public sealed record SigningCurve(string Name, string Algorithm, int DigestBytes, int CoordinateBytes, ECCurve Curve)
{
    /// <summary>ES256, the only one of firmware metadata (FORMAT.md 3.1).</summary>
    public static SigningCurve P256 { get; } = new("P-256", "ES256", 32, 32, ECCurve.NamedCurves.nistP256);

    /// <summary>ES384.</summary>
    public static SigningCurve P384 { get; } = new("P-384", "ES384", 48, 48, ECCurve.NamedCurves.nistP384);

    /// <summary>ES512.</summary>
    public static SigningCurve P521 { get; } = new("P-521", "ES512", 64, 66, ECCurve.NamedCurves.nistP521);

    /// <summary>Bytes of R||S.</summary>
    public int SignatureBytes => 2 * CoordinateBytes;

    /// <summary>The curve of a JWK, or none: P-256K and Ed25519 cannot be verified here, so they may not sign.</summary>
    /// <param name="name"><c>crv</c>, from outside.</param>
    public static SigningCurve? Find(string? name) => name switch { "P-256" => P256, "P-384" => P384, "P-521" => P521, _ => null };
}
