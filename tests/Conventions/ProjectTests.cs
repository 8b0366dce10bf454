namespace Serverless.Conventions.Tests;

public class ProjectTests
{
    [Fact]
    public void No_two_projects_share_a_name()
    {
        // Build output goes to one folder a name: two of one name would write over each other.
        var shared = SourceTree.Files("*.csproj", "functions", "firmware-signing", "infra", "tests")
            .GroupBy(Path.GetFileName, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Select(group => group.Key);
        Assert.Empty(shared);
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(SourceTree.Root, "Serverless.sln")).Replace('\\', '/');
        var missing = new List<string>();
        foreach (var file in SourceTree.Files("*.csproj", "functions", "firmware-signing", "infra", "tests"))
        {
            var name = Path.GetRelativePath(SourceTree.Root, file).Replace('\\', '/');
            if (!solution.Contains($"\"{name}\"", StringComparison.Ordinal)) missing.Add(name);
        }

        Assert.Empty(missing);
    }
}
