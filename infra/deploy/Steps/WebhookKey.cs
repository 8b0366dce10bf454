using System.Text.Json.Nodes;
using Serverless.Deploy.Azure;

namespace Serverless.Deploy.Steps;

/// <summary>The key by which DPS proves itself to the webhook: made anew, written into every enrolment, the old one taken away.</summary>
/// <remarks>Two key names take turns, so that there is no moment without a valid key. Order: new key made → the vault holds it and the app that
/// makes enrolments starts with it → every enrolment names it → old key removed. A run that stops in between leaves both keys valid and is run again. The URL is supplied afresh and never read back: DPS masks its
/// query (learn.microsoft.com, Custom allocation concepts).</remarks>
/// <param name="around">Where it runs.</param>
/// <param name="az">The Azure CLI.</param>
public sealed class WebhookKey(Surroundings around, AzureCli az)
{
    /// <summary>The function that DPS calls.</summary>
    public const string Function = "Allocate";

    /// <summary>Its path: host.json's prefix and function.json's route.</summary>
    public const string Route = "api/allocate";

    private const string App = "enrollment";
    private const string Audience = "https://azure-devices-provisioning.net";
    /// <summary>The secret's name in the vault; the app's setting in main.bicep refers to it.</summary>
    public const string Secret = "webhook-key";

    private const string Management = "https://management.azure.com";
    private static readonly string[] Names = ["dps-a", "dps-b"];

    /// <summary>Rotates.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="cancel">Ends it; run it again.</param>
    public async Task Rotate(string environment, string subscription, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: true);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        var deployed = await target.Outputs(az, cancel).ConfigureAwait(false);
        if (!deployed.Apps.TryGetValue(App, out var site)) throw new DeployException($"app '{App}' is not deployed");
        string[] function = ["--resource-group", deployed.ResourceGroup, "--name", site, "--function-name", Function];

        var (name, key) = await NewKey(function, cancel).ConfigureAwait(false);
        var address = await Keep(deployed, site, key, cancel).ConfigureAwait(false);
        var url = new Uri($"https://{address}/{Route}?code={Uri.EscapeDataString(key)}");
        var shown = await az.Ask(["iot", "dps", "show", "--resource-group", deployed.ResourceGroup, "--name", deployed.Provisioning], cancel).ConfigureAwait(false);
        var host = (string?)shown?["properties"]?["serviceOperationsHostName"] ?? throw new DeployException($"DPS {deployed.Provisioning} names no host");
        var token = await az.Ask(["account", "get-access-token", "--resource", Audience], cancel).ConfigureAwait(false);
        using var http = new HttpClient(around.Http());
        var enrolments = new Enrolments(http, host, (string?)token?["accessToken"] ?? throw new DeployException("az account get-access-token gave no token"), around);

        var (written, skipped) = (0, new List<string>());
        foreach (var kind in Enrolments.Kinds)
        {
            await foreach (var (id, record) in enrolments.Custom(kind, cancel).ConfigureAwait(false))
            {
                if (await enrolments.Name(kind, id, record, url, cancel).ConfigureAwait(false)) written++;
                else skipped.Add($"{kind} {id}");
            }
        }

        around.Say($"{written} enrolments name the webhook with key '{name}'");
        if (skipped.Count > 0)
        {
            // Their secrets would have to be sent along, or be made anew by the service: a device would lose its identity.
            throw new DeployException($"{skipped.Count} enrolments prove by symmetric key or TPM and were left alone; give them the URL by hand, then run this again: {string.Join(", ", skipped)}. Both keys are valid meanwhile");
        }

        foreach (var old in Names.Where(one => one != name))
        {
            if ((await Keys(function, cancel).ConfigureAwait(false))[old] is null) continue;
            await az.Ask(["functionapp", "function", "keys", "delete", .. function, "--key-name", old], cancel).ConfigureAwait(false);
            around.Say($"key '{old}' taken away");
        }
    }

    // Through the management plane: it needs no right on the vault's contents, and no way into its network.
    private async Task<string> Keep(Deployed deployed, string site, string key, CancellationToken cancel)
    {
        var vault = await az.Ask(["keyvault", "show", "--resource-group", deployed.ResourceGroup, "--name", deployed.WebhookVault], cancel).ConfigureAwait(false);
        await az.Rest(
            "PUT", $"{Management}{(string?)vault?["id"]}/secrets/{Secret}?api-version=2024-11-01", new JsonObject { ["properties"] = new JsonObject { ["value"] = key } }, [], cancel).ConfigureAwait(false);
        var app = await az.Ask(["functionapp", "show", "--resource-group", deployed.ResourceGroup, "--name", site], cancel).ConfigureAwait(false);
        // References are looked at once a day otherwise; and an instance that runs knows the old key until it is gone.
        await az.Rest("POST", $"{Management}{(string?)app?["id"]}/config/configreferences/appsettings/refresh?api-version=2024-11-01", [], [], cancel).ConfigureAwait(false);
        await az.Ask(["functionapp", "restart", "--resource-group", deployed.ResourceGroup, "--name", site], cancel).ConfigureAwait(false);
        around.Say($"the vault holds it and {site} starts with it");
        return Target.HostOf(app, site);
    }

    private async Task<(string Name, string Key)> NewKey(string[] function, CancellationToken cancel)
    {
        var there = await Keys(function, cancel).ConfigureAwait(false);
        var (a, b) = (there[Names[0]], there[Names[1]]);
        if (a is null || b is null)
        {
            var name = a is null ? Names[0] : Names[1];
            await az.Ask(["functionapp", "function", "keys", "set", .. function, "--key-name", name], cancel).ConfigureAwait(false);
            around.Say($"new key '{name}'");
            return (name, (string?)(await Keys(function, cancel).ConfigureAwait(false))[name] ?? throw new DeployException($"the platform made no key '{name}'"));
        }

        // A run before this one stopped half way. Either key will do: all enrolments get it, then the other goes.
        around.Say("both keys are there: a run before this one did not end");
        return (Names[1], (string)b!);
    }

    private async Task<JsonNode> Keys(string[] function, CancellationToken cancel) =>
        await az.Ask(["functionapp", "function", "keys", "list", .. function], cancel).ConfigureAwait(false) ?? new JsonObject();
}
