namespace Serverless.Deploy.Packages;

/// <summary>A function app in the source tree.</summary>
/// <param name="Name">Its name in templates and packages: the folder's, in lower case.</param>
/// <param name="Project">Path of its project file.</param>
/// <param name="Functions">Names of its functions.</param>
public sealed record FunctionAppSource(string Name, string Project, IReadOnlyList<string> Functions)
{
    /// <summary>Finds every app: a folder below <c>functions</c> with a project and at least one function.json a level deeper.</summary>
    /// <param name="root">The repository's root.</param>
    public static IReadOnlyList<FunctionAppSource> All(string root) =>
        [.. Directory.EnumerateDirectories(Path.Combine(root, "functions"))
            .Select(folder => (Folder: folder, Project: Path.Combine(folder, Path.GetFileName(folder) + ".csproj")))
            .Where(app => File.Exists(app.Project))
            .Select(app => new FunctionAppSource(
                Path.GetFileName(app.Folder).ToLowerInvariant(),
                app.Project,
                [.. Directory.EnumerateDirectories(app.Folder).Where(function => File.Exists(Path.Combine(function, "function.json"))).Select(function => Path.GetFileName(function)).Order(StringComparer.Ordinal)]))
            .Where(app => app.Functions.Count > 0)
            .OrderBy(app => app.Name, StringComparer.Ordinal)];

    /// <summary>Picks some by name.</summary>
    /// <param name="root">The repository's root.</param>
    /// <param name="names">Which; empty for all.</param>
    /// <exception cref="DeployException">No such app.</exception>
    public static IReadOnlyList<FunctionAppSource> Pick(string root, IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var all = All(root);
        var unknown = names.Except(all.Select(app => app.Name)).ToList();
        if (unknown.Count > 0) throw new DeployException($"there is no function app '{unknown[0]}'; there are {string.Join(", ", all.Select(app => app.Name))}");
        return names.Count == 0 ? all : [.. all.Where(app => names.Contains(app.Name))];
    }
}
