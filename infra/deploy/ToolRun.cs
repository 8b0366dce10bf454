using System.ComponentModel;
using System.Diagnostics;

namespace Serverless.Deploy;

/// <summary>One run of another program.</summary>
/// <param name="Status">Exit code.</param>
/// <param name="Output">Standard output, whole.</param>
/// <param name="Errors">Standard error, whole.</param>
public sealed record ToolRun(int Status, string Output, string Errors)
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">Name or path.</param>
    /// <param name="arguments">Arguments, each passed as it is. Never a secret: other users of a machine can read them.</param>
    /// <param name="folder">Working folder.</param>
    /// <param name="cancel">Kills it.</param>
    /// <returns>What it said; <see langword="null"/> if there is no such program.</returns>
    public static async Task<ToolRun?> Run(string program, IEnumerable<string> arguments, string folder, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                var output = process.StandardOutput.ReadToEndAsync(cancel);
                var errors = process.StandardError.ReadToEndAsync(cancel);
                await process.WaitForExitAsync(cancel).ConfigureAwait(false);
                return new ToolRun(process.ExitCode, await output.ConfigureAwait(false), await errors.ConfigureAwait(false));
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }
        }
        catch (Win32Exception)
        {
            return null; // no such program
        }
    }

    /// <summary>The last line that says something, for a message.</summary>
    public string LastWord => (Errors + "\n" + Output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is { Length: > 0 } lines
        ? Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is { Length: > 0 } errors ? errors[^1] : lines[^1]
        : "it said nothing";
}
