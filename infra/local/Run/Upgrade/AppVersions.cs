using System.Text.Json.Nodes;

namespace Serverless.Local.Run.Upgrade;

/// <summary>One place that apps are started from, and the versions of the Telemetry app to put there: the published one, one that
/// takes other batches (<c>maxEventBatchSize</c>), so that no batch of the one is a batch of the other, and perhaps a further one, from elsewhere.</summary>
/// <remarks>Files are put there as a deployment does: as a whole new folder, while handlers of the old one still run from it.</remarks>
internal sealed class AppVersions : IDisposable
{
    private const string App = "telemetry";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-upgrade-");
    private int _placed;

    /// <summary>Copies the published app twice and puts the old one in its place.</summary>
    /// <param name="published">The apps as published.</param>
    /// <param name="further">Folder of <see cref="AppVersion.Further"/>; <see langword="null"/> for none.</param>
    public AppVersions(string published, string? further)
    {
        Copy(Path.Combine(published, App), Kept(AppVersion.Old));
        Copy(Path.Combine(published, App), Kept(AppVersion.New));
        if (further is not null) Copy(further, Kept(AppVersion.Further));
        var host = Path.Combine(Kept(AppVersion.New), "host.json");
        var json = JsonNode.Parse(File.ReadAllText(host))!;
        json["extensions"]!["eventHubs"]!["maxEventBatchSize"] = 190;
        File.WriteAllText(host, json.ToJsonString());
        Place(AppVersion.Old);
    }

    /// <summary>Where the cloud starts apps from.</summary>
    public string Folder => Path.Combine(_folder.FullName, "apps");

    /// <summary>Puts a version in the app's place.</summary>
    /// <param name="version">Which.</param>
    public void Place(AppVersion version)
    {
        var next = Path.Combine(_folder.FullName, $"next-{++_placed}");
        Copy(Kept(version), next);
        Directory.CreateDirectory(Folder);
        var place = Path.Combine(Folder, App);
        if (Directory.Exists(place)) Directory.Move(place, Path.Combine(_folder.FullName, $"gone-{_placed}"));
        Directory.Move(next, place);
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    private string Kept(AppVersion version) => Path.Combine(_folder.FullName, version.ToString());

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy); // with its mode: the executable stays one
        }
    }
}

/// <summary>A version of the app.</summary>
internal enum AppVersion
{
    /// <summary>The one that runs before the upgrade and after the rollback.</summary>
    Old,

    /// <summary>The one that is rolled out.</summary>
    New,

    /// <summary>One that keeps more in its state than the others can read.</summary>
    Further,
}
