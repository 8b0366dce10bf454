using System.Text.Json;
using Serverless.Local.EventHubs;
using Serverless.Local.Storage;

namespace Serverless.Infra.Tests;

/// <summary>Names that code and templates share.</summary>
public class NameTests
{
    public static TheoryData<string> Environments() => ["dev", "prod"];

    [Theory]
    [MemberData(nameof(Environments))]
    public void Hubs_and_consumer_groups_are_those_of_the_local_cloud(string environment)
    {
        var cloud = Snapshot.Read(environment);
        var here = new EventHubsOptions().Hubs;
        Assert.Equal(here.Select(hub => hub.Name).Order(StringComparer.Ordinal), Last(cloud, "Microsoft.EventHub/namespaces/eventhubs"));
        Assert.Equal(
            here.SelectMany(hub => hub.Groups.Where(group => group != "$Default").Select(group => $"{hub.Name}/{group}")).Order(StringComparer.Ordinal),
            cloud.Of("Microsoft.EventHub/namespaces/eventhubs/consumergroups").Select(group => group.Name.Split('/', 2)[1]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Containers_and_tables_are_those_of_the_local_cloud(string environment)
    {
        var cloud = Snapshot.Read(environment);
        Assert.Equal(
            StorageContent.Pipeline.Containers.Where(name => !name.StartsWith("azure-webjobs-", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            Last(cloud, "Microsoft.Storage/storageAccounts/blobServices/containers").Distinct().Except(["deployments", "capture"]));
        Assert.Equal(
            StorageContent.Pipeline.Tables.Order(StringComparer.Ordinal), Last(cloud, "Microsoft.Storage/storageAccounts/tableServices/tables"));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Whatever_the_apps_open_by_name_is_deployed(string environment)
    {
        var cloud = Snapshot.Read(environment);
        var containers = Sources.NamesGivenTo("GetBlobContainerClient");
        Assert.NotEmpty(containers);
        Assert.Empty(containers.Except(Last(cloud, "Microsoft.Storage/storageAccounts/blobServices/containers")));
        Assert.Empty(Sources.NamesGivenTo("GetTableClient").Except(Last(cloud, "Microsoft.Storage/storageAccounts/tableServices/tables")));
        var hubs = Sources.NamesGivenTo("Hub", "hubs\\.Hub");
        Assert.NotEmpty(hubs);
        Assert.Empty(hubs.Except(Last(cloud, "Microsoft.EventHub/namespaces/eventhubs")));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Every_trigger_reads_a_hub_and_a_group_that_are_deployed_over_a_connection_that_resolves(string environment)
    {
        var cloud = Snapshot.Read(environment);
        var groups = cloud.Of("Microsoft.EventHub/namespaces/eventhubs/consumergroups").Select(group => group.Name.Split('/', 2)[1]).ToHashSet();
        var triggers = 0;
        foreach (var (app, file) in Sources.Triggers())
        {
            using var function = JsonDocument.Parse(File.ReadAllText(file));
            var settings = AppSettings.Of(cloud, app);
            foreach (var binding in function.RootElement.GetProperty("bindings").EnumerateArray())
            {
                if (binding.TryGetProperty("connection", out var connection))
                {
                    // An identity-based connection: where, that the identity is meant, and which one.
                    Assert.EndsWith(".servicebus.windows.net", settings[$"{connection.GetString()}__fullyQualifiedNamespace"], StringComparison.Ordinal);
                    Assert.Equal("managedidentity", settings[$"{connection.GetString()}__credential"]);
                    Assert.Equal(settings["AZURE_CLIENT_ID"], settings[$"{connection.GetString()}__clientId"]);
                }

                if (binding.GetProperty("type").GetString() != "eventHubTrigger") continue;
                Assert.Contains($"{binding.GetProperty("eventHubName").GetString()}/{binding.GetProperty("consumerGroup").GetString()}", groups);
                triggers++;
            }
        }

        Assert.True(triggers > 0, "no Event Hubs trigger was looked at");
    }

    private static IEnumerable<string> Last(Snapshot cloud, string type) => cloud.Of(type).Select(one => one.Name.Split('/')[^1]).Order(StringComparer.Ordinal);
}
