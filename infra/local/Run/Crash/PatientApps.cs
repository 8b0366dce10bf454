using System.Text.Json.Nodes;

namespace Serverless.Local.Run.Crash;

/// <summary>A copy of the published apps whose triggers wait at most 2 s between two tries of a batch: with the deployed minute, a batch
/// that is killed six times in a row would make the run wait and prove nothing more.</summary>
internal sealed class PatientApps : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-crash-");

    /// <summary>Copies.</summary>
    /// <param name="published">The apps as published.</param>
    public PatientApps(string published)
    {
        foreach (var file in Directory.EnumerateFiles(published, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(Folder, Path.GetRelativePath(published, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy); // with its mode: the executable stays one
            if (Path.GetFileName(file) != "function.json") continue;
            var function = JsonNode.Parse(File.ReadAllText(copy))!;
            if (function["retry"] is not { } retry) continue;
            retry["maximumInterval"] = "00:00:02";
            File.WriteAllText(copy, function.ToJsonString());
        }
    }

    /// <summary>The copies.</summary>
    public string Folder => _folder.FullName;

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);
}
