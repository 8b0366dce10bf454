namespace Serverless.Infra.Tests;

public class TemplateTests
{
    public static TheoryData<string> Templates() =>
        [.. Directory.EnumerateFiles(Bicep.Folder, "*.bicep", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Bicep.Folder, path)).Where(path => !path.StartsWith("local/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Formatted() =>
        [.. Directory.EnumerateFiles(Bicep.Folder, "*.bicep*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Bicep.Folder, path))
            .Where(path => !path.StartsWith("local/", StringComparison.Ordinal) && (path.EndsWith(".bicep", StringComparison.Ordinal) || path.EndsWith(".bicepparam", StringComparison.Ordinal)))
            .Order(StringComparer.Ordinal)];

    [Fact]
    public void The_whole_system_builds_and_lints_without_a_word()
    {
        var (build, _, buildErrors) = Bicep.Run("build", "main.bicep", "--stdout");
        Assert.Equal("", buildErrors);
        Assert.Equal(0, build);
        var (lint, lintOutput, lintErrors) = Bicep.Run("lint", "main.bicep");
        Assert.Equal("", lintOutput + lintErrors);
        Assert.Equal(0, lint);
    }

    [Theory]
    [MemberData(nameof(Formatted))]
    public void Every_file_is_formatted(string file)
    {
        var (status, output, errors) = Bicep.Run("format", file, "--stdout");
        Assert.Equal((0, ""), (status, errors));
        Assert.Equal(File.ReadAllText(Path.Combine(Bicep.Folder, file)).TrimEnd(), output.TrimEnd());
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void Every_template_says_what_it_is_and_whom_it_trusts(string file)
    {
        var text = File.ReadAllText(Path.Combine(Bicep.Folder, file));
        Assert.Contains("metadata name = ", text, StringComparison.Ordinal);
        Assert.Contains("metadata description = ", text, StringComparison.Ordinal);
        if (file != "main.bicep") Assert.Contains("metadata trust = ", text, StringComparison.Ordinal);
        var described = text.Split('\n').Where(line => line.StartsWith("param ", StringComparison.Ordinal)).Count();
        var marked = text.Split('\n').Where(line => line.StartsWith("@description('Required.", StringComparison.Ordinal)
            || line.StartsWith("@description('Optional.", StringComparison.Ordinal)
            || line.StartsWith("@description('Conditional.", StringComparison.Ordinal)).Count();
        Assert.Equal(described, marked);
    }
}
