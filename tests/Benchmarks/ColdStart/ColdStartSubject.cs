using System.Globalization;

namespace Serverless.Benchmarks.ColdStart;

/// <summary>From process start to the first answer of the Telemetry app, native against JIT, each published as it would be deployed.</summary>
/// <remarks>Whole processes, started in turn; what is measured ends with the first byte of the answer to <c>GET /</c>, which is what the
/// Functions host waits for. Publishing natively needs a C linker: clang, or gcc where there is no clang.</remarks>
internal static class ColdStartSubject
{
    public const string What = "process start to first answer of the Telemetry app, native AOT against JIT (publishes both: minutes)";

    /// <summary>What is known to be harmless: AMQPNetLite's object serializer, which works by reflection; the pipeline sends and reads
    /// plain AMQP values only.</summary>
    private static readonly string[] Explained = ["Amqp.Serialization."];

    public static async Task<int> Run(string[] args)
    {
        var runs = args is ["--runs", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 21;
        var folder = Directory.CreateTempSubdirectory("coldstart-");
        try
        {
            Console.WriteLine("publishing the JIT build");
            var jit = await Publication.Publish(folder, "jit").ConfigureAwait(false);
            Console.WriteLine("publishing the native build (minutes)");
            var native = await Publication.Publish(folder, "aot", ["-r", "linux-x64", "-p:Aot=true", .. Publication.Linker()]).ConfigureAwait(false);
            var unexplained = native.Warnings.Where(warning => !Explained.Any(explained => warning.Contains(explained, StringComparison.Ordinal))).ToArray();
            foreach (var warning in unexplained) Console.WriteLine(warning);
            Figure.Print("coldstart.aot.warnings", native.Warnings.Count, "trim and AOT warnings");
            Figure.Print("coldstart.aot.warnings.unexplained", unexplained.Length, "trim and AOT warnings", "==", 0);
            Figure.Print("coldstart.aot.size", new FileInfo(native.Executable).Length / 1e6, "MB");

            var (aotTimes, jitTimes) = (new List<double>(), new List<double>());
            for (var run = -1; run < runs; run++) // the first pair brings both programs into the page cache
            {
                var (aot, other) = (await FirstAnswer.Measure(native.Executable).ConfigureAwait(false), await FirstAnswer.Measure(jit.Executable).ConfigureAwait(false));
                if (run < 0) continue;
                aotTimes.Add(aot.TotalMilliseconds);
                jitTimes.Add(other.TotalMilliseconds);
            }

            Print("aot", aotTimes, goal: 100);
            Print("jit", jitTimes, goal: null);
            Figure.Print("coldstart.speedup", Median([.. jitTimes.Zip(aotTimes, (other, aot) => other / aot)]), "x");
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Print(string build, List<double> times, double? goal)
    {
        if (goal is { } most) Figure.Print($"coldstart.{build}.median", Median(times), "ms", "<", most);
        else Figure.Print($"coldstart.{build}.median", Median(times), "ms");
        Figure.Print($"coldstart.{build}.worst", times.Max(), "ms");
        Figure.Print($"coldstart.{build}.best", times.Min(), "ms");
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
