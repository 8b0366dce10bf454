using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Serverless.Benchmarks.ColdStart;

/// <summary>The Telemetry app, published into a folder of its own.</summary>
/// <param name="Executable">The handler that host.json names.</param>
/// <param name="Warnings">Trim and AOT warnings of the build, each once.</param>
internal sealed record Publication(string Executable, IReadOnlyList<string> Warnings)
{
    /// <summary>Publishes with <c>dotnet publish -c Release</c> and the options given; the build's intermediates stay in the folder
    /// too, so that no other build is disturbed and no warning is hidden by an earlier one.</summary>
    /// <exception cref="InvalidOperationException">The publish failed; its output has been printed.</exception>
    public static async Task<Publication> Publish(DirectoryInfo folder, string name, params string[] options)
    {
        var output = Path.Combine(folder.FullName, name);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        string[] arguments =
            ["publish", App(), "-c", "Release", "-o", output, "--artifacts-path", Path.Combine(folder.FullName, "artifacts-" + name), "-p:TrimmerSingleWarn=false", "-p:TreatWarningsAsErrors=false", "--nologo", .. options];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var lines = (await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false)).Split('\n');
        await process.WaitForExitAsync().ConfigureAwait(false);
        if (process.ExitCode != 0)
        {
            Console.WriteLine(string.Join('\n', lines.Where(line => line.Contains("error", StringComparison.Ordinal)).Distinct()));
            throw new InvalidOperationException("dotnet publish failed");
        }

        return new Publication(
            Path.Combine(output, "handler"),
            [.. lines.Where(line => line.Contains("warning IL", StringComparison.Ordinal)).Select(line => line.Trim()).Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>The option that makes gcc the linker where clang, the default, is not installed.</summary>
    public static string[] Linker() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "clang"))) ? [] : ["-p:CppCompilerAndLinker=gcc"];

    private static string App([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../../../functions/Telemetry"));
}
