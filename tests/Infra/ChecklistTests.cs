using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>CHECKLIST.md answers every rule of the public baseline for what is deployed, and no rule that does not exist.</summary>
public partial class ChecklistTests
{
    private static readonly string Names = Path.Combine(Bicep.Folder, "../tests/Infra/psrule-azure.ga-2026-03.txt");
    private static readonly List<string[]> Rows =
        [.. File.ReadAllLines(Path.Combine(Bicep.Folder, "CHECKLIST.md")).Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells[0] != "rule" && !cells[0].StartsWith("---", StringComparison.Ordinal))];

    [Fact]
    public void Every_rule_of_the_baseline_has_one_answer_and_no_rule_is_invented()
    {
        var known = File.ReadLines(Names).Where(line => !line.StartsWith('#')).ToList();
        Assert.True(known.Count > 100);
        Assert.Equal(known.Order(StringComparer.Ordinal), Rows.SelectMany(row => Rule().Matches(row[0]).Select(match => match.Value)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_not_kept_has_a_reason()
    {
        Assert.All(Rows, row => Assert.Matches("^(kept|kept (but for|in the isolated|in prod|in part).*|not kept|does not apply)$", row[1]));
        Assert.All(Rows.Where(row => row[1] is "not kept" or "does not apply"), row => Assert.True(row.Length == 3 && row[2].Length > 8, $"{row[0]}: no reason"));
    }

    [GeneratedRegex(@"\bAzure\.[A-Za-z]+\.[A-Za-z0-9.]*[A-Za-z0-9]")]
    private static partial Regex Rule();
}
