using System.Text.Json;
using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>Whoever is woken finds a page, and a rule never waits for an event that no app logs.</summary>
public partial class AlertRuleTests
{
    private static readonly JsonElement Rules = Read("alert-rules.json");
    private static readonly string Runbooks = Path.Combine(Bicep.Folder, "runbooks");

    [Fact]
    public void Every_event_id_in_a_rule_or_in_the_workbook_exists_in_the_code()
    {
        var ids = Rules.GetProperty("logs").EnumerateArray().SelectMany(rule => rule.GetProperty("eventIds").EnumerateArray()).Select(id => id.GetInt32()).ToList();
        var shown = WorkbookQueries().SelectMany(query => EventIds().Matches(query))
            .SelectMany(match => match.Groups[1].Value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse).ToList();
        Assert.NotEmpty(ids);
        Assert.NotEmpty(shown);
        Assert.Empty(ids.Concat(shown).Except(Sources.Events.Keys));
        Assert.Equal(ids.Count, ids.Distinct().Count()); // one event, one page
    }

    [Fact]
    public void Every_error_that_an_app_can_log_has_a_rule()
    {
        var ruled = Rules.GetProperty("logs").EnumerateArray().SelectMany(rule => rule.GetProperty("eventIds").EnumerateArray()).Select(id => id.GetInt32());
        var errors = Sources.Events.Where(one => one.Value is "Error" or "Critical").Select(one => one.Key).ToList();
        Assert.NotEmpty(errors);
        Assert.Empty(errors.Except(ruled));
    }

    [Fact]
    public void Every_rule_has_a_runbook_and_every_runbook_a_rule()
    {
        var named = All().Select(rule => rule.GetProperty("runbook").GetString()!).Distinct().Order(StringComparer.Ordinal);
        var pages = Directory.EnumerateFiles(Runbooks, "*.md").Select(path => Path.GetFileNameWithoutExtension(path)).Where(page => page != "README").Order(StringComparer.Ordinal);
        Assert.Equal(pages, named);
    }

    public static TheoryData<string> Pages() =>
        [.. Directory.EnumerateFiles(Path.Combine(Bicep.Folder, "runbooks"), "*.md").Select(path => Path.GetFileName(path)).Where(page => page != "README.md").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_runbook_says_what_it_means_how_to_confirm_what_to_do_and_how_to_undo(string page)
    {
        var text = File.ReadAllText(Path.Combine(Runbooks, page));
        var parts = Regex.Split(text, "^## ", RegexOptions.Multiline).Skip(1).ToDictionary(part => part.Split('\n')[0], part => part[part.IndexOf('\n', StringComparison.Ordinal)..].Trim());
        Assert.Equal(["What it means", "How to confirm", "What to do", "How to undo"], parts.Keys);
        Assert.All(parts.Values, part => Assert.True(part.Length > 40, $"{page} says next to nothing"));
        // Ids that a page names are ids of events that exist.
        Assert.Empty(EventIds().Matches(text).SelectMany(match => match.Groups[1].Value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse).Except(Sources.Events.Keys));
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    public void Every_rule_is_deployed_calls_the_people_on_call_and_names_its_page(string environment)
    {
        var cloud = Snapshot.Read(environment);
        var onCall = Assert.Single(cloud.Of("Microsoft.Insights/actionGroups"));
        var deployed = cloud.Of("Microsoft.Insights/scheduledQueryRules").Concat(cloud.Of("Microsoft.Insights/metricAlerts")).Concat(cloud.Of("Microsoft.Insights/activityLogAlerts")).ToList();
        foreach (var rule in All())
        {
            var mine = deployed.Where(one => one.Name.StartsWith($"sdp-{environment}-{rule.GetProperty("name").GetString()}", StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(mine); // also when the kind of target is misspelt
            Assert.All(mine, one =>
            {
                Assert.EndsWith($"Runbook: infra/runbooks/{rule.GetProperty("runbook").GetString()}.md", one.Text("properties.description"), StringComparison.Ordinal);
                Assert.Contains(onCall.Id, one.Text("properties.actions"), StringComparison.OrdinalIgnoreCase);
                Assert.Equal("true", one.Text("properties.enabled"), ignoreCase: true);
            });
        }
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    public void What_a_metric_rule_watches_is_deployed(string environment)
    {
        var cloud = Snapshot.Read(environment);
        var ids = cloud.Resources.Select(resource => resource.Id).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var rules = cloud.Of("Microsoft.Insights/metricAlerts").ToList();
        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.All(rule.At("properties.scopes")!.Value.EnumerateArray(), scope => Assert.Contains(scope.GetString()!, ids)));
        var quota = rules.First(rule => rule.Name.Contains("quota-near", StringComparison.Ordinal)).At("properties.criteria.allOf")!.Value[0].GetProperty("threshold").GetInt64();
        Assert.Equal(environment == "dev" ? 400_000 * 8 / 10 : 2 * 6_000_000 * 8 / 10, quota);
    }

    private static IEnumerable<JsonElement> All() => Rules.EnumerateObject().SelectMany(kind => kind.Value.EnumerateArray());

    private static IEnumerable<string> WorkbookQueries() =>
        Read("workbook.json").GetProperty("items").EnumerateArray()
            .Select(item => item.GetProperty("content")).Where(content => content.TryGetProperty("query", out _)).Select(content => content.GetProperty("query").GetString()!);

    private static JsonElement Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Bicep.Folder, file)));
        return document.RootElement.Clone();
    }

    [GeneratedRegex(@"\bid\)? (?:==|in) \(?([\d, ]+)")]
    private static partial Regex EventIds();
}
