using System.Globalization;
using System.Text.Json;

namespace Serverless.Deploy.Packages;

/// <summary>A package that was made.</summary>
/// <param name="App">Its app.</param>
/// <param name="File">Where it is.</param>
/// <param name="Bytes">How large.</param>
/// <param name="Sha256">Its hash, lower-case hex.</param>
public sealed record Package(string App, string File, long Bytes, string Sha256);

/// <summary>Publishes function apps as native linux-x64 programs and packs them.</summary>
/// <param name="around">The tree and where to speak.</param>
public sealed class Packager(Surroundings around)
{
    private const string Executable = "handler"; // host.json names it

    /// <summary>Where packages lie unless said otherwise.</summary>
    public string DefaultFolder => Path.Combine(around.Root, "artifacts/packages");

    /// <summary>Makes packages of the tree as it is, and a list of them beside.</summary>
    /// <param name="apps">Which apps; empty for all.</param>
    /// <param name="to">Folder of the zips.</param>
    /// <param name="cancel">Kills the build.</param>
    public async Task<IReadOnlyList<Package>> Make(IReadOnlyCollection<string> apps, string to, CancellationToken cancel)
    {
        Directory.CreateDirectory(to); // or it fails here, not after minutes
        var (commit, dirty) = await Commit(cancel).ConfigureAwait(false);
        if (dirty) around.Say("the tree differs from its commit: these packages can be tried, not reproduced");
        var made = await MakeIn(around.Root, FunctionAppSource.Pick(around.Root, apps), to, cancel).ConfigureAwait(false);
        using var list = File.Create(Path.Combine(to, "packages.json"));
        using var json = new Utf8JsonWriter(list, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("commit", commit);
        json.WriteBoolean("clean", !dirty);
        json.WriteStartObject("sha256");
        foreach (var package in made) json.WriteString(package.App, package.Sha256);
        json.WriteEndObject();
        json.WriteEndObject();
        return made;
    }

    /// <summary>Builds the same commit again, from a fresh clone in another folder, and compares.</summary>
    /// <param name="apps">Which apps; empty for all.</param>
    /// <param name="to">Folder of the packages to compare with.</param>
    /// <param name="cancel">Kills the build.</param>
    /// <returns>Whether every byte is the same.</returns>
    public async Task<bool> Reproduce(IReadOnlyCollection<string> apps, string to, CancellationToken cancel)
    {
        var (commit, dirty) = await Commit(cancel).ConfigureAwait(false);
        if (dirty) throw new DeployException("the tree differs from its commit: commit first, or there is nothing to reproduce");
        var first = await Make(apps, to, cancel).ConfigureAwait(false);
        var clone = Directory.CreateTempSubdirectory("deploy-clone-");
        try
        {
            await Must("git", ["clone", "--quiet", "--no-hardlinks", around.Root, clone.FullName], around.Root, cancel).ConfigureAwait(false);
            await Must("git", ["checkout", "--quiet", commit], clone.FullName, cancel).ConfigureAwait(false);
            var again = await MakeIn(clone.FullName, FunctionAppSource.Pick(clone.FullName, apps), Path.Combine(clone.FullName, "artifacts/packages"), cancel).ConfigureAwait(false);
            foreach (var (one, two) in first.Zip(again)) around.Say($"{(one.Sha256 == two.Sha256 ? "same  " : "DIFFER")} {one.App} {one.Sha256} {two.Sha256}");
            return first.Select(package => package.Sha256).SequenceEqual(again.Select(package => package.Sha256));
        }
        finally
        {
            clone.Delete(recursive: true);
        }
    }

    private async Task<IReadOnlyList<Package>> MakeIn(string root, IReadOnlyList<FunctionAppSource> apps, string to, CancellationToken cancel)
    {
        var made = new List<Package>();
        foreach (var app in apps)
        {
            around.Say($"publishing {app.Name}, native, linux-x64");
            var folder = Path.Combine(root, "artifacts/native", app.Name);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true); // what an older build left must not be packed
            await Must("dotnet", PublishArguments(app, folder), root, cancel).ConfigureAwait(false);
            var file = Path.Combine(to, $"{app.Name}.zip");
            var hash = PackageZip.Write(folder, Executable, file);
            var package = new Package(app.Name, file, new FileInfo(file).Length, hash);
            around.Say(string.Create(CultureInfo.InvariantCulture, $"{package.Sha256}  {Path.GetRelativePath(around.Root, file)}  {package.Bytes / 1e6:0.0} MB"));
            made.Add(package);
        }

        return made;
    }

    // ContinuousIntegrationBuild: source paths in the output are /_/..., the same in every folder.
    private static List<string> PublishArguments(FunctionAppSource app, string to)
    {
        List<string> arguments =
        [
            "publish", app.Project, "--configuration", "Release", "--runtime", "linux-x64", "--output", to,
            "-p:Aot=true", "-p:ContinuousIntegrationBuild=true", "-p:DebugType=none", "--verbosity", "quiet", "--nologo",
        ];
        if (!OnPath("clang") && OnPath("gcc")) arguments.Add("-p:CppCompilerAndLinker=gcc");
        return arguments;
    }

    private async Task<(string Commit, bool Dirty)> Commit(CancellationToken cancel)
    {
        var head = await Must("git", ["rev-parse", "HEAD"], around.Root, cancel).ConfigureAwait(false);
        var changes = await Must("git", ["status", "--porcelain"], around.Root, cancel).ConfigureAwait(false);
        return (head.Output.Trim(), changes.Output.Trim().Length > 0);
    }

    private static async Task<ToolRun> Must(string program, List<string> arguments, string folder, CancellationToken cancel)
    {
        var run = await ToolRun.Run(program, arguments, folder, cancel).ConfigureAwait(false) ?? throw new DeployException($"'{program}' is not on this machine");
        return run.Status == 0 ? run : throw new DeployException($"{program} {arguments[0]} failed with {run.Status}:\n{string.Join('\n', (run.Output + run.Errors).Split('\n').TakeLast(20))}");
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
