using System.Net;
using Serverless.Deploy.Azure;
using Serverless.Deploy.Packages;

namespace Serverless.Deploy.Steps;

/// <summary>Whether what was deployed lives: each app runs and has its functions, the API is there and closed, DPS and firmware answer.</summary>
/// <remarks>Changes nothing, and needs the right to read only.</remarks>
/// <param name="around">Where it runs.</param>
/// <param name="az">The Azure CLI.</param>
public sealed class Smoke(Surroundings around, AzureCli az)
{
    /// <summary>Looks at everything.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Whether all is well.</returns>
    public async Task<bool> Look(string environment, string subscription, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: true);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        var deployed = await target.Outputs(az, cancel).ConfigureAwait(false);
        var well = true;
        using var http = new HttpClient(around.Http()) { Timeout = TimeSpan.FromSeconds(30) };
        foreach (var app in FunctionAppSource.All(around.Root)) well &= await App(deployed, app, http, cancel).ConfigureAwait(false);
        var service = await az.Ask(["iot", "dps", "show", "--resource-group", deployed.ResourceGroup, "--name", deployed.Provisioning], cancel).ConfigureAwait(false);
        var hubs = service?["properties"]?["iotHubs"]?.AsArray().Count ?? 0;
        well &= Tell((string?)service?["properties"]?["state"] == "Active" && hubs > 0, $"DPS {deployed.Provisioning} is active with {hubs} linked hubs");
        using var root = await http.GetAsync(new Uri($"https://{deployed.OtaHost}/{FirstRun.RootBlob}"), cancel).ConfigureAwait(false);
        well &= Tell(root.StatusCode == HttpStatusCode.OK, $"firmware: https://{deployed.OtaHost}/{FirstRun.RootBlob} answers {(int)root.StatusCode}");
        return well;
    }

    private async Task<bool> App(Deployed deployed, FunctionAppSource app, HttpClient http, CancellationToken cancel)
    {
        if (!deployed.Apps.TryGetValue(app.Name, out var site)) return Tell(false, $"{app.Name} has a site");
        var shown = await az.Ask(["functionapp", "show", "--resource-group", deployed.ResourceGroup, "--name", site], cancel).ConfigureAwait(false);
        var state = (string?)shown?["state"] ?? (string?)shown?["properties"]?["state"] ?? "unknown";
        var well = Tell(state == "Running", $"{app.Name} is {state}");
        well &= await References(app, (string?)shown?["id"] ?? "", cancel).ConfigureAwait(false);
        var listed = (await az.Ask(["functionapp", "function", "list", "--resource-group", deployed.ResourceGroup, "--name", site], cancel).ConfigureAwait(false))?.AsArray()
            .Select(one => ((string?)one?["name"] ?? "").Split('/')[^1]).ToList() ?? [];
        var missing = app.Functions.Except(listed).ToList();
        well &= Tell(missing.Count == 0, missing.Count == 0 ? $"{app.Name} has {listed.Count} functions" : $"{app.Name} lacks {string.Join(", ", missing)}");
        // A path that no function has, without a token: the app must answer, and must not let anybody in.
        using var answer = await http.GetAsync(new Uri($"https://{Target.HostOf(shown, site)}/api/smoke"), cancel).ConfigureAwait(false);
        return well & Tell(answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.NotFound, $"{app.Name} answers a stranger with {(int)answer.StatusCode}");
    }

    // A reference that does not resolve is not missing for the app: it would take the reference's text for the secret.
    private async Task<bool> References(FunctionAppSource app, string id, CancellationToken cancel)
    {
        var answer = await az.Ask(["rest", "--method", "GET", "--url", $"https://management.azure.com{id}/config/configreferences/appsettings?api-version=2024-11-01"], cancel).ConfigureAwait(false);
        var unresolved = answer?["value"]?.AsArray().Where(one => (string?)one?["properties"]?["status"] != "Resolved").Select(one => ((string?)one?["name"] ?? "").Split('/')[^1]).ToList() ?? [];
        return unresolved.Count == 0 || Tell(false, $"{app.Name} has settings that do not resolve: {string.Join(", ", unresolved)}; run 'rotate-webhook-key'");
    }

    private bool Tell(bool well, string what)
    {
        around.Say($"{(well ? "ok    " : "BROKEN")} {what}");
        return well;
    }
}
