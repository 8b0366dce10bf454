using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Deploy.Azure;

/// <summary>The Azure CLI, as the person or pipeline that is signed in.</summary>
/// <remarks>Secrets come back on standard output and are never passed as arguments, where other users of the machine could read them.</remarks>
/// <param name="around">Which program, and where to run it.</param>
public sealed class AzureCli(Surroundings around)
{
    /// <summary>Runs <c>az</c> and reads its JSON.</summary>
    /// <param name="arguments">Arguments without <c>--output</c>.</param>
    /// <param name="cancel">Kills it.</param>
    /// <returns>The answer; <see langword="null"/> if <c>az</c> had nothing to say.</returns>
    /// <exception cref="DeployException">No <c>az</c>, nobody is signed in, or the command failed; the message says what to do.</exception>
    public async Task<JsonNode?> Ask(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var run = await Run([.. arguments, "--output", "json", "--only-show-errors"], cancel).ConfigureAwait(false);
        if (run.Status != 0) throw Failed(arguments, run);
        try
        {
            return string.IsNullOrWhiteSpace(run.Output) ? null : JsonNode.Parse(run.Output);
        }
        catch (JsonException)
        {
            throw new DeployException($"az {Name(arguments)} answered something that is not JSON; is another program called 'az'?");
        }
    }

    /// <summary>As <see cref="Ask"/>, but what is not there is <see langword="null"/> instead of an error.</summary>
    /// <param name="arguments">Arguments without <c>--output</c>.</param>
    /// <param name="cancel">Kills it.</param>
    public async Task<JsonNode?> Find(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var run = await Run([.. arguments, "--output", "json", "--only-show-errors"], cancel).ConfigureAwait(false);
        if (run.Status == 0) return string.IsNullOrWhiteSpace(run.Output) ? null : JsonNode.Parse(run.Output);
        // 3: the resource is not there. Data planes use 1 and say so in words.
        if (run.Status == 3 || run.Errors.Contains("NotFound", StringComparison.OrdinalIgnoreCase) || run.Errors.Contains("not found", StringComparison.OrdinalIgnoreCase)) return null;
        throw Failed(arguments, run);
    }

    /// <summary>Runs <c>az</c> and passes on what it prints, for answers that people read.</summary>
    /// <param name="arguments">Arguments.</param>
    /// <param name="cancel">Kills it.</param>
    public async Task Show(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var run = await Run(arguments, cancel).ConfigureAwait(false);
        around.Say(run.Output.TrimEnd());
        if (run.Status != 0) throw Failed(arguments, run);
    }

    /// <summary>A request to Azure Resource Manager or Microsoft Graph with a body that may hold a secret: it goes by a file that only this
    /// user can read and that is gone afterwards, for arguments can be read by others.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="url">Address.</param>
    /// <param name="body">Body.</param>
    /// <param name="headers">Further headers, as <c>Name=value</c>.</param>
    /// <param name="cancel">Kills it.</param>
    public async Task<JsonNode?> Rest(string method, string url, JsonObject body, IEnumerable<string> headers, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(body);
        var file = Path.GetTempFileName(); // mode 0600
        try
        {
            await File.WriteAllTextAsync(file, body.ToJsonString(), cancel).ConfigureAwait(false);
            return await Ask(["rest", "--method", method, "--url", url, "--headers", .. headers, "Content-Type=application/json", "--body", $"@{file}"], cancel).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Tries again while rights spread: a role assignment takes minutes until every door knows it.</summary>
    /// <typeparam name="T">What comes back.</typeparam>
    /// <param name="what">The step, for the person.</param>
    /// <param name="step">The step; a <see cref="DeployException"/> means not yet.</param>
    /// <param name="cancel">Ends the waiting.</param>
    public async Task<T> Patiently<T>(string what, Func<Task<T>> step, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(step);
        for (var tried = 1; ; tried++)
        {
            try
            {
                return await step().ConfigureAwait(false);
            }
            catch (DeployException problem) when (tried < around.Tries)
            {
                around.Say($"  {what}: not yet ({problem.Message}); try {tried + 1} of {around.Tries} in {around.Pause.TotalSeconds:0} s");
                await Task.Delay(around.Pause, around.Clock, cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The subscription that <c>az</c> works in must be the one that was meant.</summary>
    /// <param name="subscription">Id or name, as the person wrote it.</param>
    /// <param name="cancel">Kills it.</param>
    /// <returns>The tenant's id.</returns>
    public async Task<string> Meant(string subscription, CancellationToken cancel)
    {
        var account = await Ask(["account", "show"], cancel).ConfigureAwait(false) ?? throw new DeployException("az account show said nothing: sign in with 'az login'");
        var (id, name) = ((string?)account["id"] ?? "", (string?)account["name"] ?? "");
        if (!string.Equals(id, subscription, StringComparison.OrdinalIgnoreCase) && name != subscription)
        {
            throw new DeployException($"az works in subscription '{name}' ({id}), not in '{subscription}': run 'az account set --subscription \"{subscription}\"' first");
        }

        return (string?)account["tenantId"] ?? "";
    }

    private async Task<ToolRun> Run(IReadOnlyList<string> arguments, CancellationToken cancel) =>
        await ToolRun.Run(around.Az, arguments, around.Root, cancel).ConfigureAwait(false)
        ?? throw new DeployException($"the Azure CLI '{around.Az}' is not on this machine: install it (2.60 or newer), then 'az login'");

    private static DeployException Failed(IReadOnlyList<string> arguments, ToolRun run)
    {
        var advice =
            run.Errors.Contains("az login", StringComparison.Ordinal) ? "sign in with 'az login'"
            : run.Errors.Contains("AuthorizationFailed", StringComparison.Ordinal) ? "your identity lacks the right; infra/README.md lists what a deployer needs"
            : run.Errors.Contains("ForbiddenByRbac", StringComparison.Ordinal) || run.Errors.Contains("AuthorizationPermissionMismatch", StringComparison.Ordinal) ? "the right is not there, or not yet: role assignments take minutes"
            : null;
        return new DeployException($"az {Name(arguments)} failed with {run.Status}{(advice is null ? "" : $": {advice}")}: {run.LastWord}");
    }

    // The command without its values: those may be long, or nobody's business.
    private static string Name(IReadOnlyList<string> arguments) => string.Join(' ', arguments.TakeWhile(word => !word.StartsWith('-')));
}
