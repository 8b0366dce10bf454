using System.Globalization;
using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>What the function apps' sources say: event ids, names of stores, triggers.</summary>
internal static partial class Sources
{
    /// <summary>The folder <c>functions</c>.</summary>
    public static string Functions { get; } = Path.GetFullPath(Path.Combine(Bicep.Folder, "../functions"));

    private static readonly string[] Files =
        [.. Directory.EnumerateFiles(Functions, "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/CommandLine/", StringComparison.Ordinal))
            .Select(File.ReadAllText)];

    /// <summary>Every log event of the apps: its level by its id.</summary>
    public static IReadOnlyDictionary<int, string> Events { get; } = Files
        .SelectMany(text => LoggerMessage().Matches(text).Select(match => (Id: int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), Level: match.Groups[2].Value)))
        .ToDictionary(one => one.Id, one => one.Level);

    /// <summary>First text argument of each call of one of these methods.</summary>
    /// <param name="methods">Names of methods or types.</param>
    public static HashSet<string> NamesGivenTo(params string[] methods)
    {
        var call = new Regex($"\\b(?:{string.Join('|', methods)})\\(\"([^\"]+)\"");
        return [.. Files.SelectMany(text => call.Matches(text).Select(match => match.Groups[1].Value))];
    }

    /// <summary>Every function.json: the app's folder, in lower case, and the file.</summary>
    public static IEnumerable<(string App, string File)> Triggers() =>
        Directory.EnumerateFiles(Functions, "function.json", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Select(path => (Path.GetRelativePath(Functions, path).Split('/')[0].ToLowerInvariant(), path));

    [GeneratedRegex(@"LoggerMessage\(\s*(\d+),\s*LogLevel\.(\w+)")]
    private static partial Regex LoggerMessage();
}
