using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>One role that one identity holds on one thing.</summary>
/// <param name="Identity">Function app, or service such as <c>iot-a</c>.</param>
/// <param name="Role">Name of the role; custom ones without their deployment's suffix.</param>
/// <param name="On">What it is held on, by the name that the local cloud uses too: <c>eventhubs/alerts</c>, <c>storage/table/devices</c>.</param>
internal sealed partial record Right(string Identity, string Role, string On)
{
    private static readonly Dictionary<string, string> BuiltIn = new(StringComparer.OrdinalIgnoreCase)
    {
        ["2b629674-e913-4c01-ae53-ef4638d8f975"] = "Azure Event Hubs Data Sender",
        ["a638d3c7-ab3a-418d-83e6-5f17a39d4fde"] = "Azure Event Hubs Data Receiver",
        ["2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"] = "Storage Blob Data Reader",
        ["ba92f5b4-2d11-453d-a403-e96b0029c9fe"] = "Storage Blob Data Contributor",
        ["b7e6dc6d-f1e8-4753-8033-0f276bb0955b"] = "Storage Blob Data Owner",
        ["76199698-9eea-4c19-bc75-cec21354c6b6"] = "Storage Table Data Reader",
        ["0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"] = "Storage Table Data Contributor",
        ["974c5e8b-45b9-4653-ba55-5f855dd0fb88"] = "Storage Queue Data Contributor",
        ["4633458b-17de-408a-b874-0445c86b69e6"] = "Key Vault Secrets User",
        ["3913510d-42f4-4e42-8a64-420c390055eb"] = "Monitoring Metrics Publisher",
    };

    /// <summary>Every right that a deployment gives, in order. A role that is not listed above and no custom one of ours fails.</summary>
    public static IReadOnlyList<Right> Of(Snapshot cloud)
    {
        var custom = cloud.Of("Microsoft.Authorization/roleDefinitions")
            .ToDictionary(role => role.Name, role => role.Text("properties.roleName").Split(" (")[0] + " (custom)", StringComparer.OrdinalIgnoreCase);
        return [.. cloud.Of("Microsoft.Authorization/roleAssignments").Select(assignment =>
        {
            var role = assignment.Text("properties.roleDefinitionId").Split('/')[^1];
            return new Right(
                IdentityOf(assignment),
                BuiltIn.TryGetValue(role, out var name) || custom.TryGetValue(role, out name) ? name : throw new InvalidOperationException($"{assignment}: role {role} is not on the list"),
                Place(assignment.Id.Split("/providers/Microsoft.Authorization/")[0]));
        }).Distinct().OrderBy(right => right.Identity, StringComparer.Ordinal).ThenBy(right => right.On, StringComparer.Ordinal).ThenBy(right => right.Role, StringComparer.Ordinal)];
    }

    /// <summary>For the table in README.md: an account of a Functions host is the app's own, whatever it is called.</summary>
    public string Where => On switch
    {
        "host-storage" => "the storage account of its Functions host",
        "insights" => "Application Insights",
        "webhook-vault" => "the vault of the webhook's key, which holds nothing else",
        "dps" => "DPS",
        "iothub" => "each IoT hub",
        _ when On.StartsWith("eventhubs/", StringComparison.Ordinal) => $"hub `{On.Split('/')[1]}`",
        _ when On.StartsWith("storage/blob/", StringComparison.Ordinal) => $"container `{On.Split('/')[2]}`",
        _ when On.StartsWith("storage/table/", StringComparison.Ordinal) => $"table `{On.Split('/')[2]}`",
        _ when On.StartsWith("keyvault/keys/", StringComparison.Ordinal) => $"key `{On.Split('/')[2]}`",
        _ => throw new InvalidOperationException(On),
    };

    // The principal is an expression that names the identity's resource.
    private static string IdentityOf(Resource assignment)
    {
        var name = IdentityName().Match(assignment.Text("properties.principalId")).Groups[1].Value;
        var parts = name.Split('-'); // id-sdp-telemetry-dev-iknnd, id-iot-sdp-a-dev-iknnd
        return parts[1] == "iot" ? "iothub" : parts[2];
    }

    private static string Place(string scope)
    {
        var path = scope.Split("/providers/")[^1].Split('/');
        return (path[0] + "/" + path[1]).ToLowerInvariant() switch
        {
            "microsoft.eventhub/namespaces" when path.Length == 5 => $"eventhubs/{path[4]}",
            "microsoft.storage/storageaccounts" when path.Length == 3 => "host-storage",
            "microsoft.storage/storageaccounts" when path[3] == "blobServices" => $"storage/blob/{path[6]}",
            "microsoft.storage/storageaccounts" when path[3] == "tableServices" => $"storage/table/{path[6]}",
            "microsoft.keyvault/vaults" when path.Length == 5 => $"keyvault/keys/{path[4]}",
            "microsoft.keyvault/vaults" when path.Length == 3 && path[2].StartsWith("kvsdphook", StringComparison.Ordinal) => "webhook-vault",
            "microsoft.devices/iothubs" => "iothub",
            "microsoft.devices/provisioningservices" => "dps",
            "microsoft.insights/components" => "insights",
            _ => throw new InvalidOperationException($"a right on {scope} is wider than any that is meant"),
        };
    }

    [GeneratedRegex("userAssignedIdentities/([a-z0-9-]+)'")]
    private static partial Regex IdentityName();
}
