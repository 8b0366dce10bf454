using Serverless.Deploy.Azure;
using Serverless.Deploy.Packages;

namespace Serverless.Deploy.Steps;

/// <summary>Templates and packages into a subscription. Every step can be run again: it ends where it would have ended.</summary>
/// <param name="around">Where it runs.</param>
/// <param name="az">The Azure CLI.</param>
public sealed class Rollout(Surroundings around, AzureCli az)
{
    /// <summary>Shows what a deployment would change, and changes nothing.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task WhatIf(string environment, string subscription, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: false);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        await az.Show(
            ["deployment", "sub", "what-if", "--name", target.Deployment, "--location", target.Region, "--parameters", target.Parameters], cancel).ConfigureAwait(false);
    }

    /// <summary>Deploys the templates, then every package there is.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="packages">Folder of the packages.</param>
    /// <param name="cancel">Ends it; what was deployed stays.</param>
    public async Task Deploy(string environment, string subscription, string packages, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: true);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        Complete(packages, []);
        around.Say($"templates: {target.Deployment} in {target.Region}");
        await az.Ask(
            ["deployment", "sub", "create", "--name", target.Deployment, "--location", target.Region, "--parameters", target.Parameters], cancel).ConfigureAwait(false);
        await Apps(environment, subscription, packages, [], cancel).ConfigureAwait(false);
    }

    /// <summary>Deploys packages only: an upgrade or, with older packages, a rollback.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="packages">Folder of the packages.</param>
    /// <param name="apps">Which apps; empty for all.</param>
    /// <param name="cancel">Ends it; what was deployed stays.</param>
    public async Task Apps(string environment, string subscription, string packages, IReadOnlyCollection<string> apps, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: true);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        var sources = Complete(packages, apps);
        var deployed = await target.Outputs(az, cancel).ConfigureAwait(false);
        foreach (var app in sources)
        {
            if (!deployed.Apps.TryGetValue(app.Name, out var site)) throw new DeployException($"app '{app.Name}' has no site in '{environment}': add it to 'apps' in infra/main.bicep and deploy the templates");
            around.Say($"package: {app.Name} to {site}");
            // The site's identity must be able to read its package container; right after the first deployment it cannot yet.
            await az.Patiently(
                app.Name,
                () => az.Ask(["functionapp", "deployment", "source", "config-zip", "--resource-group", deployed.ResourceGroup, "--name", site, "--src", Package(packages, app.Name)], cancel),
                cancel).ConfigureAwait(false);
        }
    }

    // Before the first is deployed: half of a version is worse than the old one.
    private IReadOnlyList<FunctionAppSource> Complete(string packages, IReadOnlyCollection<string> apps)
    {
        var sources = FunctionAppSource.Pick(around.Root, apps);
        return sources.FirstOrDefault(app => !File.Exists(Package(packages, app.Name))) is { } missing
            ? throw new DeployException($"{Package(packages, missing.Name)} is not there: run 'package' first")
            : sources;
    }

    private static string Package(string folder, string app) => Path.Combine(folder, $"{app}.zip");
}
