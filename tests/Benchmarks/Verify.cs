using System.Diagnostics;
using System.Security.Cryptography;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.Benchmarks;

/// <summary>P-256 signature checks a second on one core, as the client makes them: strict DER, 1 KiB signed.</summary>
internal static class Verify
{
    public static Task<int> Run(string[] options)
    {
        var span = TimeSpan.FromSeconds(options.Length > 0 ? int.Parse(options[0], System.Globalization.CultureInfo.InvariantCulture) : 3);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = PublicKey.From(ecdsa);
        var message = RandomNumberGenerator.GetBytes(1024);
        var signature = ecdsa.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Figure.Print("verify.cached-key", Rate(span, () => key.Verifies(message, signature)), "1/s", ">=", 10_000);
        Figure.Print("verify.key-parsed-each-time", Rate(span, () => PublicKey.Parse(key.Json, "key").TryGet(out var parsed, out _) && parsed.Verifies(message, signature)), "1/s");
        return Task.FromResult(0);
    }

    private static double Rate(TimeSpan span, Func<bool> verify)
    {
        for (var warm = 0; warm < 200; warm++) Check(verify());
        var (began, count) = (Stopwatch.GetTimestamp(), 0);
        while (Stopwatch.GetElapsedTime(began) < span)
        {
            Check(verify());
            count++;
        }
        return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static void Check(bool good)
    {
        if (!good) throw new InvalidOperationException("A good signature did not verify.");
    }
}
