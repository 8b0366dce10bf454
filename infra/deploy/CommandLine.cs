using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Serverless.Deploy.Azure;
using Serverless.Deploy.Packages;
using Serverless.Deploy.Steps;

namespace Serverless.Deploy;

/// <summary>The command line.</summary>
public static partial class CommandLine
{
    private const int Refused = 2;

    /// <summary>Runs it. Exit codes: 0 done; 1 a check did not hold; 2 it could not be done or was not understood, one line says why; 130 stopped by Ctrl-C.</summary>
    /// <param name="args">As typed.</param>
    /// <param name="around">What it runs in.</param>
    /// <param name="configuration">Where help and what was not understood go; <see langword="null"/> for the console.</param>
    /// <param name="cancel">Stops it, as Ctrl-C does.</param>
    public static async Task<int> Run(IReadOnlyList<string> args, Surroundings around, InvocationConfiguration? configuration = null, CancellationToken cancel = default)
    {
        var asked = Build(around).Parse(args);
        var code = await asked.InvokeAsync(configuration, cancel).ConfigureAwait(false);
        return asked.Errors.Count > 0 ? Refused : code; // the library's own answer is 1, which means something else here
    }

    /// <summary>Builds it.</summary>
    /// <param name="around">What it runs in.</param>
    public static RootCommand Build(Surroundings around)
    {
        ArgumentNullException.ThrowIfNull(around);
        var az = new AzureCli(around);
        var packager = new Packager(around);
        var environment = new Option<string>("--environment") { Description = "Name of a parameter file: infra/NAME.bicepparam.", Required = true, HelpName = "NAME" };
        var subscription = new Option<string>("--subscription") { Description = "Id or name of the subscription that is meant; az must work in it.", Required = true, HelpName = "ID" };
        var deployment = new Option<string?>("--deployment") { Description = "Deployment whose outputs are meant, if another tool made it (azd). Default: pipeline-NAME.", HelpName = "NAME" };
        var apps = new Option<string[]>("--app") { Description = "Only this function app; may be repeated.", HelpName = "NAME", DefaultValueFactory = _ => [] };
        var packages = new Option<string>("--packages") { Description = "Folder of the packages.", HelpName = "DIR", DefaultValueFactory = _ => packager.DefaultFolder };

        environment.Validators.Add(asked => Check(asked, EnvironmentName().IsMatch, "is no environment: letters, digits and dashes, as in infra/NAME.bicepparam"));
        foreach (var named in new Option[] { subscription, deployment, packages, apps }) named.Validators.Add(asked => Check(asked, value => value.Trim().Length > 0, "is empty"));

        var package = new Command("package", "Publishes each function app as a native linux-x64 program and packs it: the same commit gives the same bytes.") { apps, packages };
        package.SetAction((asked, cancel) => Told(around, async () => (await packager.Make(asked.GetValue(apps)!, asked.GetValue(packages)!, cancel).ConfigureAwait(false)).Count > 0));

        var reproduce = new Command("reproduce", "Packs the commit twice, the second time from a fresh clone in another folder, and compares every byte.") { apps, packages };
        reproduce.SetAction((asked, cancel) => Told(around, () => packager.Reproduce(asked.GetValue(apps)!, asked.GetValue(packages)!, cancel)));

        var entra = new Command("entra", "Creates or updates the API's registration and app roles in Entra ID, and prints its id.") { environment, subscription };
        entra.SetAction((asked, cancel) => Told(around, () => new EntraRegistration(around, az).Write(asked.GetValue(environment)!, asked.GetValue(subscription)!, cancel)));

        var whatIf = new Command("what-if", "Shows what deploying the templates would change.") { environment, subscription };
        whatIf.SetAction((asked, cancel) => Told(around, () => new Rollout(around, az).WhatIf(asked.GetValue(environment)!, asked.GetValue(subscription)!, cancel)));

        var deploy = new Command("deploy", "Deploys the templates, then every package.") { environment, subscription, packages };
        deploy.SetAction((asked, cancel) => Told(around, () => new Rollout(around, az).Deploy(asked.GetValue(environment)!, asked.GetValue(subscription)!, asked.GetValue(packages)!, cancel)));

        var upgrade = new Command("apps", "Deploys packages only: an upgrade or, with older packages, a rollback.") { environment, subscription, deployment, packages, apps };
        upgrade.SetAction((asked, cancel) => Told(around, () => new Rollout(around with { Deployment = asked.GetValue(deployment) }, az).Apps(asked.GetValue(environment)!, asked.GetValue(subscription)!, asked.GetValue(packages)!, asked.GetValue(apps)!, cancel)));

        var root = new Option<string?>("--tuf-root") { Description = "The signed first TUF root, made offline.", HelpName = "FILE" };
        var keys = new Option<string>("--keys") { Description = "Folder for the public keys.", HelpName = "DIR", DefaultValueFactory = _ => Path.Combine(around.Root, "artifacts/first-run") };
        var documents = new Option<string>("--profiles")
        {
            Description = $"Folder of device profiles and of {FirstRun.PolicyBlob}. Default: the examples, without a policy.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine(around.Root, "functions/Telemetry/Validation/profiles"),
        };
        root.Validators.Add(asked => Check(asked, File.Exists, "is no file"));
        documents.Validators.Add(asked => Check(asked, Directory.Exists, "is no folder"));
        var first = new Command("first-run", "What templates cannot do, once: public keys out, TUF root and profiles in. Can be run again.") { environment, subscription, deployment, root, documents, keys };
        first.SetAction((asked, cancel) => Told(around, () => new FirstRun(around with { Deployment = asked.GetValue(deployment) }, az).Run(asked.GetValue(environment)!, asked.GetValue(subscription)!, asked.GetValue(root), asked.GetValue(documents)!, asked.GetValue(keys)!, cancel)));

        var smoke = new Command("smoke", "Looks whether what was deployed lives; changes nothing.") { environment, subscription, deployment };
        smoke.SetAction((asked, cancel) => Told(around, () => new Smoke(around with { Deployment = asked.GetValue(deployment) }, az).Look(asked.GetValue(environment)!, asked.GetValue(subscription)!, cancel)));

        var rotate = new Command("rotate-webhook-key", "Gives the DPS webhook a new function key and writes it into every enrolment that calls it.") { environment, subscription, deployment };
        rotate.SetAction((asked, cancel) => Told(around, () => new WebhookKey(around with { Deployment = asked.GetValue(deployment) }, az).Rotate(asked.GetValue(environment)!, asked.GetValue(subscription)!, cancel)));

        return new RootCommand("Packs and deploys the pipeline. infra/README.md says in which order.") { package, reproduce, entra, whatIf, deploy, upgrade, first, smoke, rotate };
    }

    // Before anything is begun: what a command would find out after minutes.
    private static void Check(OptionResult asked, Func<string, bool> holds, string otherwise)
    {
        foreach (var token in asked.Tokens)
        {
            if (!holds(token.Value)) asked.AddError($"{asked.Option.Name} '{token.Value}' {otherwise}");
        }
    }

    [GeneratedRegex("^[A-Za-z0-9-]+$")]
    private static partial Regex EnvironmentName();

    private static Task<int> Told(Surroundings around, Func<Task> step) => Told(around, async () =>
    {
        await step().ConfigureAwait(false);
        return true;
    });

    private static async Task<int> Told(Surroundings around, Func<Task<bool>> step)
    {
        try
        {
            return await step().ConfigureAwait(false) ? 0 : 1;
        }
        catch (OperationCanceledException)
        {
            around.Say("stopped before the end");
            return 130;
        }
        catch (Exception problem) when (problem is DeployException or HttpRequestException or IOException or UnauthorizedAccessException)
        {
            around.Say($"error: {problem.Message}");
            return 2;
        }
    }
}
