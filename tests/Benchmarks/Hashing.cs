using System.Diagnostics;
using System.Security.Cryptography;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.Benchmarks;

/// <summary>Hash-and-sign of a 1 GiB image against <c>openssl dgst -sha256</c> on the same file, which is in the page cache for both.</summary>
internal static class Hashing
{
    private const long ImageBytes = 1L << 30;
    private const int Rounds = 5;

    public static async Task<int> Run(string[] options)
    {
        var path = options.Length > 0 ? options[0] : Path.Combine(Path.GetTempPath(), "hashing-benchmark.image");
        var own = !File.Exists(path);
        if (own) Make(path);
        try
        {
            using var key = FileKey.Create();
            var (ours, theirs) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
            // Alternating, best of several: a neighbour's load then hits both or neither.
            for (var round = 0; round < Rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                var expected = await OpenSsl(path).ConfigureAwait(false);
                theirs = Min(theirs, Stopwatch.GetElapsedTime(began));
                began = Stopwatch.GetTimestamp();
                var (_, digest) = await ImageDigest.OfFile(path, null, CancellationToken.None).ConfigureAwait(false);
                await key.Sign(digest, CancellationToken.None).ConfigureAwait(false);
                ours = Min(ours, Stopwatch.GetElapsedTime(began));
                if (Convert.ToHexStringLower(digest) != expected) throw new InvalidOperationException("The digests differ.");
            }
            var length = new FileInfo(path).Length;
            Figure.Print("hashing.ours", length / ours.TotalSeconds / (1 << 20), "MiB/s");
            Figure.Print("hashing.openssl", length / theirs.TotalSeconds / (1 << 20), "MiB/s");
            Figure.Print("hashing.relative", theirs / ours, "x", ">=", 0.95);
            Figure.Print("hashing.peak-memory", Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, "MiB", "<", 64);
            return 0;
        }
        finally
        {
            if (own) File.Delete(path);
        }
    }

    private static void Make(string path)
    {
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, preallocationSize: ImageBytes);
        var chunk = new byte[1 << 20];
        for (long at = 0; at < ImageBytes; at += chunk.Length)
        {
            RandomNumberGenerator.Fill(chunk);
            RandomAccess.Write(file, chunk, at);
        }
    }

    private static async Task<string> OpenSsl(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("openssl", ["dgst", "-sha256", "-r", path]) { RedirectStandardOutput = true })!;
        var line = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return line[..64];
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
