using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Serverless.Infra.Tests;

/// <summary>The pinned Bicep compiler, run offline on the templates of this tree.</summary>
internal static class Bicep
{
    private static readonly string Compiler = typeof(Bicep).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(pair => pair.Key == "Bicep").Value!;

    /// <summary>The folder <c>infra</c>.</summary>
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(Here(), "../../infra"));

    /// <summary>Runs the compiler in <see cref="Folder"/>.</summary>
    public static (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        // Package extraction does not keep the execute bit for everyone.
        if (OperatingSystem.IsLinux()) File.SetUnixFileMode(Compiler, File.GetUnixFileMode(Compiler) | UnixFileMode.UserExecute);
        else Assert.Skip("the Bicep compiler of this package runs on Linux only");
        var start = new ProcessStartInfo(Compiler, arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
