using System.Runtime.CompilerServices;

namespace Serverless.Conventions.Tests;

/// <summary>The checked-out sources, found from where this file was compiled.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Find();

    /// <summary>Source files below some top folders, without build output.</summary>
    public static IEnumerable<string> Files(string pattern, params string[] folders) =>
        folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories))
            .Where(path => !path.Contains("/node_modules/", StringComparison.Ordinal)
                && !path.Contains("/obj/", StringComparison.Ordinal)
                && !path.Contains("/bin/", StringComparison.Ordinal));

    private static string Find([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));
}
