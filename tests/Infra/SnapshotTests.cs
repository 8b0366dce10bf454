using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>Rules over everything that would be deployed. The parameter files are the cases: what holds for both holds for the templates.</summary>
public partial class SnapshotTests
{
    private static readonly Dictionary<string, Lazy<Snapshot>> Snapshots = new[] { "dev", "prod" }
        .ToDictionary(name => name, name => new Lazy<Snapshot>(() => Snapshot.Read(name)));

    public static TheoryData<string> Environments() => ["dev", "prod"];

    [Theory]
    [MemberData(nameof(Environments))]
    public void The_committed_snapshot_is_what_the_templates_say(string environment)
    {
        var (status, output, errors) = Snapshot.Validate(environment);
        Assert.True(status == 0, $"infra changed: review and renew with 'bicep snapshot {environment}.bicepparam'\n{output}{errors}");
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Nothing_is_reached_with_a_shared_key_but_IoT_Hub_which_DPS_links_so(string environment)
    {
        var cloud = Cloud(environment);
        All(cloud, "Microsoft.Storage/storageAccounts", "properties.allowSharedKeyAccess", "false");
        All(cloud, "Microsoft.EventHub/namespaces", "properties.disableLocalAuth", "true");
        All(cloud, "Microsoft.Insights/components", "properties.DisableLocalAuth", "true");
        All(cloud, "Microsoft.KeyVault/vaults", "properties.enableRbacAuthorization", "true");
        All(cloud, "Microsoft.Web/sites/basicPublishingCredentialsPolicies", "properties.allow", "false");
        All(cloud, "Microsoft.Devices/IotHubs", "properties.disableLocalAuth", "false"); // the exception: iotHub.bicep says why
        All(cloud, "Microsoft.Devices/IotHubs", "properties.disableDeviceSAS", "true");
        Assert.All(cloud.Of("Microsoft.OperationalInsights/workspaces"), one => Assert.Equal("true", one.Text("properties.features.disableLocalAuth")));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Keys_are_listed_only_to_link_DPS_and_no_setting_holds_a_secret(string environment)
    {
        var cloud = Cloud(environment);
        Assert.All(
            cloud.Resources.Where(resource => resource.Body.GetRawText().Contains("listKeys(", StringComparison.OrdinalIgnoreCase)),
            resource => Assert.Equal("Microsoft.Devices/provisioningServices", resource.Type));
        Assert.DoesNotMatch("(?i)list[a-z]*keys?\\(|connectionstring|primarykey|secret", cloud.Outputs);
        var settings = cloud.Of("Microsoft.Web/sites/config").ToList();
        Assert.NotEmpty(settings);
        foreach (var setting in settings.SelectMany(app => app.At("properties")!.Value.EnumerateObject()))
        {
            Assert.DoesNotMatch(Secret(), setting.Name);
            Assert.DoesNotMatch("(?i)AccountKey=|SharedAccessKey|sig=|Endpoint=sb://", setting.Value.GetRawText());
            Assert.NotEqual("FUNCTIONS_WORKER_RUNTIME", setting.Name); // Flex Consumption refuses it: functionAppConfig says it
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void TLS_is_at_least_1_2_everywhere(string environment)
    {
        var cloud = Cloud(environment);
        All(cloud, "Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", "TLS1_2");
        All(cloud, "Microsoft.Storage/storageAccounts", "properties.supportsHttpsTrafficOnly", "true");
        All(cloud, "Microsoft.EventHub/namespaces", "properties.minimumTlsVersion", "1.2");
        All(cloud, "Microsoft.Devices/IotHubs", "properties.minTlsVersion", "1.2");
        All(cloud, "Microsoft.Web/sites", "properties.httpsOnly", "true");
        All(cloud, "Microsoft.Web/sites", "properties.siteConfig.minTlsVersion", "1.2");
        All(cloud, "Microsoft.Cdn/profiles/afdEndpoints/routes", "properties.forwardingProtocol", "HttpsOnly");
    }

    [Fact]
    public void The_isolated_cloud_is_closed_to_the_public_but_for_devices_firmware_and_the_api()
    {
        var cloud = Cloud("prod");
        All(cloud, "Microsoft.EventHub/namespaces", "properties.publicNetworkAccess", "Disabled");
        All(cloud, "Microsoft.KeyVault/vaults", "properties.publicNetworkAccess", "Disabled");
        All(cloud, "Microsoft.OperationalInsights/workspaces", "properties.publicNetworkAccessForQuery", "Disabled");
        var open = cloud.Of("Microsoft.Storage/storageAccounts").Where(account => account.Text("properties.publicNetworkAccess") != "Disabled");
        Assert.Equal(["ota"], open.SelectMany(account => cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers")
            .Where(container => container.Name.StartsWith(account.Name + "/", StringComparison.Ordinal)).Select(container => container.Name.Split('/')[^1])));
        // What is closed has a private way in: each storage account of a Functions host three, the rest what the apps use of it.
        var reached = cloud.Of("Microsoft.Network/privateEndpoints")
            .Select(endpoint => endpoint.At("properties.privateLinkServiceConnections")!.Value[0].GetProperty("properties").GetProperty("privateLinkServiceId").GetString()!).ToList();
        Assert.All(
            cloud.Resources.Where(resource => resource.Text("properties.publicNetworkAccess") == "Disabled" && resource.Type is "Microsoft.Storage/storageAccounts" or "Microsoft.EventHub/namespaces" or "Microsoft.KeyVault/vaults")
                .Where(resource => !open.Contains(resource)),
            closed => Assert.Contains(reached, id => id.Contains(closed.Name, StringComparison.OrdinalIgnoreCase)));
        Assert.All(cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers").Where(one => one.Name.EndsWith("/deployments", StringComparison.Ordinal)), host =>
            Assert.Equal(3, reached.Count(id => id.EndsWith("/" + host.Name.Split('/')[0], StringComparison.OrdinalIgnoreCase))));
        // And the apps a way out, for tokens and for IoT Hub and DPS, which stay open because devices come from the internet.
        All(cloud, "Microsoft.Devices/IotHubs", "properties.publicNetworkAccess", "Enabled");
        All(cloud, "Microsoft.Devices/provisioningServices", "properties.publicNetworkAccess", "Enabled");
        var network = Assert.Single(cloud.Of("Microsoft.Network/virtualNetworks"));
        Assert.All(network.At("properties.subnets")!.Value.EnumerateArray(), subnet =>
        {
            var properties = subnet.GetProperty("properties");
            Assert.False(properties.GetProperty("defaultOutboundAccess").GetBoolean());
            Assert.True(properties.TryGetProperty("networkSecurityGroup", out _));
            Assert.Equal(subnet.GetProperty("name").GetString() != "endpoints", properties.TryGetProperty("natGateway", out _));
        });
    }

    [Fact]
    public void What_devices_sent_is_copied_only_where_forensics_are_asked_for_and_by_an_identity_of_its_own()
    {
        var copied = Cloud("prod").Of("Microsoft.EventHub/namespaces/eventhubs").Where(hub => hub.At("properties.captureDescription") is { ValueKind: not System.Text.Json.JsonValueKind.Null }).ToList();
        Assert.Equal(["telemetry"], copied.Select(hub => hub.Name.Split('/')[^1]));
        Assert.Contains("id-sdp-capture-", copied[0].Text("properties.captureDescription.destination.identity.userAssignedIdentity"), StringComparison.Ordinal);
        Assert.Equal("capture", copied[0].Text("properties.captureDescription.destination.properties.blobContainer"));
        Assert.All(Cloud("dev").Of("Microsoft.EventHub/namespaces/eventhubs"), hub => Assert.DoesNotContain("\"enabled\"", hub.Text("properties.captureDescription"), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Every_function_app_is_a_custom_handler_with_an_identity_and_a_limit(string environment)
    {
        var cloud = Cloud(environment);
        All(cloud, "Microsoft.Web/sites", "properties.functionAppConfig.runtime.name", "custom");
        All(cloud, "Microsoft.Web/sites", "identity.type", "UserAssigned");
        All(cloud, "Microsoft.Web/sites", "properties.siteConfig.remoteDebuggingEnabled", "false");
        Assert.All(cloud.Of("Microsoft.Web/sites"), site => Assert.InRange(site.At("properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount")!.Value.GetInt32(), 40, 100));
        var webhook = cloud.Of("Microsoft.Web/sites").Single(site => site.Name.Contains("-enrollment-", StringComparison.Ordinal));
        Assert.Contains("\"http\"", webhook.Text("properties.functionAppConfig.scaleAndConcurrency.alwaysReady"), StringComparison.Ordinal);
        // One identity an app: none is shared.
        var identities = cloud.Of("Microsoft.Web/sites").Select(site => Assert.Single(site.At("identity.userAssignedIdentities")!.Value.EnumerateObject()).Name).ToList();
        Assert.Equal(identities.Count, identities.Distinct().Count());
    }

    [Theory]
    [InlineData("dev", "")]
    [InlineData("prod", "enrollment telemetry")]
    public void What_devices_wait_for_outlives_a_zone_where_that_is_asked_for(string environment, string apps)
    {
        var cloud = Cloud(environment);
        static string App(Resource resource) => resource.Name.Split('-')[2];
        var zonal = cloud.Of("Microsoft.Web/serverfarms").Where(plan => string.Equals(plan.Text("properties.zoneRedundant"), "true", StringComparison.OrdinalIgnoreCase)).Select(App).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(apps.Split(' ', StringSplitOptions.RemoveEmptyEntries), zonal);
        Assert.All(cloud.Of("Microsoft.Web/sites").Where(site => zonal.Contains(App(site))), site =>
        {
            // Two warm instances are what spreads; and the host's leases and package have to be there in the other zone.
            Assert.All(site.At("properties.functionAppConfig.scaleAndConcurrency.alwaysReady")!.Value.EnumerateArray(), group => Assert.InRange(group.GetProperty("instanceCount").GetInt32(), 2, 100));
            Assert.Equal("Standard_ZRS", cloud.Of("Microsoft.Storage/storageAccounts").Single(account => account.Name.StartsWith($"stsdp{App(site)[..4]}", StringComparison.Ordinal)).Text("sku.name"));
        });
        // What holds data is in three zones anyway.
        Assert.All(
            cloud.Of("Microsoft.Storage/storageAccounts").Where(account => !cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers").Any(one => one.Name == account.Name + "/default/deployments")),
            account => Assert.Contains("ZRS", account.Text("sku.name"), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Somebody_is_told_when_a_month_costs_more_than_was_meant(string environment)
    {
        var budget = Assert.Single(Cloud(environment).Of("Microsoft.Consumption/budgets"));
        Assert.Contains("ops@example.com", budget.Text("properties.notifications"), StringComparison.Ordinal);
        Assert.EndsWith("-01", budget.Text("properties.timePeriod.startDate"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Only_firmware_can_be_read_without_a_token(string environment)
    {
        var open = Cloud(environment).Of("Microsoft.Storage/storageAccounts/blobServices/containers")
            .Where(container => container.Text("properties.publicAccess") != "None").Select(container => container.Name.Split('/')[^1]);
        Assert.Equal(["ota"], open);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void What_is_lost_for_ever_is_protected(string environment)
    {
        var cloud = Cloud(environment);
        All(cloud, "Microsoft.KeyVault/vaults", "properties.enablePurgeProtection", "true");
        All(cloud, "Microsoft.KeyVault/vaults", "properties.enableSoftDelete", "true");
        All(cloud, "Microsoft.Storage/storageAccounts/blobServices", "properties.deleteRetentionPolicy.enabled", "true");
        All(cloud, "Microsoft.Storage/storageAccounts/blobServices", "properties.isVersioningEnabled", "true");
        // Audit records and what devices sent cannot be changed; published firmware may get newer versions beside the old ones.
        Assert.Equal(
            environment == "dev" ? ["audit", "ota"] : ["audit", "capture", "ota"],
            cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies").Select(policy => policy.Name.Split('/')[^2]).Order(StringComparer.Ordinal));
        Assert.Equal("true", cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers").Single(one => one.Name.EndsWith("/ota", StringComparison.Ordinal)).Text("properties.immutableStorageWithVersioning.enabled"), ignoreCase: true);
        foreach (var type in new[] { "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices", "Microsoft.KeyVault/vaults", "Microsoft.EventHub/namespaces" })
        {
            Assert.All(cloud.Of(type), resource => Assert.Contains(
                cloud.Of("Microsoft.Authorization/locks"), @lock => @lock.Id.StartsWith(resource.Id + "/", StringComparison.OrdinalIgnoreCase)));
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Whatever_can_tell_its_diagnostics_does(string environment)
    {
        var cloud = Cloud(environment);
        var silent = new[]
        {
            "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices", "Microsoft.EventHub/namespaces", "Microsoft.KeyVault/vaults",
            "Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts/blobServices", "Microsoft.Storage/storageAccounts/tableServices",
            "Microsoft.Storage/storageAccounts/queueServices", "Microsoft.Web/sites", "Microsoft.Cdn/profiles",
        }.SelectMany(cloud.Of).Where(resource => !cloud.Of("Microsoft.Insights/diagnosticSettings")
            .Any(setting => setting.Id.StartsWith(resource.Id + "/providers/Microsoft.Insights/", StringComparison.OrdinalIgnoreCase)));
        Assert.Empty(silent);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Signing_keys_sign_and_verify_and_nothing_rotates_them_behind_our_back(string environment)
    {
        // A vault with keys is read by nobody; the other holds one secret and no key.
        Assert.Equal(2, Cloud(environment).Of("Microsoft.KeyVault/vaults").Count());
        Assert.Empty(Cloud(environment).Of("Microsoft.KeyVault/vaults/secrets")); // no template holds a secret
        var keys = Cloud(environment).Of("Microsoft.KeyVault/vaults/keys").ToList();
        Assert.NotEmpty(keys);
        Assert.All(keys, key =>
        {
            Assert.Equal(["sign", "verify"], key.At("properties.keyOps")!.Value.EnumerateArray().Select(op => op.GetString()));
            Assert.All(
                key.At("properties.rotationPolicy.lifetimeActions")!.Value.EnumerateArray(),
                action => Assert.Equal("notify", action.GetProperty("action").GetProperty("type").GetString()));
        });
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Telemetry_reaches_its_hub_by_the_hub_own_identity_and_enrichments_prove_nothing(string environment)
    {
        Assert.All(Cloud(environment).Of("Microsoft.Devices/IotHubs"), hub =>
        {
            var endpoint = Assert.Single(hub.At("properties.routing.endpoints.eventHubs")!.Value.EnumerateArray());
            Assert.Equal("identityBased", endpoint.GetProperty("authenticationType").GetString());
            Assert.Equal("telemetry", endpoint.GetProperty("entityPath").GetString());
            Assert.Equal(
                ["DeviceConnectionStateEvents", "DeviceLifecycleEvents", "DeviceMessages", "TwinChangeEvents"],
                hub.At("properties.routing.routes")!.Value.EnumerateArray().Select(route => route.GetProperty("source").GetString()).Order(StringComparer.Ordinal));
            Assert.Equal("false", hub.Text("properties.routing.fallbackRoute.isEnabled"));
            Assert.Equal(0, hub.At("properties.routing.enrichments")!.Value.GetArrayLength());
        });
    }

    private static Snapshot Cloud(string environment) => Snapshots[environment].Value;

    private static void All(Snapshot cloud, string type, string path, string expected)
    {
        var resources = cloud.Of(type).ToList();
        Assert.NotEmpty(resources);
        Assert.All(resources, resource => Assert.True(
            string.Equals(expected, resource.Text(path), StringComparison.OrdinalIgnoreCase), $"{resource}: {path} is '{resource.Text(path)}', not '{expected}'"));
    }

    [GeneratedRegex("(?i)(password|secret|accesskey|connectionstring(?<!APPLICATIONINSIGHTS_CONNECTION_STRING)$)")]
    private static partial Regex Secret();
}
