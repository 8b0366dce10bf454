using System.Globalization;

namespace Serverless.Benchmarks.Validation;

/// <summary>Ajv on the same file and schema, in Node. Says so loudly when Node or the package is absent.</summary>
internal static class Ajv
{
    public static async Task Run(Traffic traffic, double judged)
    {
        var folder = Folder();
        if (folder is null)
        {
            Console.WriteLine("SKIPPED: Ajv (tests/Benchmarks/node not found)");
            return;
        }

        var scratch = Directory.CreateTempSubdirectory("ajv-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(scratch, "schema.json"), Traffic.Schema()).ConfigureAwait(false);
            await File.WriteAllLinesAsync(Path.Combine(scratch, "events.ndjson"), traffic.Json.Select(System.Text.Encoding.UTF8.GetString)).ConfigureAwait(false);
            var answer = await Out(folder, ["ajv.mjs", scratch]).ConfigureAwait(false);
            if (answer is null || !double.TryParse(answer.Trim(), CultureInfo.InvariantCulture, out var perSecond))
            {
                Console.WriteLine("SKIPPED: Ajv (node failed)");
                return;
            }

            Figure.Print("validation-ajv", perSecond, "events/s/core");
            Figure.Print("validation-json-to-ajv", judged / perSecond, "ratio", ">=", 2);
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static async Task<string?> Out(string folder, string[] arguments)
    {
        using var process = await NodePeers.Start(folder, arguments).ConfigureAwait(false);
        if (process is null) return null;
        var text = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return process.ExitCode == 0 ? text : null;
    }

    private static string? Folder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "tests", "Benchmarks", "node");
            if (File.Exists(Path.Combine(path, "ajv.mjs"))) return path;
        }

        return null;
    }
}
