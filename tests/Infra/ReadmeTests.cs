using System.Globalization;
using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>Figures in README.md add up and are those of the templates.</summary>
public partial class ReadmeTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Bicep.Folder, "README.md"));

    [Fact]
    public void Each_line_of_costs_is_its_product_and_the_totals_are_the_sums()
    {
        var rows = CostRows().ToList();
        Assert.True(rows.Count > 15);
        var totals = new decimal[2];
        foreach (var (name, cells) in rows)
        {
            for (var at = 0; at < 2; at++)
            {
                if (cells[at] == "–") continue;
                var sides = cells[at].Split(" = ");
                var product = sides[0].Split(" × ").Aggregate(1m, (product, factor) => product * Number(factor));
                Assert.True(decimal.Round(product, 2, MidpointRounding.AwayFromZero) == Number(sides[1]), $"{name}: {cells[at]} is {product}");
                totals[at] += Number(sides[1]);
            }
        }

        var total = Regex.Match(Text, @"\*\*total\*\* \| \*\*([\d,.]+)\*\* \| \*\*([\d,.]+)\*\*");
        Assert.Equal((totals[0], totals[1]), (Number(total.Groups[1].Value), Number(total.Groups[2].Value)));
    }

    [Theory]
    [InlineData("dev", 0)]
    [InlineData("prod", 1)]
    public void What_is_counted_in_the_costs_is_what_is_deployed(string environment, int column)
    {
        var cloud = Snapshot.Read(environment);
        var rows = CostRows().ToDictionary(row => row.Name, row => row.Cells[column]);
        void Counted(string row, long expected) => Assert.Equal(expected, rows[row] == "–" ? 0 : Number(rows[row].Split(" × ")[0]));
        Counted("IoT Hub units", cloud.Of("Microsoft.Devices/IotHubs").Sum(hub => hub.At("sku.capacity")!.Value.GetInt64()));
        Counted("Event Hubs throughput units", cloud.Of("Microsoft.EventHub/namespaces").Single().At("sku.capacity")!.Value.GetInt64());
        Counted("Functions kept warm", cloud.Of("Microsoft.Web/sites")
            .Sum(site => site.At("properties.functionAppConfig.scaleAndConcurrency.alwaysReady")!.Value.EnumerateArray().Sum(ready => ready.GetProperty("instanceCount").GetInt64())));
        var logRules = cloud.Of("Microsoft.Insights/scheduledQueryRules").ToList();
        Counted("Alert rules over logs, each 5 minutes", logRules.Count(rule => rule.Text("properties.evaluationFrequency") == "PT5M"));
        Counted("Alert rules over logs, slower", logRules.Count(rule => rule.Text("properties.evaluationFrequency") != "PT5M"));
        Counted("Alert rules over metrics", cloud.Of("Microsoft.Insights/metricAlerts").Count());
        Counted("Private endpoints", cloud.Of("Microsoft.Network/privateEndpoints").Count());
        Counted("Private DNS zones", cloud.Of("Microsoft.Network/privateDnsZones").Count());
        if (environment == "prod") Counted("Vault keys in hardware", cloud.Of("Microsoft.KeyVault/vaults/keys").Count());
        // A partition makes at most one batch in maxWaitTime when load is low: 730 hours of them, in millions.
        var partitions = cloud.Of("Microsoft.EventHub/namespaces/eventhubs").First().At("properties.partitionCount")!.Value.GetInt64();
        var wait = TimeSpan.Parse(AppSettings.Of(cloud, "telemetry")["AzureFunctionsJobHost__extensions__eventHubs__maxWaitTime"], CultureInfo.InvariantCulture);
        Assert.Equal(decimal.Round((decimal)(partitions * 730 * 3600 / wait.TotalSeconds / 1e6), 1), Number(rows["Functions executions, million"].Split(" × ")[0]));
        // What is expected must not set the budget off.
        var total = Regex.Match(Text, @"\*\*total\*\* \| \*\*([\d,.]+)\*\* \| \*\*([\d,.]+)\*\*").Groups[column + 1].Value;
        Assert.True(Number(total) < 0.8m * cloud.Of("Microsoft.Consumption/budgets").Single().At("properties.amount")!.Value.GetInt64(), "the budget would mail in an ordinary month");
    }

    [Fact]
    public void Every_runbook_is_in_the_index()
    {
        var index = File.ReadAllText(Path.Combine(Bicep.Folder, "runbooks/README.md"));
        var pages = Directory.EnumerateFiles(Path.Combine(Bicep.Folder, "runbooks"), "*.md").Select(path => Path.GetFileName(path)).Where(page => page != "README.md");
        Assert.All(pages, page => Assert.Contains($"({page})", index, StringComparison.Ordinal));
    }

    private static IEnumerable<(string Name, string[] Cells)> CostRows() =>
        Text[Text.IndexOf("| USD a month |", StringComparison.Ordinal)..Text.IndexOf("| **total**", StringComparison.Ordinal)].Split('\n').Skip(2)
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 3).Select(cells => (cells[0], cells[1..]));

    private static decimal Number(string text) => decimal.Parse(Leading().Match(text).Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^[\d,.]+")]
    private static partial Regex Leading();
}
