namespace Serverless.Infra.Tests;

public class TemplateTests
{
    public static TheoryData<string> Templates() =>
        [.. Directory.EnumerateFiles(Bicep.Folder, "*.bicep", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Bicep.Folder, path)).Where(path => !path.StartsWith("local/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

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

    [Fact]
    public void Every_file_is_formatted()
    {
        // A copy, formatted in place by one run of the compiler for all files, must not have changed.
        var copy = Directory.CreateTempSubdirectory("bicep-format-");
        try
        {
            var files = Directory.EnumerateFiles(Bicep.Folder, "*.bicep*", SearchOption.AllDirectories)
                .Where(path => Path.GetExtension(path) is ".bicep" or ".bicepparam").Select(path => Path.GetRelativePath(Bicep.Folder, path))
                .Where(path => !path.StartsWith("local/", StringComparison.Ordinal)).ToList();
            Assert.True(files.Count > 10);
            foreach (var file in files.Append("bicepconfig.json"))
            {
                var to = Path.Combine(copy.FullName, file);
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Copy(Path.Combine(Bicep.Folder, file), to);
            }

            foreach (var pattern in new[] { "**/*.bicep", "**/*.bicepparam" })
            {
                var (status, _, errors) = Bicep.Run("format", "--pattern", Path.Combine(copy.FullName, pattern));
                Assert.Equal((0, ""), (status, errors));
            }

            Assert.All(files, file => Assert.Equal(File.ReadAllText(Path.Combine(Bicep.Folder, file)), File.ReadAllText(Path.Combine(copy.FullName, file))));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
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
