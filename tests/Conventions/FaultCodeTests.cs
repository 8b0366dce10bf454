using System.Text.RegularExpressions;

namespace Serverless.Conventions.Tests;

public partial class FaultCodeTests
{
    private static readonly string[] Product = ["functions", "firmware-signing", "infra"];

    [Fact]
    public void Every_fault_code_is_kebab_case()
    {
        var codes = Codes();
        Assert.NotEmpty(codes);
        Assert.All(codes, row => Assert.Matches("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", row.Code));
    }

    [Fact]
    public void Every_fault_code_is_documented_in_its_project()
    {
        var documented = new Dictionary<string, string>(StringComparer.Ordinal);
        var undocumented = Codes()
            .Where(row => !Documentation(documented, Project(row.File)).Contains($"<c>{row.Code}</c>", StringComparison.Ordinal))
            .Select(row => $"{row.Code} in {Path.GetRelativePath(SourceTree.Root, row.File)}");
        Assert.Empty(undocumented);
    }

    [Fact]
    public void Every_fault_code_is_expected_by_some_test()
    {
        var tests = string.Concat(SourceTree.Files("*.cs", "tests").Select(File.ReadAllText));
        // As a literal of its own, or in the form of Fault.ToString: "code at where".
        var untested = Codes().Select(row => row.Code).Distinct()
            .Where(code => !tests.Contains($"\"{code}\"", StringComparison.Ordinal) && !tests.Contains($"{code} at ", StringComparison.Ordinal));
        Assert.Empty(untested);
    }

    private static string Project(string file)
    {
        var folder = Path.GetDirectoryName(file)!;
        while (!Directory.EnumerateFiles(folder, "*.csproj").Any()) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    private static string Documentation(Dictionary<string, string> read, string project) =>
        read.TryGetValue(project, out var known)
            ? known
            : read[project] = string.Concat(Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    private static List<(string Code, string File)> Codes() =>
        [.. SourceTree.Files("*.cs", Product)
            .SelectMany(file => NewFault().Matches(File.ReadAllText(file)).Select(match => (Code: match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value, File: file)))];

    [GeneratedRegex("new Fault\\(\\s*\"([^\"]+)\"|new\\(\"([a-z0-9-]+)\", \"[^\"]*\"\\);")]
    private static partial Regex NewFault();
}
