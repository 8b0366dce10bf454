using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Serverless.Deploy.Azure;

/// <summary>What is deployed where: one parameter file and the deployment that bears its name.</summary>
/// <param name="Environment">Name of the environment: <c>infra/{Environment}.bicepparam</c>.</param>
/// <param name="Parameters">Path of the parameter file.</param>
/// <param name="Deployment">Name of the subscription deployment; its outputs are read back by it.</param>
/// <param name="Location">Azure region of the deployment's record; <see langword="null"/> if the file does not say it in so many words.</param>
public sealed partial record Target(string Environment, string Parameters, string Deployment, string? Location)
{
    private const string NobodysId = "00000000-0000-0000-0000-000000000000";

    /// <summary>Where to keep the deployment's record.</summary>
    /// <exception cref="DeployException">The parameter file does not say.</exception>
    public string Region => Location ?? throw new DeployException($"infra/{Environment}.bicepparam names no location");

    /// <summary>Reads the parameter file of an environment.</summary>
    /// <param name="around">The tree.</param>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="filledIn">Whether values that only the owner knows must be there.</param>
    /// <exception cref="DeployException">No such file, or a value is still the example's.</exception>
    public static Target Read(Surroundings around, string environment, bool filledIn)
    {
        ArgumentNullException.ThrowIfNull(around);
        var file = Path.Combine(around.Infra, $"{environment}.bicepparam");
        if (!File.Exists(file)) throw new DeployException($"there is no infra/{environment}.bicepparam: copy dev.bicepparam and fill it in");
        var text = File.ReadAllText(file);
        if (filledIn && text.Contains(NobodysId, StringComparison.Ordinal)) throw new DeployException($"infra/{environment}.bicepparam: apiClientId is still the example's; 'entra' makes the registration and prints the id");
        if (filledIn && text.Contains("@example.com", StringComparison.Ordinal)) throw new DeployException($"infra/{environment}.bicepparam: opsEmail is still the example's; alerts would reach nobody");
        var location = LocationLine().Match(text);
        return new Target(environment, file, around.Deployment ?? $"pipeline-{environment}", location.Success ? location.Groups[1].Value : null);
    }

    /// <summary>Reads what the deployment put out.</summary>
    /// <param name="az">The Azure CLI.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="DeployException">Never deployed.</exception>
    public async Task<Deployed> Outputs(AzureCli az, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(az);
        var found = await az.Find(["deployment", "sub", "show", "--name", Deployment, "--query", "properties.outputs"], cancel).ConfigureAwait(false);
        return Deployed.Read(found ?? throw new DeployException($"'{Environment}' was never deployed to this subscription: run 'deploy' first"));
    }

    /// <summary>Where a site answers: newer sites have a name of the platform's making.</summary>
    /// <param name="shown">What <c>az functionapp show</c> says.</param>
    /// <param name="site">Its name.</param>
    public static string HostOf(JsonNode? shown, string site) =>
        (string?)shown?["defaultHostName"] ?? (string?)shown?["properties"]?["defaultHostName"] ?? $"{site}.azurewebsites.net";

    [GeneratedRegex(@"^param location = '([a-z0-9]+)'", RegexOptions.Multiline)]
    private static partial Regex LocationLine();
}

/// <summary>Names that a deployment made.</summary>
/// <param name="ResourceGroup">The resource group.</param>
/// <param name="Apps">Site by app.</param>
/// <param name="Provisioning">The DPS instance.</param>
/// <param name="KeyVault">The vault.</param>
/// <param name="WebhookVault">The vault of the webhook's key.</param>
/// <param name="StateAccount">Storage account of profiles.</param>
/// <param name="OtaAccount">Storage account of published firmware.</param>
/// <param name="OtaHost">Host that devices fetch firmware from.</param>
public sealed record Deployed(
    string ResourceGroup, IReadOnlyDictionary<string, string> Apps, string Provisioning, string KeyVault, string WebhookVault, string StateAccount, string OtaAccount, string OtaHost)
{
    /// <summary>Reads the deployment's outputs.</summary>
    /// <param name="outputs">As the Azure CLI prints them.</param>
    public static Deployed Read(JsonNode outputs)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        string Text(string name) => (string?)outputs[name]?["value"] ?? throw new DeployException($"the deployment has no output '{name}': deploy the templates of this commit first");
        var apps = outputs["functionApps"]?["value"]?.AsObject() ?? throw new DeployException("the deployment has no output 'functionApps': deploy the templates of this commit first");
        return new Deployed(
            Text("resourceGroup"),
            apps.ToDictionary(app => app.Key, app => (string)app.Value!, StringComparer.Ordinal),
            Text("provisioningName"),
            Text("keyVaultName"),
            Text("webhookVaultName"),
            Text("stateAccount"),
            Text("otaAccount"),
            Text("otaHost"));
    }
}
