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
            cloud.Resources.Where(resource => resource.Body.GetRawText().Contains("listKeys", StringComparison.OrdinalIgnoreCase)),
            resource => Assert.Equal("Microsoft.Devices/provisioningServices", resource.Type));
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
        Assert.NotEmpty(cloud.Of("Microsoft.Network/privateEndpoints"));
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
        var audit = Assert.Single(cloud.Of("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies"));
        Assert.Contains("/audit/", audit.Name, StringComparison.Ordinal);
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
