using System.Text.RegularExpressions;

namespace Serverless.Conventions.Tests;

public partial class ReadmeTests
{
    [Fact]
    public void Every_link_in_a_readme_leads_somewhere()
    {
        var broken = SourceTree.Files("*.md", "functions", "firmware-signing", "infra", "tests")
            .Append(Path.Combine(SourceTree.Root, "README.md"))
            .SelectMany(file => Link().Matches(File.ReadAllText(file)).Select(match => (file, Target: match.Groups[1].Value)))
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal) && !link.Target.StartsWith('#'))
            .Where(link => !Path.Exists(Path.Combine(Path.GetDirectoryName(link.file)!, link.Target.Split('#')[0])))
            .Select(link => $"{Path.GetRelativePath(SourceTree.Root, link.file)}: {link.Target}");
        Assert.Empty(broken);
    }

    [Fact]
    public void The_first_screen_of_the_readme_holds_the_two_commands()
    {
        var screen = string.Join('\n', File.ReadLines(Path.Combine(SourceTree.Root, "README.md")).Take(30));
        Assert.Contains("dotnet run --project infra/local -c Release", screen, StringComparison.Ordinal);
        Assert.Contains("dotnet test", screen, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_top_folder_says_why_it_is_so()
    {
        foreach (var folder in new[] { "functions", "infra", "firmware-signing" })
        {
            var text = string.Concat(SourceTree.Files("README.md", folder).Select(File.ReadAllText));
            Assert.Contains("## Why it is so", text, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
